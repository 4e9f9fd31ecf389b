"""What saved runs offer to a ranking across them: cells with a baseline of the same run, and faults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perflab import records
from perflab.contract import Cell, PerflabError
from perflab.records import Run
from perflab.records.texts import imported
from perflab.report.summary import CellResult, Summary
from perflab.statistics import Ratio

BASELINES = ("vectorized", "naive")


@dataclass(frozen=True)
class Candidate:
    """A measured cell of one run, with what it takes to be held to another run's."""

    cell: Cell
    kind: str
    text: str
    baseline: tuple[str, str]
    problem: str
    ratio: Ratio
    figure: CellResult
    run: str
    started: float

    @property
    def key(self) -> tuple[str, str]:
        """The technique and its text."""
        return self.cell.technique, self.text

    @property
    def place(self) -> Cell:
        """The cell without its technique: what is ranked together."""
        return replace(self.cell, technique="")


@dataclass(frozen=True)
class Fault:
    """What gave no figure: a technique's text on a case and dtype, or on all where those are empty."""

    operation: str
    technique: str
    case: str
    dtype: str
    text: str
    reason: str
    run: str
    started: float


def read(files: Sequence[Path]) -> Iterator[tuple[str, Run | str]]:
    """Every run by its folder's name, or why it cannot be read."""
    for file in files:
        try:
            run = records.read(file.parent)
        except PerflabError as error:
            yield file.parent.name, str(error).removeprefix(f"{file}: ").removeprefix(f"{file.parent}: ")
            continue
        yield file.parent.name, "its last line was cut short" if run.torn else run


def candidates(run: Run, summary: Summary) -> Iterator[Candidate]:
    """Every measured cell that was measured in turns with a baseline."""
    texts = run.texts
    for cell, figure in summary.figures.items():
        if figure.predicted or not summary.fit:
            continue
        for name in BASELINES:
            base = replace(cell, technique=name)
            ratio = summary.ratio(base, cell) if run.plan.is_built_in(cell.operation, name) else None
            if ratio is not None:
                problem = run.operations[cell.operation].cases[cell.case].problem
                itself = Ratio(1.0, 1.0, 1.0, ratio.pairs)
                yield Candidate(
                    cell, _kind(run, cell), _text_of(run, texts, cell), (name, _text_of(run, texts, base)),
                    json.dumps(problem, sort_keys=True), itself if cell == base else ratio, figure,
                    run.folder.name, run.started,
                )  # fmt: skip
                break


def faults(run: Run, summary: Summary) -> Iterator[Fault]:
    """What gave no figure, and why; of an unfit machine's run, every column that is not built in."""
    texts = run.texts

    def fault(operation: str, technique: str, case: str, dtype: str, reason: str) -> Fault:
        text = _text_of(run, texts, Cell(operation, case, dtype, 0, "", technique))
        return Fault(operation, technique, case, dtype, text, reason, run.folder.name, run.started)

    for f in summary.findings:
        if f.technique:
            yield fault(f.operation, f.technique, f.case, f.dtype, f.reason)
    for operation, techniques in () if summary.fit else run.plan.techniques.items():
        for technique in techniques:
            if not run.plan.is_built_in(operation, technique):
                yield fault(operation, technique, "", "", "the machine was unfit to measure")


def _kind(run: Run, cell: Cell) -> str:
    if "@" in cell.technique:
        return "commit"
    if run.plan.is_built_in(cell.operation, cell.technique):
        return "rung"
    return "own" if f"{cell.operation}/{cell.technique}" in run.plan.outside else "peer"


def _text_of(run: Run, texts: Mapping[str, str], cell: Cell) -> str:
    """What tells two texts of a technique apart: a digest of its file and of the files that it imports.

    A peer's is its project's version; empty where a run kept no code.
    """
    home = run.plan.homes.get(cell.technique)
    if home and f"{cell.operation}/{cell.technique}" not in run.plan.outside:
        versions = run.environment.get("versions")
        return str(versions.get(home, "")) if isinstance(versions, Mapping) else ""
    name = f"{cell.operation}/{cell.technique}.py"
    if name not in texts:
        return ""
    held = [texts[name], *(texts[other] for other in sorted(imported(name, texts)))]
    return hashlib.blake2b("\0".join(held).encode(), digest_size=4).hexdigest()
