"""Has the interpreter take the memory for its objects from the C library's heap.

By itself it maps a megabyte at a time, and unmaps each as soon as all in it is free. A program that builds
a long list in a loop then has every page of it made anew each time round; the heap keeps what was freed.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import Any

_RAW = 0
"""``PYMEM_DOMAIN_RAW``: the domain of the C library's own ``malloc``."""


class _Raw(ctypes.Structure):
    """``PyMemAllocatorEx``."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("ctx", "malloc", "calloc", "realloc", "free")]


class _Arenas(ctypes.Structure):
    """``PyObjectArenaAllocator``. Its ``free`` is given a size too, which is not needed here."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("ctx", "alloc", "free")]


def from_heap(held: list[Any]) -> None:
    """From now on. What was mapped before must never be given back, so ``held``, parts of all of it, stays.

    A process that did this must end by ``os._exit``. Nothing happens where the interpreter has no arenas.
    """
    with contextlib.suppress(AttributeError):
        raw, python = _Raw(), ctypes.pythonapi
        python.PyMem_GetAllocator(_RAW, ctypes.byref(raw))
        python.Py_IncRef(ctypes.py_object(held))
        python.PyObject_SetArenaAllocator(ctypes.byref(_Arenas(raw.ctx, raw.malloc, raw.free)))
