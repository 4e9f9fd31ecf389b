"""What the timed calls get: contents that change in place between rounds, and that nobody can know before.

They are drawn once for a stage, from a secret seed, and every array is then rolled by a secret count of its
elements: as cheap as a copy, and new in every round. Between the turns of a round one element of an array
changes, so that no answer can be looked up. The seeds are saved with the block when it has ended.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import numpy as np

from perflab.contract import Array

Spot = tuple[int, int]  # the number of an array, and of an element of it


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

    def changes(self, which: Sequence[int], turns: int) -> list[Spot]:
        """What changes between the turns of a round: an element each of some of the arrays `which`.

        Each of them is changed at least twice, the last time to what it was before the round.
        """
        numbers = [at for at in which if self._pool[at].dtype.kind == "f" and self._pool[at].size]
        chosen = self._draw.sample(numbers, min(len(numbers), turns // 2))
        return [(at, self._draw.randrange(self._pool[at].size)) for at in chosen]

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
