"""The page of a climb: what was reached, the attempts as a figure, the mistakes made, the hints taken."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from perflab import __version__, catalog, machine, units
from perflab.contract import RIGHT, PerflabError
from perflab.learn.climb import figure
from perflab.learn.climb.judgement import sentence
from perflab.records.climb import Climb, Step
from perflab.report import svg
from perflab.report.figures import Drawn
from perflab.report.template import template
from perflab.report.words import Table


def html(climb: Climb) -> str:
    """A climb as one HTML file. Raises PerflabError where nothing was climbed."""
    from perflab.report.figures.palette import COLOURS

    operations = list(dict.fromkeys(step.operation for step in climb.steps))
    if not operations:
        raise PerflabError("no climb in this folder; wanted one: perflab climb OP")
    environment = machine.environment()
    parts = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in operations:
            title = catalog.operation(name).title
            steps = [*climb.of(name)]
            picture = figure.drawn(title, steps, environment)
            drawing = None
            if picture is not None:
                command, whole = "perflab climb report", vars(picture)
                drawn = Drawn(**whole, name=f"climb-{name}", operation=name, command=command)
                drawing = svg.on_page(drawn, Path(scratch))
            parts.append((name, catalog.typed(name), title, drawing, [*tables(steps)]))
    return template("climb.html.jinja").render(
        parts=parts, colours=COLOURS, version=__version__, date=time.strftime("%Y-%m-%d")
    )


def tables(steps: list[Step]) -> Iterator[Table]:
    """What was reached, then every attempt that was not right, then the hints."""
    yield Table(
        "What was reached",
        ("exercise", "from", "state", "attempts", "best", "the lab's", "share", "hints"),
        tuple(map(_row, steps)),
    )
    mistakes = [
        (step.above, _when(attempt.when), attempt.status, attempt.said)
        for step in steps
        for attempt in step.attempts
        if attempt.status != RIGHT
    ]
    if mistakes:
        yield Table("Mistakes made", ("exercise", "when", "verdict", "what"), tuple(mistakes))
    slow = [
        (step.above, _when(each.when), sentence(step, each))
        for step in steps
        for each in step.attempts
        if each.status == RIGHT
    ]
    if slow:
        yield Table("What was right, and how fast", ("exercise", "when", "race"), tuple(slow))
    hints = [(step.above, ", ".join(step.hints)) for step in steps if step.hints]
    if hints:
        yield Table("Hints taken", ("exercise", "hints"), tuple(hints))


def _row(step: Step) -> tuple[str, ...]:
    state = f"left out: {step.left_out}" if step.left_out else "reached" if step.passed else "begun"
    best = step.best
    cells = ("", "", "")
    if best and best.seconds and best.above_s and best.share is not None:
        cells = (units.seconds(best.seconds), units.seconds(best.above_s), f"{best.share:.0%}")
    return (step.above, step.below, state, str(len(step.attempts) or ""), *cells, str(len(step.hints) or ""))


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
