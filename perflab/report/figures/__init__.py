"""The figures: each is one function from a summary to a picture, in a file of its own.

Every figure says in its title or caption what its values belong to: case, dtype, threads; the machine
stands under it. A new figure is one function and one line in `_planned`. A function gives None where
there is nothing to show, and then there is no figure: an empty one would say nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.figure import Figure

from perflab.report import words
from perflab.report.figures.accuracy import accuracy, accuracy_against_speed
from perflab.report.figures.ladder import ladder
from perflab.report.figures.memory import memory_against_speed
from perflab.report.figures.payback import payback
from perflab.report.figures.peers import peers
from perflab.report.figures.roofline import roofline
from perflab.report.figures.speedups import speedups
from perflab.report.figures.style import STYLE, Picture
from perflab.report.figures.times import times
from perflab.report.summary import Summary

__all__ = ["Drawn", "all_figures", "drawn", "names"]

Draw = Callable[[], Picture | None]


@dataclass(frozen=True)
class Drawn:
    """A figure with the name of its files, its title, and a sentence or two that say what it shows.

    `operation` is empty where it belongs to the whole run; `command` is the line that makes it again.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    operation: str = ""
    command: str = ""


def all_figures(summary: Summary) -> Iterator[Drawn]:
    """Every figure of a report, in its order, one after the other."""
    for name in names(summary):
        one = drawn(summary, name)
        if one is not None:
            yield one


def names(summary: Summary) -> list[str]:
    """The names of all figures that the plan could give, without drawing any."""
    return [name for name, _, _ in _planned(summary)]


def drawn(summary: Summary, name: str) -> Drawn | None:
    """One figure; None where there is nothing to show yet. Raises KeyError for a name that is not known."""
    operation, draw = {name: (operation, draw) for name, operation, draw in _planned(summary)}[name]
    with mpl.rc_context(STYLE):
        picture = draw()
    if picture is None:
        return None
    folder = f"reports/{summary.run.folder.resolve().name}"
    command = f"perflab report {shlex.quote(folder)} --figure {shlex.quote(name)}"
    return Drawn(name, picture.title, picture.caption, picture.figure, operation, command)


def _planned(summary: Summary) -> Iterator[tuple[str, str, Draw]]:
    """Name, operation and function of every figure, in order."""
    plan = summary.run.plan

    def entry(
        name: str, operation: str, draw: Callable[..., Picture | None], *of: object
    ) -> tuple[str, str, Draw]:
        return words.file_name(name), operation, lambda: draw(summary, *of)

    for threads in plan.threads:
        for dtype in plan.dtypes:
            yield entry(f"contest-{dtype}-t{threads}", "", peers, dtype, threads)
            yield entry(f"speedup-{dtype}-t{threads}", "", speedups, dtype, threads)
    for op in plan.techniques:
        for t in plan.threads:
            yield entry(f"ladder-{op}-t{t}", op, ladder, op, t)
            yield entry(f"time-{op}-t{t}", op, times, op, t)
            yield entry(f"roofline-{op}-t{t}", op, roofline, op, t)
            yield entry(f"accuracy-{op}-t{t}", op, accuracy_against_speed, op, t)
            yield entry(f"memory-{op}-t{t}", op, memory_against_speed, op, t)
        yield entry(f"compilation-{op}", op, payback, op)
    yield entry("accuracy", "", accuracy)
