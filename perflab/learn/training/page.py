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
from perflab.learn.training.figures import layer_speedups, layer_times, loss_curve
from perflab.records import RECORDS, full_or
from perflab.records.environment import one_line
from perflab.report import svg, words
from perflab.report.contents import Shown
from perflab.report.figures import Drawn
from perflab.report.figures.style import STYLE, Picture
from perflab.report.template import template
from perflab.statistics import paired_ratio

SAVED = "training.json"
SCHEMA = 1
FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Picture | None]] = {
    "loss": loss_curve, "layers": layer_times, "speedups": layer_speedups,
}  # fmt: skip


def free(folder: Path) -> None:
    """Make a new training's folder. Raises PerflabError where results lie there, or it cannot be made."""
    if (folder / SAVED).exists() or (folder / RECORDS).exists():
        raise PerflabError(f"{folder}: holds results already; wanted another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise full_or(error, folder) from error


def save(folder: Path, held: Mapping[str, Any]) -> None:
    """Keep a training. Raises PerflabError where the folder cannot be written."""
    try:
        text = json.dumps(held, allow_nan=False, ensure_ascii=False, indent=1)
        (folder / SAVED).write_text(text, "utf-8")
    except OSError as error:
        raise full_or(error, folder) from error


def read(folder: Path) -> dict[str, Any]:
    """A saved training. Raises PerflabError where there is none, or of another schema."""
    file = folder / SAVED
    try:
        held: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PerflabError(f"{file}: no training here: {error}") from error
    if not isinstance(held, dict) or held.get("schema") != SCHEMA:
        raise PerflabError(f"{file}: of another schema; wanted {SCHEMA}")
    return held


def write(folder: Path, held: Mapping[str, Any]) -> Path:
    """Write figures and pages; the path of report.html."""
    try:
        (folder / "figures").mkdir(exist_ok=True)
        shown = [
            Shown(one, svg.inline(one, svg.save(one, folder / "figures"))) for one in _drawn(folder, held)
        ]
        context = {
            "held": held, "shown": shown, "tables": list(tables(held)), "lines": lines(held),
            "machine": one_line(held["environment"]), "version": __version__,
        }  # fmt: skip
        page = folder / "report.html"
        page.write_text(template("training.html.jinja").render(context), "utf-8")
        (folder / "report.md").write_text(template("training.md.jinja").render(context), "utf-8")
    except OSError as error:
        raise full_or(error, folder) from error
    return page


def _drawn(folder: Path, held: Mapping[str, Any]) -> Iterator[Drawn]:
    for name, draw in FIGURES.items():
        with mpl.rc_context(STYLE):
            picture = draw(held)
        if picture is not None:
            command = f"perflab report reports/{folder.resolve().name}"
            yield Drawn(f"training-{name}", picture.title, picture.caption, picture.figure, "", command)


def lines(held: Mapping[str, Any]) -> list[str]:
    """What was trained and what came of it, a sentence each."""
    settings, split = held["settings"], held["split"]
    found = [
        f"{settings['layers']}: batches of {settings['batch']}, learning rate {settings['rate']:g},"
        f" regularisation {settings['reg']:g}, seed {settings['seed']}, {settings['dtype']};"
        f" {split['train']} digits to train on, {split['test']} to test on."
    ]
    for one in held["sets"]:
        taken = f"{one['name']}: {len(one['losses'])} of {settings['total_steps']} steps"
        if one["losses"] and one["losses"][-1] is not None:
            taken += f", last loss {one['losses'][-1]:.6g}"
        if one["accuracy"]:
            best = max(one["accuracy"], key=lambda a: a["test"])
            taken += f", test accuracy {one['accuracy'][-1]['test']:.1%} (best {best['test']:.1%})"
        found.append(f"{taken}, {units.seconds(one['step']['total_s'])} in steps.")
        found += [f"{one['name']}: {note}." for note in one["notes"]]
    checks = [verdict for one in held["sets"] for verdict in one["verified"]]
    if checks:
        worst = max(max(one["error"], one["error_first_batch"]) for one in checks)
        found.append(
            "Every technique was verified before the clock started, on the check cases and on the first"
            f" batch: errors are at most {worst:.2f} of the rounding bound."
        )
    curves = held["agreement"]["curves"]
    if curves and all(one["ok"] for one in curves):
        apart = max(curves, key=lambda one: one["difference"])
        found.append(
            f"All follow the loss curve of {apart['against']} within {apart['difference']:.1e} relative"
            f" (allowed {held['agreement']['allowed']:g})."
        )
    return found


def tables(held: Mapping[str, Any], whole: bool = True) -> Iterator[words.Table]:
    """One set's layers, or all sets side by side; where `whole`, each set's too, and what the oracle said."""
    sets = [one for one in held["sets"] if amdahl.shares(one)]
    if len(sets) == 1:
        yield _layers(sets[0])
    elif sets:
        yield _sets(sets)
        if whole:
            yield from map(_layers, sets)
    if whole:
        yield _verified(held)


def _verified(held: Mapping[str, Any]) -> words.Table:
    return words.Table(
        "Verified before the clock started: worst error as a share of the rounding bound",
        ("set", "layer", "technique", "check cases", "first batch"),
        tuple(
            (one["name"], v["layer"], f"{v['operation']}/{v['technique']}", f"{v['error']:.3f}",
             f"{v['error_first_batch']:.3f}")
            for one in held["sets"] for v in one["verified"]
        ),
    )  # fmt: skip


def _layers(one: Mapping[str, Any]) -> words.Table:
    share, bound, ways = amdahl.shares(one), amdahl.bounds(one), one["seconds"]
    rows = []
    for name in share:
        times = (
            [units.seconds(ways[name][way]["median_s"]) for way in ("forward", "backward")]
            if name in ways
            else ["", ""]
        )
        technique = one["techniques"].get(name, "NumPy" if name in ways else "")
        rows.append((name, technique, *times, f"{share[name]:.1%}", f"×{units.rounded(bound[name], 3)}"))
    rows.append(("whole step", "", "", units.seconds(amdahl.whole(one)), "", ""))
    head = ("layer", "technique", "forward", "backward", "share of a step", "at most faster without it")
    return words.Table(f"A step by layer: {one['name']}", head, tuple(rows))


def _sets(sets: list[Mapping[str, Any]]) -> words.Table:
    base = sets[0]
    parts = list(amdahl.times(base))
    rows = []
    for one in sets:
        faster, times = amdahl.speedups(one, base), amdahl.times(one)
        cells = [f"{units.seconds(times[name])}, ×{units.rounded(faster[name], 3)}" for name in parts]
        whole = units.seconds(amdahl.whole(one))
        steps, others = base["step"]["each_s"], one["step"]["each_s"]
        if one is not base and len(steps) == len(others):
            whole += f", {words.interval(paired_ratio(steps, others))}"
        rows.append((one["name"], whole, *cells))
    title = f"Time and speed-up over {base['name']}: medians, and the 95 % interval of the whole step's"
    return words.Table(title, ("technique", "whole step", *parts), tuple(rows))
