"""Memory that this process shares with one that it starts, and NumPy arrays in it.

    arena = Arena()
    (x,) = arena.arrays(layout([("float32", (64, 64))]))

The other process gets the arena's path as an argument, and maps the same arrays at the same places.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Sequence

import numpy as np

from perflab.contract import Array
from perflab.machine import portable

LINE = 64  # bytes: each array begins with a line of the cache
GAP = 3 * LINE  # between two arrays, so that large ones do not all begin at the same place of a page
Form = tuple[str, tuple[int, ...]]
Place = tuple[int, str, tuple[int, ...]]


class Arena:
    """A file of shared memory. It grows as arrays are laid out; every layout begins at its beginning."""

    def __init__(self, path: str = "") -> None:
        """A new one, or with the `path` of another process's arena, that one."""
        if path:
            self._file, self.path = os.open(path, os.O_RDWR), path
        else:
            self._file, self.path = portable.shared_file()

    def arrays(self, places: Sequence[Place]) -> list[Array]:
        """The arrays at these places."""
        memory = self._mapped(places)
        return [
            np.frombuffer(memory, dtype, math.prod(shape), at).reshape(shape) for at, dtype, shape in places
        ]

    def stacked(self, places: Sequence[Place]) -> Array:
        """Some arrays of one form, at equal distances, as the rows of one."""
        (first, dtype, shape), *others = places
        distance = others[0][0] - first if others else LINE
        form, strides = (len(places), math.prod(shape)), (distance, np.dtype(dtype).itemsize)
        return np.ndarray(form, dtype, self._mapped(places), first, strides)

    def _mapped(self, places: Sequence[Place]) -> mmap.mmap:
        """The memory from the beginning to the last of these places."""
        size = max((at + _bytes(dtype, shape) for at, dtype, shape in places), default=0) or 1
        if os.fstat(self._file).st_size < size:
            os.ftruncate(self._file, size)
        return mmap.mmap(self._file, size)

    def close(self) -> None:
        """Close the file. The memory is freed when no array of it is left."""
        portable.drop_shared(self._file, self.path)


def layout(forms: Sequence[Form]) -> list[Place]:
    """A place for each array of a dtype and a shape, one after the other."""
    places, at = [], 0
    for dtype, shape in forms:
        places.append((at, dtype, shape))
        at += -(-_bytes(dtype, shape) // LINE) * LINE + GAP
    return places


def _bytes(dtype: str, shape: Sequence[int]) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize
