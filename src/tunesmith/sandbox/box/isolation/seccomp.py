"""System calls that untrusted code may not make, as a seccomp filter.

``base`` is installed in a fork server once and inherited by every child; it allows forking. ``leaf`` is
installed in a single child, which then may start and signal no process. A refused call fails with an error
number, as on a locked-down machine, so honest code can go on.

A filter is a program for the kernel's classic BPF machine, which gets the call's number, architecture and
arguments (struct seccomp_data: number at byte 0, architecture at 4, arguments from 16 in steps of 8) and
returns a decision. It cannot follow pointers, so only numbers are looked at; and of an argument only the
low 32 bits, which is enough for flags and small numbers. ``io_setup`` is among the refused, since its
contexts are few and the machine's.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Sequence

from . import linux

_ARCH = (0xC000003E, 0xC00000B7)
_NUMBERS = {  # (x86_64, aarch64)
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "fcntl": (72, 25), "clone": (56, 220), "clone3": (435, 435),
    "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "kcmp": (312, 272), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "bpf": (321, 280),
    "io_setup": (206, 0), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "msgget": (68, 186), "msgsnd": (69, 189), "semget": (64, 190),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162), "syslog": (103, 116),
    "vhangup": (153, 58), "lookup_dcookie": (212, 18), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    "personality": (135, 92), "mbind": (237, 235), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "set_mempolicy": (238, 237), "prlimit64": (302, 261), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "ioctl": (16, 29), "iopl": (172, -1),
    "ioperm": (173, -1), "modify_ldt": (154, -1), "uselib": (134, -1), "nfsservctl": (180, 42),
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54), "utime": (132, -1),
    "utimes": (235, -1), "utimensat": (280, 88), "futimesat": (261, -1), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}  # fmt: skip
_SELF_ONLY = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
_SIGNALS = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
_LEAF_ONLY = ("fork", "vfork", "clone", "clone3", "execve", "execveat", "tkill", *_SIGNALS)
_ATTRIBUTES = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes",
    "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
    "fremovexattr",
)  # fmt: skip
_CONDITIONAL = (*_ATTRIBUTES, *_SELF_ONLY, *_LEAF_ONLY, "socketpair", "ioctl", "fcntl", "setpriority")
_NOT_THERE = ("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3")
_THREAD, _UNIX, _UNCONNECTED, _ONE_PROCESS, _EMPTY_PATH = 0x00010000, 1, 2, 0, 0x1000
_TERMINAL = (0x5412, 0x541C)  # input that its reader takes for typed, and the console's own requests
_OWNER_BY_FCNTL, _OWNER_BY_IOCTL = (8, 10, 15), (0x8901, 0x8902)  # whom a descriptor signals, and how
_FLAGS_OF_FILES = (0x40086602, 0x40046602, 0x401C5820)  # which a folder keeps for the next program

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000

Code = list[tuple[int, int, int, int]]
"""Instructions of classic BPF: (operation, jump if true, jump if false, constant)."""


def _deny(number: int = errno.EPERM) -> Code:
    return [(_RETURN, 0, 0, _ERRNO | number)]


def _argument(index: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, 16 + 8 * index)


def _require(index: int, value: int) -> Code:
    """Refuse where the argument is not ``value``, else go on with what follows."""
    return [_argument(index), (_EQUAL, 1, 0, value), *_deny()]


def _unless_equal(index: int, value: int) -> Code:
    """Allow where the argument is ``value``, else refuse."""
    return [*_require(index, value), (_RETURN, 0, 0, _ALLOW)]


def _if_among(index: int, values: Sequence[int]) -> Code:
    """Refuse where the argument is one of ``values``, else allow."""
    found = [(_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [_argument(index), *found, (_RETURN, 0, 0, _ALLOW), *_deny()]


def _if_bits(index: int, bits: int) -> Code:
    """Refuse where the argument has any of ``bits``, else allow."""
    return [_argument(index), (_ANY_BIT, 0, 1, bits), *_deny(), (_RETURN, 0, 0, _ALLOW)]


def base(*, may_exec: bool, own_files: bool, compiles: bool = False) -> bytes:
    """The filter for a fork server and all its children.

    compiles: for compilers, which may make files that are on no file system, and go on as if they had
    changed a file's mode.
    own_files: every file they see is theirs or read-only; else changing modes, owners and times of files is
    refused, which Landlock does not do.
    """
    rules: dict[str, Code] = {name: _deny() for name in _NUMBERS if name not in _CONDITIONAL}
    rules |= {name: _unless_equal(0, 0) for name in _SELF_ONLY}
    rules |= {name: _deny(errno.ENOSYS) for name in _NOT_THERE}
    rules["clone"] = _if_bits(0, linux.NEW_ANY)
    rules["socketpair"] = [*_require(0, _UNIX), *_if_bits(1, _UNCONNECTED)]
    rules["setpriority"] = [*_require(0, _ONE_PROCESS), *_unless_equal(1, 0)]
    rules["ioctl"] = _if_among(1, _TERMINAL + _OWNER_BY_IOCTL + _FLAGS_OF_FILES)
    rules["fcntl"] = _if_among(1, _OWNER_BY_FCNTL)
    if not own_files:
        rules |= {name: _deny() for name in _ATTRIBUTES}
    if not may_exec:
        rules |= {"execve": _deny(), "execveat": _deny()}
    if compiles:
        del rules["memfd_create"]
    if compiles and not own_files:
        rules |= {name: _deny(0) for name in ("chmod", "fchmod", "fchmodat", "fchmodat2")}
    return _program(rules.items())


def leaf(pid: int, program: int = -1) -> bytes:
    """The filter for one child: threads yes, processes no, no signal to any process but ``pid``, itself.

    program: the one descriptor that it may execute, where it may execute at all.
    """
    only_threads = [_argument(0), (_ANY_BIT, 0, 1, _THREAD), (_RETURN, 0, 0, _ALLOW), *_deny(errno.EAGAIN)]
    rules: dict[str, Code] = {name: _deny(errno.EAGAIN) for name in ("fork", "vfork")}
    rules |= {"clone": only_threads, "clone3": _deny(errno.ENOSYS), "tkill": _deny()}
    rules |= {name: _unless_equal(0, pid) for name in _SIGNALS}
    if program >= 0:
        rules["execve"] = _deny()
        rules["execveat"] = [*_require(0, program), *_unless_equal(4, _EMPTY_PATH)]
    return _program(rules.items())


def _program(rules: Iterable[tuple[str, Code]]) -> bytes:
    code: Code = [
        (_LOAD, 0, 0, 4),  # another architecture has other numbers: kill rather than look up
        (_EQUAL, 1, 0, _ARCH[linux.MACHINE]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
    ]
    if linux.MACHINE == 0:
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]  # x32 calls have bit 30 set
    for name, body in rules:
        number = _NUMBERS[name][linux.MACHINE]
        if number >= 0:
            code += [(_EQUAL, 0, len(body), number), *body]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def apply(code: bytes) -> None:
    """Install a filter in this process and its future children. Needs ``no_new_privileges`` before."""
    set_mode_filter = 1
    linux.syscall("seccomp", set_mode_filter, 0, ctypes.byref(_Program(len(code) // 8, code)))
