"""The Linux calls that Python's standard library lacks, by ctypes. Errors are raised as ``OSError``."""

from __future__ import annotations

import ctypes
import os
import sys

NEW_NS, NEW_CGROUP, NEW_UTS = 0x00020000, 0x02000000, 0x04000000
NEW_IPC, NEW_USER, NEW_PID, NEW_NET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
NEW_ANY = NEW_NS | NEW_CGROUP | NEW_UTS | NEW_IPC | NEW_USER | NEW_PID | NEW_NET

READ_ONLY, NO_SUID, NO_DEV, NO_EXEC = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18
DETACH = 2

_DUMPABLE, _SUBREAPER, _NO_NEW_PRIVS, _CAPBSET_DROP = 4, 36, 38, 24
_CAPABILITY_VERSION = 0x20080522
_NUMBERS = {  # (x86_64, aarch64)
    "pivot_root": (155, 41),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "capset": (126, 91),
}
MACHINE = {"x86_64": 0, "aarch64": 1}.get(os.uname().machine, -1)
"""Column of this machine in a table of system call numbers, or -1 where we have none."""

SUPPORTED = sys.platform == "linux" and MACHINE >= 0
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(name: str, *arguments: object) -> int:
    """A raw system call; ints are passed as longs."""
    longs = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(_NUMBERS[name][MACHINE]), *longs), name)


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    arguments = (
        os.fsencode(source),
        os.fsencode(target),
        kind.encode(),
        ctypes.c_ulong(flags),
        data.encode(),
    )
    _checked(_libc.mount(*arguments), f"mount {target}")


def unmount(target: str) -> None:
    """Detach the mount at ``target``, even while it is in use."""
    _checked(_libc.umount2(os.fsencode(target), DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    syscall("pivot_root", ctypes.c_char_p(os.fsencode(new)), ctypes.c_char_p(os.fsencode(old)))


def set_hostname(name: str) -> None:
    _checked(_libc.sethostname(name.encode(), ctypes.c_size_t(len(name))), "sethostname")


def adopt_orphans() -> None:
    """Descendants whose parent ends become children of this process."""
    _checked(_libc.prctl(_SUBREAPER, 1, 0, 0, 0), "prctl")


def no_new_privileges() -> None:
    _checked(_libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def hide_memory() -> None:
    """No other process of this user may trace this one or read its memory and environment."""
    _checked(_libc.prctl(_DUMPABLE, 0, 0, 0, 0), "prctl")


def keep_capabilities(*kept: int) -> None:
    """Give up every capability but ``kept``, for good."""
    for number in range(64):
        if number not in kept and _libc.prctl(_CAPBSET_DROP, number, 0, 0, 0) < 0:
            break  # past the last one, or not privileged: then there is none to drop
    mask = sum(1 << number for number in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    syscall("capset", ctypes.byref(header), ctypes.byref(sets))
