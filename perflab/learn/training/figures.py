"""A training's figures: the loss curve, a step's time by layer with Amdahl's bound, the speed-ups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from perflab import units
from perflab.contract import FIRST_RUNGS
from perflab.learn.training import amdahl
from perflab.report.figures.palette import INK, MARKERS, SERIES
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import Look, Picture, categories, logarithmic, short_number

Saved = Mapping[str, Any]
Curve = Sequence[tuple[int, float]]  # (step, loss)
LEAST = 1e-17  # equal losses are drawn at this difference


def loss_curve(saved: Saved) -> Picture | None:
    """The loss of every step; beside it the accuracy by epoch, or the differences between the techniques."""
    variants = saved["sets"]
    curves = {
        variant["name"]: [(step, loss) for step, loss in enumerate(variant["losses"], 1) if loss is not None]
        for variant in variants
    }
    losses = [loss for curve in curves.values() for _, loss in curve]
    if not losses:
        return None
    looks = _looks(list(curves))
    compared, epochs = len(variants) > 1, variants[0]["accuracy"]
    sheet = Sheet(1, 2 if compared or epochs else 1, (3.4, 2.4))
    left, right = sheet.axes[0][0], sheet.axes[0][-1]
    alone = {"linewidth": 0.8, "marker": "", "color": SERIES[2]}
    for name, curve in curves.items():
        left.plot(*zip(*curve, strict=True), **(looks[name] | {"fillstyle": "none"} if compared else alone))
    logarithmic([left], "y", losses, short_number, 6)
    sheet.names[0, 0] = "loss of each batch"
    sheet.across("step")
    caption = "The loss of every mini-batch, before its weights are updated."
    if compared:
        caption += _differences(right, curves, looks, float(saved["agreement"]["allowed"]))
        sheet.names[0, 1] = f"relative difference from {variants[0]['name']}"
    elif epochs:
        steps, percent = [epoch["step"] for epoch in epochs], [100 * epoch["test"] for epoch in epochs]
        right.plot(steps, percent, color=SERIES[2], marker="o", markersize=3)
        right.yaxis.set_major_locator(MaxNLocator(6))
        sheet.names[0, 1] = "test accuracy, %"
        caption += f" Accuracy on the {saved['split']['test']} test digits after every epoch."
    for ax in sheet.axes[0]:
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    title = f"Training {saved['settings']['layers']}, {saved['settings']['dtype']}"
    return sheet.finished(saved["environment"], title, caption, looks if compared else None)


def _differences(ax: Axes, curves: Mapping[str, Curve], looks: Mapping[str, Look], allowed: float) -> str:
    """Draw each curve's difference from the first; the sentence that explains it."""
    (_, first), *others = curves.items()
    reference = dict(first)
    values = [LEAST, allowed]
    for name, curve in others:
        pairs = [(step, loss, reference[step]) for step, loss in curve if reference.get(step)]
        relative = [max(abs(loss - wanted) / abs(wanted), LEAST) for _, loss, wanted in pairs]
        if relative:
            ax.plot([step for step, _, _ in pairs], relative, **looks[name] | {"fillstyle": "none"})
            values += relative
    ax.axhline(allowed, color=INK, linewidth=1)
    logarithmic([ax], "y", values, short_number, 5)
    return (
        " Right, the relative difference between each technique's loss and the first one's. The line is the"
        f" largest allowed, {units.power(allowed, 1)}. Equal losses are drawn at {units.power(LEAST, 1)}."
    )


