"""A machine of one's own: user, process, mount, network, IPC and host name namespaces.

Inside, process 1 is the fork server; the root is a few read-only system folders; ``/tmp`` is a small
file system in memory and the only place to write; there is no network, not even loopback. Needs no
privilege where the kernel lets users make user namespaces.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Sequence

from . import linux

NOBODY = 65534
SCRATCH_BYTES, SCRATCH_FILES = 256 << 20, 20_000
DEVICES = ("null", "zero", "full", "random", "urandom")
_PASSWD = f"root:x:0:0::/tmp:/bin/false\nnobody:x:{NOBODY}:{NOBODY}::/tmp:/bin/false\n"


def enter(readable: Sequence[str], announce: Callable[[int], None]) -> tuple[str, bool]:
    """Move into new namespaces, as process 1, with ``readable`` folders, read-only.

    Returns the scratch folder, and whether programs can run as another user than this process. The
    caller's own process ends here: what returns is a child of it, whose number is announced outside.
    """
    scratch = "/scratch" if any(path.startswith("/tmp/") for path in readable) else "/tmp"
    two_users = _new_user()
    linux.unshare(linux.NEW_NS | linux.NEW_PID | linux.NEW_NET | linux.NEW_IPC | linux.NEW_UTS)
    if first := os.fork():
        announce(first)
        os._exit(0)
    linux.set_hostname("sandbox")
    _new_root(readable, scratch, NOBODY if two_users else os.getuid())
    return scratch, two_users


def _new_user() -> bool:
    """A user namespace in which we are who we were; for root, with a second user, nobody, beside it."""
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _map_from_outside(f"0 0 1\n{NOBODY} {NOBODY} 1\n"):
        return True
    if user != 0:
        linux.unshare(linux.NEW_USER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1\n")
    _write("/proc/self/gid_map", f"{group} {group} 1\n")
    return False


def _map_from_outside(mapping: str) -> bool:
    """Enter a user namespace and let a process that stays outside write its two maps."""
    target = os.getpid()
    ready, go = os.pipe()
    helper = os.fork()
    if helper == 0:
        code = 1
        try:
            os.close(go)
            os.read(ready, 1)
            _write(f"/proc/{target}/uid_map", mapping)
            _write(f"/proc/{target}/gid_map", mapping)
            code = 0
        finally:
            os._exit(code)
    os.close(ready)
    linux.unshare(linux.NEW_USER)
    os.write(go, b"1")
    os.close(go)
    return os.waitpid(helper, 0)[1] == 0


def _new_root(readable: Sequence[str], scratch: str, owner: int) -> None:
    linux.mount("none", "/", "", linux.RECURSIVE | linux.PRIVATE)
    linux.mount("tmpfs", "/tmp", "tmpfs", linux.NO_SUID | linux.NO_DEV, "mode=755,size=1m,nr_inodes=2000")
    for name in ("/tmp/old", "/tmp/new"):
        os.mkdir(name)
    linux.pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    linux.mount("tmpfs", "/new", "tmpfs", linux.NO_SUID | linux.NO_DEV, "mode=755,size=1m,nr_inodes=2000")
    for path in readable:
        _show(path)
    _device_names(scratch)
    os.makedirs("/new/etc", exist_ok=True)
    if not os.path.exists("/new/etc/passwd"):
        _write("/new/etc/passwd", _PASSWD)
    for name in ("/proc", "/keep", scratch):
        os.makedirs(f"/new{name}", exist_ok=True)
    _processes()
    _make_read_only()
    for name in DEVICES:
        linux.mount(f"/old/dev/{name}", f"/new/dev/{name}", "", linux.BIND)
    size = f"mode=1777,size={SCRATCH_BYTES},nr_inodes={SCRATCH_FILES},uid={owner}"
    linux.mount("tmpfs", f"/new{scratch}", "tmpfs", linux.NO_SUID | linux.NO_DEV, size)
    linux.pivot_root("/new", "/new/keep")
    os.chdir("/")
    linux.unmount("/keep")
    os.chdir(scratch)


def _show(path: str) -> None:
    """Make ``path`` of the old root visible in the new one; a link stays a link."""
    old, new = "/old" + path, "/new" + path
    if os.path.lexists(new):
        return
    try:
        mode = os.lstat(old).st_mode
    except OSError:
        return
    os.makedirs(os.path.dirname(new), exist_ok=True)
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(old), new)
        return
    if stat.S_ISDIR(mode):
        os.mkdir(new)
    else:
        _write(new, "")
    linux.mount(old, new, "", linux.BIND | linux.RECURSIVE)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _device_names(scratch: str) -> None:
    """Empty files to mount the devices on, and the usual links."""
    os.mkdir("/new/dev")
    for name in DEVICES:
        _write(f"/new/dev/{name}", "")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"/new/dev/{name}")
    os.symlink("/proc/self/fd", "/new/dev/fd")
    os.symlink(scratch, "/new/dev/shm")


def _make_read_only() -> None:
    """Remount everything in the new root read-only; flags that are locked on a mount stay as they are."""
    with open("/old/proc/self/mountinfo") as file:
        lines = file.read().splitlines()
    for line in lines:
        target = re.sub(r"\\(\d{3})", lambda escape: chr(int(escape[1], 8)), line.split()[4])
        if target == "/new" or (target.startswith("/new/") and target != "/new/proc"):
            kept = os.statvfs(target).f_flag & (linux.NO_SUID | linux.NO_DEV | linux.NO_EXEC)
            flags = linux.REMOUNT | linux.BIND | linux.READ_ONLY | linux.NO_SUID | linux.NO_DEV | kept
            linux.mount("none", target, "", flags)


def _processes() -> None:
    """Mount /proc for our own processes; some containers forbid it, and programs can live without."""
    flags = linux.NO_SUID | linux.NO_DEV | linux.NO_EXEC | linux.READ_ONLY
    with contextlib.suppress(OSError):
        linux.mount("proc", "/new/proc", "proc", flags)
