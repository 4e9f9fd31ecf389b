"""Arrays whose addresses are as many as before, in memory that is small: a few pages, mapped again and again.

The same code then makes the same accesses, of which all find their data in a cache. Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import sys

import numpy as np

from perflab.contract import Array
from perflab.machine import portable

MAP_SHARED, MAP_FIXED = 0x01, 0x10
MOST_PIECES = 16_384  # a process may have 65 530 mappings


def repeated(array: Array, piece: int) -> Array | None:
    """An array of this form whose memory is one piece of so many bytes, mapped one after the other.

    It holds the beginning of the array's contents, repeated. None where the array is no larger than a piece,
    has gaps, or where the system cannot do it.
    """
    piece -= piece % mmap.PAGESIZE
    pieces = -(-array.nbytes // piece) if piece else 0
    whole = array.flags.c_contiguous or array.flags.f_contiguous
    if not whole or not 2 <= pieces <= MOST_PIECES or not sys.platform.startswith("linux"):
        return None
    memory = mmap.mmap(-1, pieces * piece)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    descriptor, path = portable.shared_file()
    try:
        os.ftruncate(descriptor, piece)
        if not all(_mapped(descriptor, start + at * piece, piece) for at in range(pieces)):
            return None
    finally:
        portable.drop_shared(descriptor, path)
    values = np.frombuffer(memory, np.uint8, piece)
    values[:] = np.ndarray(array.nbytes, np.uint8, buffer=array.data, order="A")[:piece]
    result: Array = np.ndarray(array.shape, array.dtype, buffer=memory, strides=array.strides)
    result.flags.writeable = array.flags.writeable
    return result  # it keeps the memory


def _mapped(descriptor: int, address: int, size: int) -> bool:
    """Map a file's beginning at an address of this process."""
    call = ctypes.CDLL(None, use_errno=True).mmap
    call.restype = ctypes.c_void_p
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    with contextlib.suppress(ValueError):
        got = call(address, size, mmap.PROT_READ | mmap.PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0)
        return bool(got == address)
    return False
