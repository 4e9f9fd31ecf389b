"""What was found, as tables and lines for a terminal or a notebook: made here, printed elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from perflab.contract import Verdict

if TYPE_CHECKING:
    from perflab.board import Board
    from perflab.oracle import Pair
    from perflab.own.review import FileReview
    from perflab.report import Summary
    from perflab.report.words import Table as Words


MANY = 1000.0  # times a bound, from which on only the order of magnitude says anything


def table(*head: str, right: Sequence[int] = ()) -> Table:
    """An empty table with this head; the columns at `right` are aligned there."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(head):
        made.add_column(name, justify="right" if position in right else "left", overflow="fold")
    return made


def verdicts(held: Sequence[Verdict]) -> Table:
    """One row a verdict: its error as a share of the bound, and where it is worst."""
    made = table("implementation", "dtype", "error / bound", "worst", "integers", "verdict", right=(2,))
    for v in held:
        bits = {True: "identical", False: "differ", None: "–"}[v.exact]
        word = f"[{_colour(v)}]{v.status}[/]"
        if not v.deterministic:
            word += ", not repeatable"
        where = Text(v.where)
        share = f"{v.error:.3f}" if v.error < MANY else f"{v.error:.1e}"
        made.add_row(f"{v.operation}/{v.technique}", v.dtype, share, where, bits, word)
    return made


def pairs(held: Sequence[Pair]) -> Table:
    """Every two techniques side by side."""
    made = table("side by side", "dtype", "on integers", "on real inputs")
    for pair in held:
        integers = {True: "identical", False: "[red]differ[/]", None: "–"}[pair.identical_integers]
        real = "identical" if pair.identical else f"within {pair.difference:.1e}"
        names = f"{pair.operation}: {pair.first}, {pair.second}"
        made.add_row(names, pair.dtype, integers, real)
    return made


def failure(verdict: Verdict, file: str = "") -> Iterator[RenderableType]:
    """What is wrong, where, and the command that shows it again; `file` is an outside one's."""
    failed = next((check for check in verdict.checks if not check.ok), None)
    head = Text(f"\n{verdict.status}", style=_colour(verdict))
    yield head + Text(f": {verdict.operation}/{verdict.technique} {verdict.dtype}", style="default")
    if failed is None:
        yield Text(f"  {verdict.where}")
        case = ""
    else:
        values = f": got {failed.got}, wanted {failed.wanted}" if failed.got else ""
        yield Text(f"  case {failed.case}, {failed.name}: {failed.where}{values}")
        name, _, seed = failed.case.partition(" (seed ")
        case = f" --case {name}" + (f" --seed {seed.rstrip(')')}" if seed else "")
    if verdict.status == "unwritten":
        return
    target = verdict.operation if file else f"{verdict.operation}/{verdict.technique}"
    more = f" --with {typed(file)}" if file else ""
    yield Text(f"  again: perflab verify {target} --dtype {verdict.dtype}{case}{more}")


def reviews(seen: FileReview, seconds: float | None = None, again: bool = True) -> Iterator[RenderableType]:
    """What was found of every implementation of outside files; `again`: with the commands that show it."""
    from perflab import diagnosis

    held = seen.reviews
    every = [verdict for review in held for verdict in review.verdicts]
    if every:
        yield verdicts(every)
    yield from map(Text, seen.notes)
    for review in held:
        name = f"{review.implementation.operation}/{review.implementation.technique}"
        for note in review.implementation.notes:
            yield Text(f"{name}: {note}")
        yield from (Text(f"{name}: left out {line}") for line in _left_out(review.verdicts))
    took = "" if seconds is None else f", {seconds:.1f} s"
    yield Text(f"{sum(map(bool, every))} of {len(every)} right{took}")
    for review in held:
        source = review.implementation.source
        bad = [verdict for verdict in review.verdicts if verdict.status not in ("right", "unwritten")]
        if bad:
            yield from list(failure(bad[0], source))[: None if again else -1]
        for mistake in review.mistakes:
            yield from map(Text, diagnosis.told(mistake, typed(source)))


def summary(held: Summary) -> Iterator[RenderableType]:
    """A run's tables and closing lines."""
    from perflab.report import reading, words

    for block in words.terminal_tables(held):
        made = table(*block.head, right=tuple(range(1, len(block.head))))
        made.title = block.title
        made.title_justify = "left"
        for row in block.rows:
            made.add_row(*row)
        yield made
    yield from map(Text, words.closing_lines(held))
    for one in reading.readings(held):
        yield from map(Text, ("", *reading.told(one)))


def board(found: Board) -> Iterator[RenderableType]:
    """The rankings of saved runs."""
    from perflab import board as boards

    for block in boards.tables(found):
        made = table(*block.head)
        made.title, made.title_justify = block.title, "left"
        for row in block.rows:
            made.add_row(*map(Text, row))
        yield made
    yield from map(Text, boards.closing(found))


def training(lines: Iterable[str], tables: Iterable[Words]) -> Iterator[RenderableType]:
    """What came of a training, and where its time went."""
    for line in lines:
        yield Text(line)
    for held in tables:
        yield Text(held.title, style="bold")
        made = table(*held.head, right=range(2, len(held.head)))
        for row in held.rows:
            made.add_row(*map(Text, row))
        yield made


def _left_out(held: Sequence[Verdict]) -> Iterator[str]:
    """The cases that an interface cannot say, gathered by the reason."""
    by_reason: dict[str, list[str]] = {}
    for told in dict.fromkeys(told for verdict in held for told in verdict.left_out):
        case, _, reason = told.partition(": ")
        by_reason.setdefault(reason.partition(";")[0], []).append(case)
    yield from (f"{', '.join(cases)}: {reason}" for reason, cases in by_reason.items())


def typed(file: str) -> str:
    """A file as one would type it here."""
    here = Path.cwd()
    return str(Path(file).relative_to(here)) if Path(file).is_relative_to(here) else file


def _colour(verdict: Verdict) -> str:
    return {"right": "green", "unwritten": "yellow"}.get(verdict.status, "red")
