"""What a training has shown: curves held to one another, medians of seconds, all as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perflab.learn.training.network import Network

AGREEMENT = 1e-10  # relative, between two techniques' losses in float64


@dataclass
class Contender:
    """A network in one set of techniques, and what its training has shown so far."""

    name: str
    network: Network
    techniques: Mapping[str, str]
    notes: Sequence[str]
    verified: list[dict[str, Any]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    whole_s: list[float] = field(default_factory=list)
    accuracy: list[dict[str, float]] = field(default_factory=list)
    diverged: str = ""


def disagreements(names: Sequence[str], curves: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """Each curve against the first, step by step: the largest relative difference, and where it is.

    Two losses that are both not finite agree; one alone is None from the other.
    """
    found = []
    first = np.asarray(curves[0])
    for name, curve in zip(names[1:], curves[1:], strict=True):
        both = min(len(curve), len(first))
        mine, right = np.asarray(curve)[:both], first[:both]
        with np.errstate(all="ignore"):
            apart = np.abs(mine - right) / np.abs(right)
        apart = np.where(np.isnan(apart), np.inf, apart)
        apart[(mine == right) | ~(np.isfinite(mine) | np.isfinite(right))] = 0.0
        at = int(np.argmax(apart))
        ok = len(curve) == len(first) and bool(apart[at] <= AGREEMENT)
        difference = float(apart[at]) if np.isfinite(apart[at]) else None
        found.append({"name": name, "against": names[0], "ok": ok, "difference": difference, "step": at + 1})
    return found


def to_json(one: Contender) -> dict[str, Any]:
    """What one set of techniques showed; a value that is not finite is None, as JSON has none."""
    layers = {
        name: {way: {"median_s": _median(held), "total_s": sum(held)} for way, held in ways.items()}
        for name, ways in one.seconds.items()
    }
    return {
        "name": one.name,
        "techniques": dict(one.techniques),
        "notes": list(one.notes),
        "verified": one.verified,
        "losses": [loss if math.isfinite(loss) else None for loss in one.losses],
        "accuracy": one.accuracy,
        "seconds": layers,
        "step": {
            "median_s": _median(one.whole_s),
            "total_s": sum(one.whole_s),
            "each_s": [float(f"{seconds:.4g}") for seconds in one.whole_s],
        },
        "diverged": one.diverged,
    }


def apart(one: Mapping[str, Any]) -> str:
    """A curve that does not agree, in one line."""
    far = "far" if one["difference"] is None else f"{one['difference']:.1e} (relative)"
    return (
        f"{one['name']}: its loss is {far} from that of {one['against']} at step {one['step']};"
        f" wanted {AGREEMENT:g} at most"
    )


def _median(held: Sequence[float]) -> float | None:
    return float(np.median(held)) if held else None
