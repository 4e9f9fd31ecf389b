"""Results as tables and lines for a terminal or a notebook; printed elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from perflab import catalog
from perflab.cli.show.flow import Command
from perflab.cli.show.table import Table, of_words
from perflab.contract import Verdict
from perflab.report.words import remark_lines

if TYPE_CHECKING:
    from perflab.oracle.pairs import Pair
    from perflab.oracle.sandbox.review import FileReview
    from perflab.report import Summary
    from perflab.report.across.board import Board
    from perflab.report.words import Table as Words
    from perflab.run.verify import Verification

WITHOUT_NUMBERS = ("runs", "returns", "form")  # checks whose faults depend on the sizes
MANY = 1000.0  # errors above this many bounds are shown as a power of ten


def verification(verification: Verification, seconds: float) -> Iterator[RenderableType]:
    """The verification of techniques, of pairs of them and of known mistakes; or of outside files."""
    if verification.outside is not None:
        yield from reviews(verification.outside, seconds, sizes=verification.sizes)
        return
    yield verdicts(verification.verdicts)
    yield from remarks(verification.verdicts)
    if verification.pairs:
        yield pairs(verification.pairs)
    yield from map(Text, verification.lines())
    yield Text(f"{verification.counted}, {seconds:.1f} s")
    for verdict in verification.verdicts:
        if not verdict:
            yield from failure(verdict, sizes=verification.sizes)


def remarks(verdicts: Iterable[Verdict]) -> Iterator[Text]:
    """What else there is to say of each implementation."""
    lines = remark_lines((v.operation, v.technique, remark) for v in verdicts for remark in v.remarks)
    yield from map(Text, lines)


def verdicts(verdicts: Iterable[Verdict]) -> Table:
    """One row per verdict: its error as a share of the bound, and the place of the worst error."""
    rows = (
        (f"{verdict.operation}/{verdict.technique}", verdict.dtype, _share(verdict), verdict.where,
         {True: "identical", False: "differ", None: "–"}[verdict.exact],
         Text.assemble((verdict.status, _colour(verdict)),
                       "" if verdict.deterministic else ", not repeatable",
                       ", with a remark" if verdict and verdict.remarks else ""))
        for verdict in verdicts
    )  # fmt: skip
    head = ("implementation", "dtype", "error / bound", "worst", "integers", "verdict")
    return Table(*head, rows=rows)


def _share(verdict: Verdict) -> str:
    if all(check.name != "rounding bound" for check in verdict.checks):  # nothing was compared
        return "–"
    return f"{verdict.error:.3f}" if verdict.error < MANY else f"{verdict.error:.1e}"


def pairs(pairs: Iterable[Pair]) -> Table:
    """Every two techniques side by side."""
    words = {True: Text("identical"), False: Text("differ", "red"), None: Text("–")}
    rows = (
        (f"{pair.operation}: {pair.first}, {pair.second}", pair.dtype, words[pair.identical_integers],
         "identical" if pair.identical else f"within {pair.difference:.1e}")
        for pair in pairs
    )  # fmt: skip
    return Table("side by side", "dtype", "on integers", "on real inputs", rows=rows)


def failure(
    verdict: Verdict, file: str = "", sizes: Mapping[str, str] = MappingProxyType({})
) -> Iterator[RenderableType]:
    """The error, its place, and the command that repeats it.

    `file` is that of an outside implementation; `sizes` gives the words of cases of one's own sizes.
    """
    failed = next((check for check in verdict.checks if not check.ok), None)
    head = Text(f"\n{verdict.status}", style=_colour(verdict))
    yield head + Text(f": {verdict.operation}/{verdict.technique} {verdict.dtype}", style="default")
    if failed is None:
        yield Text(f"  {verdict.where}")
        case = ""
    else:
        values = f": got {failed.got}, wanted {failed.wanted}" if failed.got else ""
        name, _, seed = failed.case.partition(" (seed ")
        named = failed.name in WITHOUT_NUMBERS and name not in sizes
        shown = f" ({_sizes(verdict.operation, name)})" if named else ""
        yield Text(f"  case {failed.case}{shown}, {failed.name}: {failed.where}{values}")
        case = f" --size {sizes[name]}" if name in sizes else f" --case {name}"
        case += f" --seed {seed.rstrip(')')}" if seed else ""
    if verdict.status == "unwritten":
        return
    operation = catalog.typed(verdict.operation)
    target = operation if file else f"{operation}/{verdict.technique}"
    more = f" --with {catalog.from_here(Path(file))}" if file else ""
    yield Command(Text(f"  again: perflab verify {target} --dtype {verdict.dtype}{case}{more}"))


def _sizes(operation: str, case: str) -> str:
    """The sizes and parameters of a check case."""
    found = catalog.operation(operation).checks[case]
    return ", ".join(f"{name} = {value}" for name, value in (*found.sizes.items(), *found.parameters.items()))


def reviews(
    review: FileReview, seconds: float | None = None, again: bool = True,
    sizes: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[RenderableType]:  # fmt: skip
    """The review of every implementation of outside files; `again`: with the commands that repeat it."""
    from perflab.oracle import diagnosis
    from perflab.report.study import mathematics

    every = [verdict for each in review.reviews for verdict in each.verdicts]
    if every:
        yield verdicts(every)
    yield from map(Text, review.notes)
    for each in review.reviews:
        name = f"{each.implementation.operation}/{each.implementation.technique}"
        for note in each.implementation.notes:
            yield Text(f"{name}: {note}")
        yield from remarks(each.verdicts)
        yield from (Text(f"{name}: left out {line}") for line in _left_out(each.verdicts))
    took = "" if seconds is None else f", {seconds:.1f} s"
    yield Text(f"{sum(map(bool, every))} of {len(every)} right{took}")
    for each in review.reviews:
        source = each.implementation.source
        bad = [verdict for verdict in each.verdicts if verdict.status not in ("right", "unwritten")]
        if bad:
            yield from list(failure(bad[0], source, sizes))[: None if again else -1]
        if each.unexplained:
            yield Text(f"{each.implementation.operation}/{each.implementation.technique}: {each.unexplained}")
        for mistake in each.mistakes:
            yield from map(Text, diagnosis.told(mistake, catalog.from_here(Path(source)), mathematics.plain))


def summary(summary: Summary) -> Iterator[RenderableType]:
    """A run's tables and closing lines."""
    from perflab.report import tables
    from perflab.report.why import reading

    for block in tables.terminal_tables(summary):
        yield of_words(block)
    yield from map(Text, tables.closing_lines(summary))
    for each in reading.readings(summary):
        yield from map(Text, ("", *reading.lines(each)))


def board(ranked: Board) -> Iterator[RenderableType]:
    """The rankings of saved runs."""
    from perflab.report.across import board as boards

    yield from map(of_words, boards.tables(ranked))
    yield from map(Text, boards.closing(ranked))


def training(lines: Iterable[str], tables: Iterable[Words]) -> Iterator[RenderableType]:
    """The result of a training, and its times by layer."""
    yield from map(Text, lines)
    for block in tables:
        yield of_words(block)


def _left_out(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """The cases that an interface does not support, grouped by the reason."""
    by_reason: dict[str, list[str]] = {}
    for line in dict.fromkeys(line for verdict in verdicts for line in verdict.left_out):
        case, _, reason = line.partition(": ")
        by_reason.setdefault(reason.partition(";")[0], []).append(case)
    yield from (f"{', '.join(cases)}: {reason}" for reason, cases in by_reason.items())


def _colour(verdict: Verdict) -> str:
    return {"right": "green", "unwritten": "yellow"}.get(verdict.status, "red")
