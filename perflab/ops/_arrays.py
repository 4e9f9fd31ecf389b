"""Arrays for kernels: flat, aligned to cache lines; and buffers that are reused between calls."""

from math import prod

import numpy as np

LINE = 64  # bytes of a cache line
SMALL = 1 << 16  # bytes, fewer than which take less time than finding out where they are


def flat(array):
    """All numbers in one dimension; copied only where they are not contiguous already."""
    return np.ascontiguousarray(array).reshape(-1)


def aligned(shape, dtype):
    """np.empty, but aligned to a cache line, if it is not small: a vector that crosses two lines is slow."""
    size, each = prod(shape), np.dtype(dtype).itemsize
    if size * each < SMALL:
        return np.empty(shape, dtype)
    whole = np.empty(size + LINE // each, dtype)
    skip = -whole.ctypes.data % LINE // each
    return whole[skip : skip + size].reshape(shape)


def rows_of(held, dtype, parts, size):
    """A row of `size` or more numbers for each of `parts` threads, of whole pages.

    They are stored in `held` by their dtype and created again only where they are too short, since new pages
    cost more than writing to them. Before their first use they contain zeros.
    """
    rows = held.get(dtype)
    if rows is None or len(rows) < parts or rows.shape[1] < size:
        rows = held[dtype] = aligned((parts, -(-size // 1024) * 1024), dtype)
        rows.fill(0)
    return rows
