"""Where a training step's time goes, and what the whole could gain if one layer cost nothing.

G. Amdahl, "Validity of the single processor approach to achieving large scale computing capabilities",
1967: a part that takes the share s of the whole bounds the speed-up from making it faster by 1 / (1 − s).
Every function takes one set of techniques as a training saved it; times are medians over the steps, in s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REST = "rest"  # batch, weights' update and what lies between the layers

Set = Mapping[str, Any]


def times(one: Set) -> dict[str, float]:
    """The seconds of each layer in a step, forward and backward together; empty before a whole step."""
    return {
        name: float(ways["forward"]["median_s"]) + float(ways["backward"]["median_s"])
        for name, ways in one["seconds"].items()
        if ways["forward"]["median_s"] is not None
    }


def whole(one: Set) -> float:
    """The seconds of a step: what its layers take, or the whole step where that is more."""
    layers = sum(times(one).values())
    return max(float(one["step"]["median_s"] or 0.0), layers)


def shares(one: Set) -> dict[str, float]:
    """The share of a step that each layer takes, and the rest: together 1."""
    layers, step = times(one), whole(one)
    if not layers or not step:
        return {}
    held = {name: seconds / step for name, seconds in layers.items()}
    return held | {REST: max(1.0 - sum(held.values()), 0.0)}


def bounds(one: Set) -> dict[str, float]:
    """By how much a step could be faster at most, if this layer alone cost nothing."""
    return {name: 1.0 / (1.0 - share) if share < 1 else float("inf") for name, share in shares(one).items()}


def speedups(one: Set, base: Set) -> dict[str, float]:
    """How many times faster each layer and the whole step are than in another set."""
    before, now = times(base), times(one)
    held = {name: before[name] / now[name] for name in now if name in before and now[name] > 0}
    return held | ({"whole step": whole(base) / whole(one)} if held else {})
