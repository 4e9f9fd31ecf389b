"""A run from Python: `perflab.run` measures, `perflab.result` reads what was saved; both give a `Result`.

A `Result` shows itself as a table; `.plot("ladder", operation="conv2d")` draws one figure, `.to_dataframe()`
is every cell in pandas, where that is installed, `.report()` writes the report.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab import machine
from perflab.contract import PerflabError
from perflab.errors import unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

    from perflab.report import Finding, Summary

Words = str | Iterable[str]


def run(
    *targets: str,
    preset: str | None = None,
    cases: Words = (),
    dtypes: Words = (),
    threads: int | str | Iterable[int | str] = (),
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    peers: Words = (),
    against: str | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Result:
    """Verify and time, into one folder of results, as `perflab run` does with the same words.

    `targets` are OP or OP/TECHNIQUE, every operation where none is named. `preset` is smoke, quick (the
    default), full or peers; `cases`, `dtypes`, `threads` (a number or "all") narrow it; `files` are outside
    files with forward and backward, `peers` other projects (torch, jax), `against` another commit. `out` is
    the folder, reports/DATE-TIME by default; `resume` goes on with the run in it, or with the newest.

    Raises PerflabError, in one line, for what is not known or broken. After an interruption, or where
    measuring could not go on, what was measured is kept: `perflab.result` reads it, `resume=True` goes on.
    """
    from perflab import records
    from perflab.run import request

    asked = request.Request(
        targets=targets,
        preset=preset or "",
        cases=_words(cases),
        dtypes=_words(dtypes),
        threads=(threads,) if isinstance(threads, (int, str)) else tuple(threads),
        files=tuple(map(str, (files,) if isinstance(files, (str, os.PathLike)) else files)),
        peers=_words(peers),
        against=against or "",
        out=None if out is None else Path(out),
        resume=resume,
    )
    folder, plan, seen = request.settle(asked)
    console, show = _console(progress)
    with records.lock(folder) as lock:
        if resume:
            records.mend(folder)
        else:
            request.begin(folder, plan, console, show, seen)
        try:
            request.measure(folder, plan, lock, console, show)
        except KeyboardInterrupt as interrupted:
            interrupted.add_note(f"go on with: perflab.run(out={str(folder)!r}, resume=True)")
            raise
    return result(folder)


def result(folder: str | os.PathLike[str]) -> Result:
    """A saved run: its folder, or the records.jsonl in it.

    Raises PerflabError, in one line, where there is none.
    """
    machine.prepare_matplotlib()
    from perflab import records, report

    return Result(report.summarise(records.read(folder)))


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """What a run came to. In a notebook it shows itself as a table, in a terminal as text."""

    summary: Summary

    @property
    def folder(self) -> Path:
        """Where the run is saved."""
        return self.summary.run.folder

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The contenders that gave no valid figure, and why."""
        return self.summary.findings

    @property
    def ok(self) -> bool:
        """True where every contender was right."""
        return not self.findings

    def table(self) -> list[dict[str, Any]]:
        """One row a cell, in the plan's order: the cell, its time, its speed-up, what else is known of it.

        Times are in seconds a call, with their 95 % interval; what was not measured is None.
        """
        from perflab.report import table

        return table.rows(self.summary)

    def to_dataframe(self) -> Any:
        """The rows of `table` as a pandas DataFrame. Raises PerflabError where pandas is not installed."""
        try:
            import pandas as pd  # type: ignore[import-untyped, unused-ignore]
        except ImportError as missing:
            raise PerflabError("pandas: not installed; wanted: pip install pandas, or .table()") from missing
        from perflab.report import table

        frame = pd.DataFrame(self.table(), columns=list(table.COLUMNS))
        return frame.astype(
            dict.fromkeys(table.MAY_LACK, "float64")
        )  # so that None is NaN, also where all are

    def figures(self) -> tuple[str, ...]:
        """The names of the figures that this run has, as `plot` takes them."""
        return self._names

    @cached_property
    def _names(self) -> tuple[str, ...]:
        from perflab.report import figures

        return tuple(one.name for one in figures.all_figures(self.summary))

    def plot(self, name: str, *, operation: str = "", dtype: str = "", threads: int | None = None) -> Figure:
        """One figure: by its name, or by its kind ("ladder") and what it is of.

        Raises PerflabError where there is no such figure, where several fit, and where nothing was measured
        that it could show.
        """
        from perflab.report import figures

        parts = [name, operation, dtype, "" if threads is None else f"t{threads}"]
        parts = [part for part in parts if part]
        names = figures.names(self.summary)
        fitting = [name] if parts == [name] and name in names else [n for n in names if _fits(n, parts)]
        if not fitting:
            kinds = dict.fromkeys(known.partition("-")[0] for known in self.figures())
            known = [n for n in self.figures() if _fits(n, [name])] or kinds
            raise PerflabError(unknown("figure", " ".join(parts), known))
        drawn = [one for one in (figures.drawn(self.summary, n) for n in fitting) if one is not None]
        if not drawn:
            raise PerflabError(f"{' '.join(parts)}: nothing was measured that this figure could show")
        if len(drawn) > 1:
            one_of = ", ".join(one.name for one in drawn)
            raise PerflabError(f"{' '.join(parts)}: {len(drawn)} figures; wanted one of {one_of}")
        figure = drawn[0].figure
        vars(figure)["_repr_png_"] = lambda: _png(figure)  # how a notebook shows a figure without pyplot
        return figure

    def report(self) -> Path:
        """Write the report into the folder; the path of the page."""
        from perflab import report
        from perflab.catalog import sources

        run = self.summary.run
        return report.write(run, self.summary, installed=sources.of_today(run))

    def _repr_html_(self) -> str:
        from perflab.report import table

        return table.html(self.summary)

    def __str__(self) -> str:
        from perflab.report import table

        return table.text(self.summary)

    __repr__ = __str__


def _fits(name: str, parts: Sequence[str]) -> bool:
    """Whether a figure's name begins with its kind and has the other parts.

    >>> _fits("ladder-conv2d-t1", ["ladder", "conv2d"]), _fits("ladder-conv2d-t1", ["conv2d"])
    (True, False)
    """
    kind, *held = name.split("-")
    return kind == parts[0] and set(parts[1:]) <= set(held)


def _words(told: Words) -> tuple[str, ...]:
    return (told,) if isinstance(told, str) else tuple(told)


def _console(progress: bool) -> tuple[Console, str]:
    """Where to show how far a run is, and what: in a notebook one line, in a terminal a bar, else lines."""
    from rich.console import Console

    if not progress:
        return Console(file=io.StringIO()), "nothing"
    if Console().is_jupyter:
        return Console(file=sys.stdout, force_jupyter=False, force_terminal=False), "line"
    return Console(stderr=True), "all"


def _png(figure: Any) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return held.getvalue()
