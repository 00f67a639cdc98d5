"""Has the interpreter take the memory for its objects from the C library's heap.

By itself it maps a megabyte at a time and unmaps it when nothing is left in it. A program that builds a long
list in a loop then has every page of it made anew each time round; the heap keeps what was freed.
What it keeps, a large text may not fit into: that counts towards a memory limit all the same.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any

SPARE = 64 << 20
"""Bytes by which a memory limit is higher where the heap is used, so that none within them misses any."""

_RAW = 0
"""``PYMEM_DOMAIN_RAW``: the domain of the C library's own ``malloc``."""
_LARGEST_SMALL, _AT_ONCE, _MOST = 479, 32, 50_000
_WINDOW = 18
"""Bits of an address within a quarter of a megabyte."""
_FAR = 1 << 36
"""Fewer bytes than lie between the heap and any mapping, whichever of the two is below."""


class _Raw(ctypes.Structure):
    """``PyMemAllocatorEx``."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("ctx", "malloc", "calloc", "realloc", "free")]


class _Arenas(ctypes.Structure):
    """``PyObjectArenaAllocator``. Its ``free`` is given a size too, which is not needed here."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("ctx", "alloc", "free")]


def from_heap() -> int:
    """From now on, in this process and those it forks, which must end by ``os._exit``; what it costs a limit.

    What was mapped before is not the heap's, and must never be given back. So what lives is held for ever,
    and something in all that is free. To be called where few functions are under way, whose frames are
    mapped likewise, and before there is much. 0: the heap is not glibc's, and nothing was done.
    """
    python, libc = getattr(ctypes, "pythonapi", None), ctypes.CDLL(None)
    if python is None or not hasattr(libc, "gnu_get_libc_version"):
        return 0
    libc.sbrk.restype = ctypes.c_void_p
    living = gc.get_objects()
    held = [living, gc.get_referents(*living)]
    python.Py_IncRef(ctypes.py_object(held))
    raw = _Raw()
    python.PyMem_GetAllocator(_RAW, ctypes.byref(raw))
    python.PyObject_SetArenaAllocator(ctypes.byref(_Arenas(raw.ctx, raw.malloc, raw.free)))
    held.append(_some_of_each(libc))
    return SPARE


def _some_of_each(libc: Any) -> list[bytes]:
    """Objects in all that is mapped and has room for one; the heap, far from all mappings, is asked last."""
    filling: list[bytes] = []
    while len(filling) < _MOST:
        filling += [bytes(_LARGEST_SMALL) for _ in range(_AT_ONCE)]
        if 0 < libc.sbrk(0) - id(filling[-1]) < _FAR:
            break
    return list({id(thing) >> _WINDOW: thing for thing in filling}.values())
