"""Landlock: which files a process may open, decided by itself, without any privilege (Linux 5.13)."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence

from . import linux

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_FILE_RIGHTS = 16
_TCP, _SCOPES = 3, 3


def version() -> int:
    """The version of Landlock in this kernel. Raises OSError where there is none or it is off."""
    return linux.syscall("landlock_create_ruleset", 0, 0, 1)


def present() -> bool:
    """Whether this kernel has Landlock, and it is on."""
    try:
        return version() > 0
    except OSError:
        return False


def apply(readable: Sequence[str], writable: Sequence[str]) -> None:
    """From now on only read and run below ``readable``, and do anything below ``writable``.

    Where the kernel knows them, TCP is closed and signals and abstract sockets end at this boundary.
    """
    known = version()
    rights = (1 << _FILE_RIGHTS.get(known, _NEWEST_FILE_RIGHTS)) - 1
    network = _TCP if known >= 4 else 0
    scopes = _SCOPES if known >= 6 else 0
    size = 8 if known < 4 else 16 if known < 6 else 24
    attributes = (ctypes.c_uint64 * 3)(rights, network, scopes)
    ruleset = linux.syscall("landlock_create_ruleset", ctypes.byref(attributes), size, 0)
    for path in readable:
        _allow(ruleset, path, _READ & rights)
    for path in writable:
        _allow(ruleset, path, rights)
    linux.syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        rights &= _ON_FILES
    beneath = struct.pack("=Qi", rights, fd)
    linux.syscall("landlock_add_rule", ruleset, 1, ctypes.c_char_p(beneath), 0)
    os.close(fd)
