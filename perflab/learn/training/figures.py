"""A training's figures: the loss curve, a step's time by layer with Amdahl's bound, the speed-ups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from perflab import units
from perflab.contract import FIRST_RUNGS
from perflab.learn.training import amdahl
from perflab.report.figures.palette import INK, MARKERS, SERIES
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import Look, Picture, logarithmic, short_number

Held = Mapping[str, Any]
LEAST = 1e-17  # two losses that are the same number are drawn here


def loss_curve(held: Held) -> Picture | None:
    """The loss of every step; beside it the accuracy by epoch, or how far apart the techniques are."""
    sets = held["sets"]
    known = {one["name"]: _finite(one["losses"]) for one in sets}
    if not any(known.values()):
        return None
    looks = _looks([one["name"] for one in sets])
    compared = len(sets) > 1
    beside = compared or any(one["accuracy"] for one in sets)
    sheet = Sheet(1, 2 if beside else 1, (3.4, 2.4))
    ax = sheet.axes[0][0]
    for name, curve in known.items():
        alone = {"linewidth": 0.8, "marker": "", "color": SERIES[2]}
        ax.plot(*zip(*curve, strict=True), **(looks[name] | {"fillstyle": "none"} if compared else alone))
    losses = [loss for curve in known.values() for _, loss in curve]
    logarithmic([ax], "y", losses, short_number, 6)
    _steps(ax)
    sheet.name(0, 0, "loss of each batch")
    sheet.across("step")
    caption = "The loss of every mini-batch, before its weights move."
    if compared:
        caption += _apart(sheet.axes[0][1], known, looks, float(held["agreement"]["allowed"]))
        sheet.name(0, 1, f"relative difference from {sets[0]['name']}")
    elif beside:
        right = sheet.axes[0][1]
        for one in sets:
            steps, reached = zip(*((a["step"], 100 * a["test"]) for a in one["accuracy"]), strict=True)
            right.plot(steps, reached, color=SERIES[2], marker="o", markersize=3)
        right.yaxis.set_major_locator(MaxNLocator(6))
        _steps(right)
        test = held["split"]["test"]
        sheet.name(0, 1, "test accuracy, %")
        caption += f" Accuracy on the {test} digits that are kept for it, after every epoch."
    keys = looks if compared else None
    title = f"Training {held['settings']['layers']}, {held['settings']['dtype']}"
    return sheet.laid_out(held["environment"], title, caption, keys)


def _apart(ax: Axes, known: Mapping[str, Any], looks: Mapping[str, Look], allowed: float) -> str:
    (_, first), *others = known.items()
    right = dict(first)
    values = [LEAST, allowed]
    for name, curve in others:
        apart = [(step, max(abs(loss - right[step]) / abs(right[step]), LEAST)) for step, loss in curve
                 if right.get(step)]  # fmt: skip
        if apart:
            ax.plot(*zip(*apart, strict=True), **looks[name] | {"fillstyle": "none"})
            values += [value for _, value in apart]
    ax.axhline(allowed, color=INK, linewidth=1)
    logarithmic([ax], "y", values, short_number, 5)
    _steps(ax)
    return (
        f" On the right how far each technique's loss is from the first one's; the line is what is allowed,"
        f" {units.power(allowed, 1)}, and equal losses stand at {units.power(LEAST, 1)}."
    )


def layer_times(held: Held) -> Picture | None:
    """A step's time by layer, one bar for each set of techniques, and Amdahl's bound for every layer."""
    sets = [one for one in held["sets"] if amdahl.shares(one)]
    if not sets:
        return None
    parts = list(amdahl.shares(sets[0]))
    looks: dict[str, Look] = {
        name: {"color": SERIES[0 if name == amdahl.REST else 1 + at % 7], "marker": MARKERS[at % 8]}
        for at, name in enumerate(parts)
    }
    sheet = Sheet(1, 2, (3.3, 0.46 * len(sets) + 0.2))
    left, right = sheet.axes[0]
    for row, one in enumerate(sets):
        at = 0.0
        for name, share in amdahl.shares(one).items():
            left.barh(row, 100 * share, left=at, height=0.62, color=looks[name]["color"])
            at += 100 * share
    found = [amdahl.bounds(one) for one in sets]
    for at, name in enumerate(parts):  # one below the other, since many lie close to 1
        rows = [row + 0.62 * ((at + 0.5) / len(parts) - 0.5) for row in range(len(sets))]
        right.plot([bound[name] for bound in found], rows, linestyle="", **looks[name] | {"markersize": 4})
    values = [1.0, *(value for bound in found for value in bound.values() if math.isfinite(value))]
    for ax in (left, right):
        ax.set_ylim(len(sets) - 0.4, -0.6)
        ax.yaxis.set_major_locator(FixedLocator(range(len(sets))))
        ax.yaxis.set_major_formatter(
            FixedFormatter([one["name"] for one in sets] if ax is left else [""] * len(sets))
        )
    left.set_xlim(0, 100)
    left.xaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))
    _, most = logarithmic([right], "x", values, lambda value: f"×{value:g}", 6, margin=0.05)
    right.set_xlim(0.94, most)
    right.axvline(1.0, color=INK, linewidth=1)
    sheet.name(0, 0, "share of a step, %")
    sheet.name(0, 1, "at most faster, if this part cost nothing")
    base = sets[0]
    sheet.ends(0, 1, [
        (row, {}, units.seconds(amdahl.whole(one)) + (
            f", ×{units.rounded(amdahl.whole(base) / amdahl.whole(one), 3)}" if row else " a step"))
        for row, one in enumerate(sets)
    ])  # fmt: skip
    caption = (
        "Left, where the time of a training step goes, forward and backward together; medians over"
        f" {len(base['losses'])} steps of {held['settings']['batch']} digits. Right, Amdahl's bound"
        " 1 / (1 − share): what the whole step could gain at most, if that part cost nothing. The rest is the"
        " batch, the update of the weights, and what lies between the layers."
    )
    if len(sets) > 1:
        caption += f" Speed-ups are over {base['name']}."
    title = f"The time of a training step by layer, {held['settings']['dtype']}"
    return sheet.laid_out(held["environment"], title, caption, looks)


def layer_speedups(held: Held) -> Picture | None:
    """How many times faster each layer is than in the first set; None where one set trained alone."""
    base, *others = held["sets"]
    found = {one["name"]: amdahl.speedups(one, base) for one in others}
    found = {name: speedups for name, speedups in found.items() if speedups}
    if not found:
        return None
    rows = list(dict.fromkeys(name for speedups in found.values() for name in speedups))
    looks = _looks([one["name"] for one in held["sets"]])
    sheet = Sheet(1, 1, (5.6, 0.3 * len(rows) + 0.2))
    ax = sheet.axes[0][0]
    for name, speedups in found.items():
        ax.plot(list(speedups.values()), [rows.index(row) for row in speedups],
                **looks[name] | {"linestyle": ""})  # fmt: skip
    logarithmic([ax], "x", [1.0, *(v for s in found.values() for v in s.values())],
                lambda value: f"×{value:g}", 9)  # fmt: skip
    ax.axvline(1.0, color=INK, linewidth=1)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.yaxis.set_major_locator(FixedLocator(range(len(rows))))
    ax.yaxis.set_major_formatter(FixedFormatter(rows))
    sheet.across(f"times faster than {base['name']}, forward and backward together")
    caption = (
        f"The speed-up of every layer over {base['name']} in the same training, and of the whole step: a"
        " layer's hundredfold is worth what its share of the step allows. ReLU is the same NumPy everywhere:"
        " there only what the layers before leave in the caches differs."
    )
    title = f"Layers in training: speed-up over {base['name']}, {held['settings']['dtype']}"
    return sheet.laid_out(held["environment"], title, caption, {name: looks[name] for name in found})


def _looks(names: Sequence[str]) -> dict[str, Look]:
    """A set's colour and marker: the first rungs as in every other figure."""
    further = [name for name in names if name not in FIRST_RUNGS]
    at = {name: FIRST_RUNGS.index(name) if name in FIRST_RUNGS else 4 + further.index(name) for name in names}
    return {
        name: {"color": SERIES[i % 8], "marker": MARKERS[i % 8], "markersize": 4.5, "linewidth": 0.8}
        for name, i in at.items()
    }


def _finite(losses: Sequence[float | None]) -> list[tuple[int, float]]:
    return [(step, loss) for step, loss in enumerate(losses, 1) if loss is not None]


def _steps(ax: Axes) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
