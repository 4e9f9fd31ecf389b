"""A climb in a terminal: the tree with what is reached, an exercise, an attempt, a hint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from perflab import catalog, units
from perflab.catalog import starter
from perflab.cli.climbing import Checked
from perflab.cli.show import results, tree
from perflab.cli.show.flow import Command, Heading
from perflab.cli.show.study import changed
from perflab.cli.show.table import Table
from perflab.contract import AUTO, PerflabError
from perflab.learn.climb import exercises, judgement
from perflab.oracle import diagnosis
from perflab.oracle.sandbox.review import FileReview, Review
from perflab.records import tree as trees
from perflab.records.climb import Climb, Step
from perflab.report.study import mathematics
from perflab.report.study.section import Changes

BEGIN = "Nothing is climbed here yet. To begin: perflab climb OP, in a folder of its own."
NO_EXERCISE = "chooses among the rungs: no exercise"


def overview(climb: Climb) -> Iterator[RenderableType]:
    """The tree of each operation that is climbed; without any, the operations that can be."""
    names = list(dict.fromkeys(step.operation for step in climb.steps))
    if not names:
        rows = (
            (op, str(len(exercises.ways(catalog.operation(op)))), catalog.operation(op).title)
            for op in catalog.operations()
        )
        yield Table("operation", "exercises", "", rows=rows)
        yield Text(BEGIN)
    for name in names:
        yield _tree(climb, name)
        yield from _gone(climb, name)


def _tree(climb: Climb, operation: str) -> Table:
    described = catalog.operation(operation)
    nodes = trees.nodes(described.since)
    opened = exercises.opened(climb, described)
    own = {step.above: step for step in climb.of(operation)}
    rows = []
    for line, node in zip(tree.drawn(nodes), nodes, strict=True):
        step = own.get(node.technique)
        state = NO_EXERCISE if node.technique == AUTO else "" if node.parent else "where it begins"
        state = "open" if node.technique in opened else state
        rows.append((line, *_cells(step, state)))
    head = ("", "", "yours", "the lab's", "on", "hints")
    return Table(*head, rows=rows, title=f"{described.title}: the climb")


def _cells(step: Step | None, state: str) -> tuple[str, ...]:
    """What is known of one rung: its state, the best time and the lab's, the case, the hints."""
    if step is None:
        return state, "", "", "", ""
    if step.left_out:
        return f"left out: {step.left_out}", "", "", "", ""
    best, hints = step.best, str(len(step.hints) or "")
    tries = f"{len(step.attempts)} attempt{'s' if len(step.attempts) != 1 else ''}"
    state = f"reached, {tries}" if step.passed else f"in {step.file}, {tries}"
    lab = (best.above_s if best else None) or step.above_s
    own = units.seconds(best.seconds, 3) if best and best.seconds else ""
    return state, own, units.seconds(lab, 3), step.case, hints


def _gone(climb: Climb, operation: str) -> Iterator[Text]:
    known = exercises.ways(catalog.operation(operation))
    for step in climb.of(operation):
        if step.above not in known:
            yield Text(f"{step.name}: this ladder has no such rung any more; what was reached stays saved")


def begun(step: Step, folder: Path) -> Iterator[RenderableType]:
    """A new exercise: its file and what is wanted."""
    file = catalog.from_here((folder / step.file).resolve())
    yield Heading(Text(f"{file}: {step.operation}, from {step.below} to {step.above}", "bold"))
    yield Text(exercises.wanted(step))
    yield Command(Text(f"  then: perflab climb check {file} --watch"))


def verdict(reviewed: FileReview) -> Iterator[RenderableType]:
    """Right, in a line; or what is wrong, with the mistake by name."""
    (review,) = reviewed.reviews
    if not review.ok:
        yield from wrong(review)
        return
    worst = max(verdict.error for verdict in review.verdicts)
    dtypes = " and ".join(verdict.dtype for verdict in review.verdicts)
    yield Text.assemble(("right", "bold green"), f" in {dtypes}: errors are at most {worst:.2g} of the bound")
    yield from results.remarks(review.verdicts)


def wrong(review: Review) -> Iterator[RenderableType]:
    """Where it is wrong, and its mistakes by name with the smallest case that shows each."""
    bad = next(verdict for verdict in review.verdicts if not verdict)
    place, *_ = [
        each for each in results.failure(bad) if isinstance(each, Text) and each.plain.startswith(" ")
    ]
    yield Text.assemble((bad.status, "bold red"), f" in {bad.dtype}")
    yield place
    if review.unexplained:
        yield Text(review.unexplained)
    for mistake in review.mistakes:
        lines = diagnosis.told(mistake, plain=mathematics.plain)
        yield from map(Text, lines[:-1])  # the last one is the command of another verb


def raced(done: Checked) -> Iterator[RenderableType]:
    """How far an attempt came, and whether the rung is reached."""
    step, attempt = done.step, done.attempt
    if line := judgement.bar(step, attempt):
        yield Text(line, "green" if attempt.passed else "")
    if attempt.passed or done.reviewed.reviews[0].ok:
        yield Text(judgement.sentence(step, attempt))
    if attempt.passed:
        yield Text(f"reached: {step.name}", "bold green")


def beside(step: Step, file: Path, width: int) -> Iterator[RenderableType]:
    """The lab's own rung beside the user's file: what it does otherwise."""
    mine = starter.without_docstring(file.read_text("utf-8", "replace")).strip("\n") + "\n"
    theirs = starter.without_docstring(exercises.written(step.operation, step.above)).strip("\n") + "\n"
    yield Text(f"\nWhat the lab's {step.above} does otherwise", "bold")
    changes = Changes(file.name, mine, theirs)
    if changes.hunks:
        yield changed(changes, f"the lab's {step.above}", width)
    else:
        yield Text("Nothing: it is the same code.")


def following(done: Checked, folder: Path) -> Iterator[RenderableType]:
    """What comes next after a rung is reached."""
    if not done.attempt.passed:
        return
    if done.problem:
        raise PerflabError(done.problem)
    yield Text()
    if done.following:
        yield from begun(done.following, folder)
    else:
        yield Text(f"All rungs of {done.step.operation} are reached. See: perflab climb report", "bold")


def hint(step: Step, kind: str, number: int, lines: Sequence[str], left: int) -> Iterator[RenderableType]:
    """One hint, and how many are left."""
    title = f"hint {number}: {kind}" if kind else "no hint now"
    yield Heading(Text(f"{step.name}, {title}", "bold"))
    yield from map(Text, lines)
    yield Text(f"{left} more: perflab climb hint {step.file}" if left else "That was the last one.", "dim")
