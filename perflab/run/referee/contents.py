"""What the timed calls get: contents that change in place between rounds, and that nobody can know before.

They are drawn once for a stage, from a secret seed, and every array is then rolled by a secret count of its
elements: as cheap as a copy, and new in every round. The seeds are saved with the block when it has ended.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import numpy as np

from perflab.contract import Array


def secret() -> int:
    """A seed that nobody can know."""
    return int.from_bytes(os.urandom(6), "big")


class Contents:
    """Draws the contents of some arrays, again and again, from a pool of the same form and a seed."""

    def __init__(self, pool: Sequence[Array], seed: int) -> None:
        self._pool, self.seed, self._draw = pool, seed, random.Random(seed)

    def draw(self) -> tuple[int, ...]:
        """How far each array is rolled next: at least by one element, where it has more."""
        return tuple(self._draw.randrange(min(1, array.size - 1), array.size) for array in self._pool)

    def fill(self, arrays: Sequence[Array], rolled: Sequence[int], which: slice = slice(None)) -> None:
        """Write drawn contents into those of the arrays that `which` selects."""
        for array, pool, by in list(zip(arrays, self._pool, rolled, strict=True))[which]:
            roll_into(array, pool, by)

    def arrays(self, rolled: Sequence[int]) -> list[Array]:
        """Drawn contents, as new arrays."""
        return [np.roll(pool, by) for pool, by in zip(self._pool, rolled, strict=True)]


def roll_into(array: Array, pool: Array, by: int) -> None:
    """As `array[...] = np.roll(pool, by)`, without a copy between."""
    to, source = array.reshape(-1), pool.reshape(-1)
    to[by:] = source[: source.size - by]
    to[:by] = source[source.size - by :]
