"""What a technique that chooses among rungs expects of each on given sizes, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from perflab import catalog, records, report, units
from perflab.catalog.inputs import pairs
from perflab.catalog.sizes import own_case, size_of
from perflab.cli.show.flow import Command
from perflab.cli.show.study import command
from perflab.cli.show.table import Table
from perflab.contract import AUTO, Case, Operation, PerflabError
from perflab.report.words import of_threads

BOTH = ("forward", "backward")
UNMEASURED = "–"


@dataclass(frozen=True)
class Choice:
    """A case; seconds of each rung and direction, predicted and measured; the run of the measured ones.

    `calls` are the rungs that are called, for forward and for backward.
    """

    operation: str
    case: Case
    dtype: str
    threads: int
    predicted: Mapping[str, Mapping[str, float]]
    calls: tuple[str, str]
    measured: Mapping[str, Mapping[str, float]]
    run: Path | None


def choice(name: str, words: list[str], dtype: str, threads: int, run: Path | None) -> Choice:
    """The choice on the sizes in these words; the others are the study case's.

    Measured times are those of `run`, or of the newest one, on a case of the same sizes. Raises PerflabError
    for an operation without a technique that chooses, and for sizes that do not fit.
    """
    described = catalog.operation(name)
    predicted = catalog.raw(name, AUTO).predicted if AUTO in catalog.techniques(name) else None
    if predicted is None:
        raise PerflabError(f"--choose: {name} has no technique that chooses; wanted {AUTO} with `predicted`")
    case = own_case(described, size_of(words))
    parameters = pairs(described, case)
    sizes = described.derive(case.sizes, parameters)
    seconds, calls = predicted(sizes, parameters, np.dtype(dtype).itemsize, threads)
    folder = run or records.newest()
    measured = _measured(folder, described, case, dtype, threads) if folder else {}
    return Choice(name, case, dtype, threads, seconds, calls, measured, folder if measured else None)


def _measured(
    folder: Path, described: Operation, case: Case, dtype: str, threads: int
) -> dict[str, dict[str, float]]:
    """The median seconds of a run on a case of these sizes and parameters, by technique and direction."""
    summary = report.summarise(records.read(folder))
    known = summary.run.operations.get(described.name)
    wanted = dict(case.sizes), pairs(described, case)
    found: dict[str, dict[str, float]] = {}
    for saved, each in (known.cases if known else {}).items():
        same = Case(saved, each.sizes, each.parameters)
        if (dict(same.sizes), pairs(described, same)) == wanted:
            like = summary.of(operation=described.name, case=saved, dtype=dtype, threads=threads)
            for figure in like:
                if not figure.predicted:
                    found.setdefault(figure.cell.technique, {})[figure.cell.direction] = figure.median_s
    return found


def shown(made: Choice) -> Iterator[RenderableType]:
    """The rung that is called, and the table of all."""
    first, then = made.calls
    calls = first if first == then else f"{first} forward and {then} backward"
    yield Text(f"{made.operation}/{AUTO} calls {calls}.", "bold")
    head = ("", *(f"{way}, {how}" for way in BOTH for how in ("predicted", "measured")))
    title = f"{made.case.name}, {made.dtype}, {of_threads(made.threads)}"
    rows = [(rung, *_cells(made, rung)) for rung in sorted(made.predicted, key=lambda r: _total(made, r))]
    if own := made.measured.get(AUTO):
        rows.append((AUTO, *(cell for way in BOTH for cell in ("", _time(own.get(way))))))
    yield Table(*head, rows=rows, title=title)
    if made.run is None:
        yield Command(Text(f"Not measured here: {command(made.operation, [made.case])}"))
    else:
        yield Text(f"Measured in {made.run}.")


def plain(made: Choice) -> dict[str, Any]:
    """The same as plain JSON."""
    return {
        "operation": made.operation, "technique": AUTO, "sizes": dict(made.case.sizes), "dtype": made.dtype,
        "threads": made.threads, "chosen": dict(zip(BOTH, made.calls, strict=True)),
        "predicted_s": made.predicted, "measured_s": made.measured,
    }  # fmt: skip


def _total(made: Choice, rung: str) -> float:
    return sum(made.predicted[rung][way] for way in BOTH)


def _cells(made: Choice, rung: str) -> Iterator[str]:
    for way in BOTH:
        yield _time(made.predicted[rung][way])
        yield _time(made.measured.get(rung, {}).get(way))


def _time(seconds: float | None) -> str:
    return UNMEASURED if seconds is None else units.seconds(seconds, 2)
