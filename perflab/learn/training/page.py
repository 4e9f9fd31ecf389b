"""A training's page: report.html, report.md and figures/, a pure function of its training.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

from perflab import __version__, units
from perflab.contract import PerflabError
from perflab.learn.training import amdahl
from perflab.learn.training.curves import SCHEMA
from perflab.learn.training.figures import layer_speedups, layer_times, loss_curve
from perflab.records import RECORDS, full_or
from perflab.records.environment import one_line
from perflab.report import svg, words
from perflab.report.figures import Drawn
from perflab.report.figures.style import STYLE, Picture
from perflab.report.template import write_pages
from perflab.statistics import paired_ratio

SAVED = "training.json"
FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Picture | None]] = {
    "loss": loss_curve, "layers": layer_times, "speedups": layer_speedups,
}  # fmt: skip


def free(folder: Path) -> None:
    """Create a new training's folder. Raises PerflabError where it has results or cannot be created."""
    if (folder / SAVED).exists() or (folder / RECORDS).exists():
        raise PerflabError(f"{folder}: holds results already; wanted another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise full_or(error, folder) from error


def save(folder: Path, saved: Mapping[str, Any]) -> None:
    """Save a training. Raises PerflabError where the folder cannot be written."""
    text = json.dumps(saved, allow_nan=False, ensure_ascii=False, indent=1)
    try:
        (folder / SAVED).write_text(text, "utf-8")
    except OSError as error:
        raise full_or(error, folder) from error


def read(folder: Path) -> dict[str, Any]:
    """A saved training. Raises PerflabError where there is none, or one of another schema."""
    file = folder / SAVED
    try:
        saved: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PerflabError(f"{file}: no training here: {error}") from error
    if not isinstance(saved, dict) or saved.get("schema") != SCHEMA:
        raise PerflabError(f"{file}: of another schema; wanted {SCHEMA}")
    return saved


def write(folder: Path, saved: Mapping[str, Any]) -> Path:
    """Write figures and pages; the path of report.html. Raises PerflabError where one cannot be written."""
    drawings = folder / "figures"
    try:
        drawings.mkdir(exist_ok=True)
        return write_pages(folder, "training", {
            "saved": saved, "figures": [svg.on_page(drawn, drawings) for drawn in _drawn(folder, saved)],
            "tables": list(tables(saved)), "lines": lines(saved), "machine": one_line(saved["environment"]),
            "version": __version__,
        })  # fmt: skip
    except OSError as error:
        raise full_or(error, folder) from error


def _drawn(folder: Path, saved: Mapping[str, Any]) -> Iterator[Drawn]:
    command = f"perflab report {words.folder_typed(folder)}"
    for name, draw in FIGURES.items():
        with mpl.rc_context(STYLE):
            picture = draw(saved)
        if picture is not None:
            yield Drawn(**vars(picture), name=f"training-{name}", operation="", command=command)


def lines(saved: Mapping[str, Any]) -> list[str]:
    """What was trained and the results, a sentence each."""
    settings, split = saved["settings"], saved["split"]
    sentences = [
        f"{settings['layers']}: batches of {settings['batch']}, learning rate {settings['rate']:g},"
        f" regularisation {settings['reg']:g}, seed {settings['seed']}, {settings['dtype']};"
        f" {split['train']} digits to train on, {split['test']} to test on."
    ]
    for variant in saved["sets"]:
        name, losses, accuracy = variant["name"], variant["losses"], variant["accuracy"]
        result = f"{name}: {len(losses)} of {settings['total_steps']} steps"
        if losses and losses[-1] is not None:
            result += f", last loss {losses[-1]:.6g}"
        if accuracy:
            best = max(epoch["test"] for epoch in accuracy)
            result += f", test accuracy {accuracy[-1]['test']:.1%} (best {best:.1%})"
        sentences.append(f"{result}, {units.seconds(variant['step']['total_s'])} in steps.")
        sentences += [f"{name}: {note}." for note in variant["notes"]]
    checks = [verdict for variant in saved["sets"] for verdict in variant["verified"]]
    if checks:
        worst = max(max(verdict["error"], verdict["error_first_batch"]) for verdict in checks)
        sentences.append(
            "Every technique was verified before anything was timed, on the check cases and on the first"
            f" batch: errors are at most {worst:.2f} of the rounding bound."
        )
    curves = saved["agreement"]["curves"]
    if curves and all(curve["ok"] for curve in curves):
        largest = max(curve["difference"] for curve in curves)
        sentences.append(
            f"All loss curves agree with that of {curves[0]['against']} within {largest:.1e} relative"
            f" (allowed {saved['agreement']['allowed']:g})."
        )
    return sentences


def tables(saved: Mapping[str, Any], whole: bool = True) -> Iterator[words.Table]:
    """One variant's layers, or all side by side; with `whole` also each variant's layers and verdicts."""
    variants = [variant for variant in saved["sets"] if amdahl.shares(variant)]
    if len(variants) > 1:
        yield _side_by_side(variants)
    if whole or len(variants) == 1:
        yield from map(_layers, variants)
    if whole:
        yield words.Table(
            "Verified before anything was timed: largest error as a share of the rounding bound",
            ("set", "layer", "technique", "check cases", "first batch"),
            tuple(
                (variant["name"], v["layer"], f"{v['operation']}/{v['technique']}", f"{v['error']:.3f}",
                 f"{v['error_first_batch']:.3f}")
                for variant in saved["sets"] for v in variant["verified"]
            ),
        )  # fmt: skip


def _layers(variant: Mapping[str, Any]) -> words.Table:
    bounds, seconds = amdahl.bounds(variant), variant["seconds"]
    rows = []
    for name, share in amdahl.shares(variant).items():
        cells = ["", "", ""]
        if name in seconds:
            times = [units.seconds(seconds[name][way]["median_s"]) for way in ("forward", "backward")]
            cells = [variant["techniques"].get(name, "NumPy"), *times]
        rows.append((name, *cells, f"{share:.1%}", f"×{units.rounded(bounds[name], 3)}"))
    rows.append(("whole step", "", "", units.seconds(amdahl.whole(variant)), "", ""))
    head = ("layer", "technique", "forward", "backward", "share of a step", "at most faster without it")
    return words.Table(f"A step by layer: {variant['name']}", head, tuple(rows))


def _side_by_side(variants: list[Mapping[str, Any]]) -> words.Table:
    base = variants[0]
    layers, base_steps = list(amdahl.times(base)), base["step"]["each_s"]
    rows = []
    for variant in variants:
        faster, times = amdahl.speedups(variant, base), amdahl.times(variant)
        cells = [f"{units.seconds(times[name])}, ×{units.rounded(faster[name], 3)}" for name in layers]
        whole, steps = units.seconds(amdahl.whole(variant)), variant["step"]["each_s"]
        if variant is not base and len(base_steps) == len(steps):
            whole += f", {words.interval(paired_ratio(base_steps, steps))}"
        rows.append((variant["name"], whole, *cells))
    title = f"Time and speed-up over {base['name']}: medians, and the 95 % interval of the whole step's"
    return words.Table(title, ("technique", "whole step", *layers), tuple(rows))
