"""The results of a training: curves compared with one another, medians of seconds, all as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perflab.learn.training.network import Network

SCHEMA = 1
AGREEMENT = 1e-10  # relative, between two techniques' losses in float64


@dataclass
class Variant:
    """A network in one set of techniques, and the results of its training so far."""

    name: str
    network: Network
    techniques: dict[str, str]
    notes: list[str]
    seconds: dict[str, dict[str, list[float]]]
    verified: list[dict[str, Any]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    whole_s: list[float] = field(default_factory=list)
    accuracy: list[dict[str, float]] = field(default_factory=list)
    diverged: str = ""


def differences(names: Sequence[str], curves: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """Each curve compared with the first: the largest relative difference, and the step where it is.

    Two losses that are both not finite agree. Where only one is finite, the difference is None.
    """
    comparisons = []
    first = np.asarray(curves[0])
    for name, curve in zip(names[1:], curves[1:], strict=True):
        both = min(len(curve), len(first))
        losses, wanted = np.asarray(curve)[:both], first[:both]
        with np.errstate(all="ignore"):
            relative = np.abs(losses - wanted) / np.abs(wanted)
        relative = np.where(np.isnan(relative), np.inf, relative)
        relative[(losses == wanted) | ~(np.isfinite(losses) | np.isfinite(wanted))] = 0.0
        at = int(np.argmax(relative))
        largest = float(relative[at])
        comparisons.append({
            "name": name, "against": names[0], "ok": len(curve) == len(first) and largest <= AGREEMENT,
            "difference": largest if math.isfinite(largest) else None, "step": at + 1,
        })  # fmt: skip
    return comparisons


def to_json(variant: Variant) -> dict[str, Any]:
    """A variant's results; a loss that is not finite is None, as JSON has no such number."""
    fields = ("name", "techniques", "notes", "verified", "accuracy", "diverged")
    seconds = {
        layer: {direction: _totals(values) for direction, values in ways.items()}
        for layer, ways in variant.seconds.items()
    }
    return {name: getattr(variant, name) for name in fields} | {
        "losses": [loss if math.isfinite(loss) else None for loss in variant.losses],
        "seconds": seconds,
        "step": _totals(variant.whole_s) | {"each_s": [float(f"{step_s:.4g}") for step_s in variant.whole_s]},
    }


def difference_line(comparison: Mapping[str, Any]) -> str:
    """A curve that differs from the first, in one line."""
    size = math.inf if comparison["difference"] is None else comparison["difference"]
    losses = f"{comparison['name']}: its loss and that of {comparison['against']} differ by {size:.1e}"
    return f"{losses} (relative) at step {comparison['step']}; wanted {AGREEMENT:g} at most"


def _totals(seconds: Sequence[float]) -> dict[str, float | None]:
    return {"median_s": float(np.median(seconds)) if seconds else None, "total_s": sum(seconds)}
