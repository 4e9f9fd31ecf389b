"""What saved runs give to a ranking across them: cells with a baseline of the same run, and faults."""

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
    """A measured cell of one run, with what a comparison with another run's cell needs."""

    cell: Cell
    kind: str
    text: str
    baseline: tuple[str, str]
    problem: str
    ratio: Ratio
    figure: CellResult
    run: str
    started: float
    calls: tuple[str, ...] = ()

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
    """A technique's text without a figure on a case and dtype, or on all of them where these are empty."""

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
        else:
            yield file.parent.name, "its last line was cut short" if run.torn else run


def candidates(run: Run, summary: Summary) -> Iterator[Candidate]:
    """Every measured cell that was measured in turns with a baseline."""
    texts, called = run.texts, run.called()
    for cell, figure in summary.figures.items() if summary.fit else ():
        built_in = (name for name in BASELINES if run.plan.is_built_in(cell.operation, name))
        for name in () if figure.predicted else built_in:
            base = replace(cell, technique=name)
            ratio = summary.ratio(base, cell)
            if ratio is not None:
                problem = json.dumps(run.operations[cell.operation].cases[cell.case].problem, sort_keys=True)
                baseline = name, _digest(run, texts, base)
                ratio = Ratio(1.0, 1.0, 1.0, ratio.pairs) if cell == base else ratio
                yield Candidate(
                    cell, _kind(run, cell), _digest(run, texts, cell), baseline, problem, ratio, figure,
                    run.folder.name, run.started, called.get(cell.contender.name, ()),
                )  # fmt: skip
                break


def faults(run: Run, summary: Summary) -> Iterator[Fault]:
    """What has no figure, and why; in an unfit machine's run, every column that is not built in."""
    texts = run.texts

    def fault(operation: str, technique: str, case: str, dtype: str, reason: str) -> Fault:
        text = _digest(run, texts, Cell(operation, case, dtype, 0, "", technique))
        return Fault(operation, technique, case, dtype, text, reason, run.folder.name, run.started)

    for finding in summary.findings:
        if finding.technique:
            yield fault(finding.operation, finding.technique, finding.case, finding.dtype, finding.reason)
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


def _digest(run: Run, texts: Mapping[str, str], cell: Cell) -> str:
    """A digest of a technique's file and its imports; a peer's version; empty where a run has no code."""
    home = run.plan.homes.get(cell.technique)
    if home and f"{cell.operation}/{cell.technique}" not in run.plan.outside:
        versions = run.environment.get("versions")
        return str(versions.get(home, "")) if isinstance(versions, Mapping) else ""
    name = f"{cell.operation}/{cell.technique}.py"
    if name not in texts:
        return ""
    files = [texts[name], *(texts[other] for other in sorted(imported(name, texts)))]
    return hashlib.blake2b("\0".join(files).encode(), digest_size=4).hexdigest()
