"""What a run of drawn shapes says of them: how many, from which seed, of which layers of public networks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from perflab.records.typed import Name, between

MOST_DRAWN = 500  # shapes of a run: some hours


@dataclass(frozen=True)
class Drawn:
    """How the cases of a plan were drawn. `origins` gives each case's layer, by operation and case.

    `left_out` names the layers of these networks that none of perflab's operations computes.
    """

    count: Annotated[int, between(1, MOST_DRAWN, "a whole number")]
    seed: Name
    origins: Mapping[Name, Mapping[Name, str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """How many, and from which seed."""
        return f"{self.count} shapes drawn from the seed {self.seed}"

    @property
    def without(self) -> tuple[str, ...]:
        """What is left out, in words; nothing where nothing is."""
        names = "; ".join(self.left_out)
        return (f"without grouped and depthwise layers: {names}",) if names else ()

    def command(self, operations: Iterable[str]) -> str:
        """The command that draws the same shapes of these operations again."""
        targets = " ".join(operations)
        between = "=" if self.seed.startswith("-") else " "
        return f"perflab run {targets} --draw {self.count} --seed{between}{shlex.quote(self.seed)}"


def is_common(sizes: Mapping[str, int], parameters: Mapping[str, Any]) -> bool:
    """Whether a convolution has a kernel of 3×3 and stride 1, which has algorithms of its own.

    >>> is_common({"HH": 3, "WW": 3}, {"stride": 1}), is_common({"HH": 3, "WW": 3}, {"stride": (2, 1)})
    (True, False)
    """
    return (sizes.get("HH"), sizes.get("WW"), parameters.get("stride")) == (3, 3, 1)
