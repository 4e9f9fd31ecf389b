"""Arrays for kernels: flat, aligned to cache lines; and buffers that are reused between calls."""

from math import prod

import numpy as np


def flat(array):
    """All numbers one after another; copied only where they do not lie so already."""
    return np.ascontiguousarray(array).reshape(-1)


def aligned(shape, dtype):
    """np.empty, but from a cache line's start on: a vector that lies in two lines is slow."""
    size, each = prod(shape), np.dtype(dtype).itemsize
    whole = np.empty(size + 64 // each, dtype)
    skip = -whole.ctypes.data % 64 // each
    return whole[skip : skip + size].reshape(shape)


def rows_of(held, dtype, parts, size):
    """A row of `size` or more numbers for each of `parts` threads, of whole pages.

    They are kept in `held` by their dtype and made anew only where they do not reach, since fresh pages
    cost more than what is written to them. What lies in them before their first use is zero.
    """
    rows = held.get(dtype)
    if rows is None or len(rows) < parts or rows.shape[1] < size:
        rows = held[dtype] = aligned((parts, -(-size // 1024) * 1024), dtype)
        rows.fill(0)
    return rows