def layer_times(saved: Saved) -> Picture | None:
    """A step's time by layer, one bar for each set of techniques, and Amdahl's bound for every layer."""
    variants = [variant for variant in saved["sets"] if amdahl.shares(variant)]
    if not variants:
        return None
    base, parts = variants[0], list(amdahl.shares(variants[0]))
    looks: dict[str, Look] = {
        name: {"color": SERIES[0 if name == amdahl.REST else 1 + at % 7], "marker": MARKERS[at % 8]}
        for at, name in enumerate(parts)
    }
    sheet = Sheet(1, 2, (3.3, 0.46 * len(variants) + 0.2))
    left, right = sheet.axes[0]
    for row, variant in enumerate(variants):
        begin = 0.0
        for name, share in amdahl.shares(variant).items():
            left.barh(row, 100 * share, left=begin, height=0.62, color=looks[name]["color"])
            begin += 100 * share
    bounds = [amdahl.bounds(variant) for variant in variants]
    for at, name in enumerate(parts):  # one below the other, since many are close to 1
        rows = [row + 0.62 * ((at + 0.5) / len(parts) - 0.5) for row in range(len(variants))]
        right.plot([bound[name] for bound in bounds], rows, linestyle="", **looks[name] | {"markersize": 4})
    _name_rows(left, [variant["name"] for variant in variants], 0.6)
    _name_rows(right, [""] * len(variants), 0.6)
    left.set_xlim(0, 100)
    left.xaxis.set_major_locator(FixedLocator([0, 25, 50, 75, 100]))
    values = [value for bound in bounds for value in bound.values() if math.isfinite(value)]
    _, most = logarithmic([right], "x", [1.0, *values], _times, 6, margin=0.05)
    right.set_xlim(0.94, most)
    right.axvline(1.0, color=INK, linewidth=1)
    sheet.names[0, 0] = "share of a step, %"
    sheet.names[0, 1] = "at most faster, if this part took no time"
    sheet.ends[0, 1] = [
        (row, {}, units.seconds(amdahl.whole(variant)) + (
            f", ×{units.rounded(amdahl.whole(base) / amdahl.whole(variant), 3)}" if row else " a step"))
        for row, variant in enumerate(variants)
    ]  # fmt: skip
    caption = (
        "Left, the share of each layer in the time of a training step, forward and backward together; medians"
        f" over {len(base['losses'])} steps of {saved['settings']['batch']} digits. Right, Amdahl's bound"
        " 1 / (1 − share): the largest possible speed-up of the whole step, if that part took no time. The"
        " rest is the batch, the update of the weights, and the code between the layers."
    )
    if len(variants) > 1:
        caption += f" Speed-ups are over {base['name']}."
    title = f"The time of a training step by layer, {saved['settings']['dtype']}"
    return sheet.finished(saved["environment"], title, caption, looks)


def layer_speedups(saved: Saved) -> Picture | None:
    """The speed-up of each layer over the first set of techniques; None for a training of a single set."""
    base, *others = saved["sets"]
    speedups = {variant["name"]: amdahl.speedups(variant, base) for variant in others}
    speedups = {name: by_layer for name, by_layer in speedups.items() if by_layer}
    if not speedups:
        return None
    rows = list(dict.fromkeys(layer for by_layer in speedups.values() for layer in by_layer))
    looks = _looks([variant["name"] for variant in saved["sets"]])
    sheet = Sheet(1, 1, (5.6, 0.3 * len(rows) + 0.2))
    ax = sheet.axes[0][0]
    for name, by_layer in speedups.items():
        ys = [rows.index(layer) for layer in by_layer]
        ax.plot(list(by_layer.values()), ys, **looks[name] | {"linestyle": ""})
    values = [value for by_layer in speedups.values() for value in by_layer.values()]
    logarithmic([ax], "x", [1.0, *values], _times, 9)
    ax.axvline(1.0, color=INK, linewidth=1)
    _name_rows(ax, rows, 0.5)
    sheet.across(f"times faster than {base['name']}, forward and backward together")
    caption = (
        f"The speed-up of every layer over {base['name']} in the same training, and of the whole step. How"
        " much a layer adds to the whole depends on its share of the step. ReLU is the same NumPy code"
        " everywhere: its times differ only by what the layers before leave in the caches."
    )
    title = f"Layers in training: speed-up over {base['name']}, {saved['settings']['dtype']}"
    return sheet.finished(saved["environment"], title, caption, {name: looks[name] for name in speedups})


def _looks(names: Sequence[str]) -> dict[str, Look]:
    """Each variant's colour and marker: the first rungs as in every other figure."""
    further = [name for name in names if name not in FIRST_RUNGS]
    at = {name: FIRST_RUNGS.index(name) if name in FIRST_RUNGS else 4 + further.index(name) for name in names}
    return {
        name: {"color": SERIES[i % 8], "marker": MARKERS[i % 8], "markersize": 4.5, "linewidth": 0.8}
        for name, i in at.items()
    }


def _name_rows(ax: Axes, names: Sequence[str], margin: float) -> None:
    """One name a row, from top to bottom."""
    categories(ax, names, grid=True)
    ax.set_ylim(len(names) - 1 + margin, -margin)


def _times(value: float) -> str:
    return f"×{value:g}"
