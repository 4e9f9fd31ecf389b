"""A run from Python: `perflab.run` measures, `perflab.result` reads a saved run; both return a `Result`.

A `Result` shows itself as a table; `.plot("ladder", operation="conv2d")` draws one figure, `.to_dataframe()`
gives every cell in pandas, `.report()` writes the report.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab import machine
from perflab.contract import PerflabError
from perflab.errors import unknown
from perflab.report import table

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

    from perflab.report import Finding, Summary

Words = str | Iterable[str]
Sizes = Mapping[str, Any] | Iterable[Mapping[str, Any]]


def run(
    *targets: str, preset: str | None = None, cases: Words = (), size: Sizes = (), sweep: Words = (),
    draw: int | None = None, seed: str | int | None = None, dtypes: Words = (),
    threads: int | str | Iterable[int | str] = (),
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (), peers: Words = (),
    against: str | None = None, for_s: float | str | None = None, baseline: str | None = None,
    out: str | os.PathLike[str] | None = None, resume: bool = False, progress: bool = True,
) -> Result:  # fmt: skip
    """Verify and time, into one folder of results, as `perflab run` does with the same options.

    `targets` are OP or OP/TECHNIQUE, all operations if there are none. `preset` is smoke, quick (the
    default), sweep, full or peers; `cases`, `dtypes`, `threads` (a number or "all") narrow it. `size` is a
    case of one's own, {"C": 48, "pad": 1}, or a list of them, and `sweep` the axes along which it is varied,
    "C=16:512"; what is left out comes from the study case. `draw` shapes are drawn from the `seed`, any text,
    of and about the layers of public networks, for a contest with the peers. `files` are outside files with
    forward and backward, `peers` other projects and compilers (torch, jax, pythran, cython, torch_compile; a
    warning names one that is not installed), `against` another commit, or a range A..B. `for_s` is the time
    for all of it, in seconds or as "10m"; `baseline` is the technique over which ratios are shown.
    `out` is the folder, reports/DATE-TIME by default; `resume` continues the run in it, or the newest run,
    for what is left of its time or for `for_s` more.

    Raises PerflabError, in one line, for unknown names and broken input. After an interruption or an error
    the measured records stay in the folder: `perflab.result` reads them, `resume=True` continues.
    """
    from perflab import records
    from perflab.catalog import lacking_peers
    from perflab.report.progress import Progress
    from perflab.run import drawing, request

    number, text = drawing.asked(draw, seed)
    time_s = 0.0 if for_s is None else request.seconds_of(str(for_s))
    folder, plan, reviewed = request.settle(request.Request(
        targets=targets, preset=preset or "", cases=_words(cases),
        sizes=(size,) if isinstance(size, Mapping) else tuple(size), sweeps=_words(sweep),
        draw=number, seed=text, dtypes=_words(dtypes),
        threads=(threads,) if isinstance(threads, (int, str)) else tuple(threads),
        files=tuple(map(str, (files,) if isinstance(files, (str, os.PathLike)) else files)),
        peers=_words(peers), against=against or "", for_s=time_s, baseline=baseline or "",
        out=None if out is None else Path(out), resume=resume,
    ))  # fmt: skip
    for line in lacking_peers(_words(peers)):
        warnings.warn(f"{line}; the run goes on without it", stacklevel=2)
    with request.opened(folder, plan, reviewed, resume, time_s) as measure:
        try:
            with Progress(records.read(folder), *_console(progress)) as shown:
                measure(shown.tell)
        except KeyboardInterrupt as interrupted:
            interrupted.add_note(f"go on with: perflab.run(out={str(folder)!r}, resume=True)")
            raise
    return result(folder)


def result(folder: str | os.PathLike[str]) -> Result:
    """The saved run in a folder or a records.jsonl. Raises PerflabError, in one line, if there is none."""
    machine.prepare_matplotlib()
    from perflab import records, report

    return Result(report.summarise(records.read(folder)))


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """The result of a run. In a notebook it shows itself as a table, in a terminal as text."""

    summary: Summary

    @property
    def folder(self) -> Path:
        """Where the run is saved."""
        return self.summary.run.folder

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The contenders without a valid figure, with the reasons."""
        return self.summary.findings

    @property
    def ok(self) -> bool:
        """True if every contender was right."""
        return not self.findings

    def table(self) -> list[dict[str, Any]]:
        """One row per cell, in the plan's order: the cell, its time, its speed-up, further figures.

        Times are in seconds per call, with their 95 % interval; a missing figure is None.
        """
        return table.rows(self.summary)

    def to_dataframe(self) -> Any:
        """The rows of `table` as a pandas DataFrame. Raises PerflabError if pandas is not installed."""
        try:
            import pandas as pd  # type: ignore[import-untyped, unused-ignore]
        except ImportError as missing:
            raise PerflabError("pandas: not installed; wanted: pip install pandas, or .table()") from missing
        frame = pd.DataFrame(self.table(), columns=list(table.COLUMNS))
        return frame.astype(dict.fromkeys(table.MAY_LACK, "float64"))  # None becomes NaN in every column

    def figures(self) -> tuple[str, ...]:
        """The names of the figures that this run has, as `plot` takes them."""
        return self._figures

    @cached_property
    def _figures(self) -> tuple[str, ...]:
        from perflab.report import figures

        return tuple(figure.name for figure in figures.all_figures(self.summary))

    def plot(self, name: str, *, operation: str = "", dtype: str = "", threads: int | None = None) -> Figure:
        """One figure: by its name, or by its kind ("ladder") and the operation, dtype or threads.

        Raises PerflabError if no figure or several fit, or if the run has no measurement for it.
        """
        from perflab.report import figures

        parts = [*filter(None, [name, operation, dtype, "" if threads is None else f"t{threads}"])]
        request = " ".join(parts)
        names = figures.names(self.summary)
        fitting = [name] if parts == [name] and name in names else [n for n in names if _fits(n, parts)]
        if not fitting:
            kinds = dict.fromkeys(known.partition("-")[0] for known in self.figures())
            known = [n for n in self.figures() if _fits(n, [name])] or kinds
            raise PerflabError(unknown("figure", request, known))
        drawn = [drawing for n in fitting if (drawing := figures.drawn(self.summary, n)) is not None]
        if not drawn:
            raise PerflabError(f"{request}: nothing was measured that this figure could show")
        if len(drawn) > 1:
            choices = ", ".join(drawing.name for drawing in drawn)
            raise PerflabError(f"{request}: {len(drawn)} figures; wanted one of {choices}")
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
        return table.html(self.summary)

    def __str__(self) -> str:
        return table.text(self.summary)

    __repr__ = __str__


def _fits(name: str, parts: Sequence[str]) -> bool:
    """Whether a figure's name begins with its kind and has the other parts.

    >>> _fits("ladder-conv2d-t1", ["ladder", "conv2d"]), _fits("ladder-conv2d-t1", ["conv2d"])
    (True, False)
    """
    kind, *rest = name.split("-")
    return kind == parts[0] and set(parts[1:]) <= set(rest)


def _words(words: Words) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else tuple(words)


def _console(progress: bool) -> tuple[Console, str]:
    """The console for progress, and what to show."""
    from rich.console import Console

    if not progress:
        return Console(file=io.StringIO()), "nothing"
    return (here, "all") if (here := Console()).is_jupyter else (Console(stderr=True), "all")


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
