"""Arrays in chunks of rows, a task for each chunk."""

import dask
import numpy as np
from dask.system import CPU_COUNT

CHUNKS = 2 * CPU_COUNT  # of the cores that this process may use


def of_chunks(function, rows, whole=()):
    """What a function of some rows of the arrays `rows`, and of `whole`, gives: by result, its chunks."""
    count = max(1, min(CHUNKS, len(rows[0])))
    pieces = zip(*(np.array_split(array, count) for array in rows), strict=True)
    tasks = [dask.delayed(function)(*piece, *whole) for piece in pieces]
    return zip(*dask.compute(*tasks, scheduler="threads"), strict=True)


def to_native(value):
    """The array itself: Dask's tasks work on NumPy's arrays."""
    return value


def to_numpy(value):
    """The array itself, as to_native."""
    return np.asarray(value)
