"""The sizes of a product's blocks, and the memory that they are copied to, which is reused between calls."""

from .._arrays import rows_of
from ._sweep import ROWS

DEPTH, HEIGHT, WIDTH = 2048, 294 * ROWS, 1 << 20  # of a block: bytes along k, rows of a, bytes of b
_work, _none = {}, {}


def buffers(dtype, parts=1):
    """A row of numbers for each of `parts` threads: room for a right block and a left one."""
    return rows_of(_work, dtype, parts, (WIDTH + DEPTH * (HEIGHT + ROWS)) // dtype.itemsize)


def zeros(dtype, count):
    """So many zeros, which are not to be written to."""
    return rows_of(_none, dtype, 1, count)[0]
