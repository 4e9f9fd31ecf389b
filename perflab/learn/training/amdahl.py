"""Where a training step's time goes, and how much faster the whole step would be if one layer took no time.

G. Amdahl, "Validity of the single processor approach to achieving large scale computing capabilities",
1967: making a part faster that takes the share s of the whole gives a speed-up of at most 1 / (1 − s).
A variant is the network in one set of techniques, as saved; times are medians over the steps, in s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REST = "rest"  # batch, update of the weights, and what is between the layers

Variant = Mapping[str, Any]


def times(variant: Variant) -> dict[str, float]:
    """The seconds of each layer in a step, forward and backward together; empty before a whole step."""
    return {
        name: float(ways["forward"]["median_s"]) + float(ways["backward"]["median_s"])
        for name, ways in variant["seconds"].items()
        if ways["forward"]["median_s"] is not None
    }


def whole(variant: Variant) -> float:
    """The seconds of a step, at least the sum of its layers' medians."""
    return max(float(variant["step"]["median_s"] or 0.0), sum(times(variant).values()))


def shares(variant: Variant) -> dict[str, float]:
    """The share of a step that each layer takes, and the rest; they add up to 1."""
    layers, step = times(variant), whole(variant)
    if not layers or not step:
        return {}
    by_layer = {name: seconds / step for name, seconds in layers.items()}
    return by_layer | {REST: max(1.0 - sum(by_layer.values()), 0.0)}


def bounds(variant: Variant) -> dict[str, float]:
    """The largest possible speed-up of a step from making one layer faster."""
    return {name: 1 / (1 - share) if share < 1 else float("inf") for name, share in shares(variant).items()}


def speedups(variant: Variant, base: Variant) -> dict[str, float]:
    """How many times faster each layer and the whole step are than in another variant."""
    before, now = times(base), times(variant)
    by_layer = {name: before[name] / now[name] for name in now if name in before and now[name] > 0}
    return by_layer | ({"whole step": whole(base) / whole(variant)} if by_layer else {})
