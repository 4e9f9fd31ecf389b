"""The figures: each is one function from a summary to a picture, in its own file.

Every figure names the case, dtype and threads of its values in its title or caption, and the machine below.
A new figure is one function and one line in `_planned`. A function returns None if there is nothing to show:
then there is no figure.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

import matplotlib as mpl

from perflab.report import words
from perflab.report.figures.climb import climb
from perflab.report.figures.ladder import ladder
from perflab.report.figures.peers import peers
from perflab.report.figures.roofline import roofline
from perflab.report.figures.style import STYLE, Picture
from perflab.report.figures.sweep import sweep
from perflab.report.figures.times import times
from perflab.report.figures.winners_map import winners_map
from perflab.report.summary import Summary

__all__ = ["Drawn", "all_figures", "drawn", "names"]

Draw = Callable[[], Picture | None]
OF_OPERATION = {"ladder": ladder, "time": times, "roofline": roofline}
OF_SWEEP = {"sweep": sweep, "map": winners_map, "ladder": ladder, "roofline": roofline}


@dataclass(frozen=True)
class Drawn(Picture):
    """A figure with the name of its files and, on a page, its element.

    `operation` is empty if it is about the whole run; `command` is the command that draws it again.
    """

    name: str
    operation: str
    command: str
    svg: str = ""

    @property
    def width(self) -> int:
        """The width in pixels at which its text has its normal size: the same in every figure."""
        return round(96 * self.figure.get_figwidth())


def all_figures(summary: Summary) -> Iterator[Drawn]:
    """Every figure of a report, in its order."""
    yield from filter(None, (drawn(summary, name) for name in names(summary)))


def names(summary: Summary) -> list[str]:
    """The names of all figures that are possible for the plan; nothing is drawn."""
    return [words.file_name(name) for name, _, _ in _planned(summary)]


def drawn(summary: Summary, name: str) -> Drawn | None:
    """One figure; None if there is nothing to show. Raises KeyError for an unknown name."""
    planned = {words.file_name(name): (operation, draw) for name, operation, draw in _planned(summary)}
    operation, draw = planned[name]
    with mpl.rc_context(STYLE):
        picture = draw()
    if picture is None:
        return None
    command = f"perflab report {words.folder_typed(summary.run.folder)} --figure {shlex.quote(name)}"
    return Drawn(**vars(picture), name=name, operation=operation, command=command)


def _planned(summary: Summary) -> Iterator[tuple[str, str, Draw]]:
    """Name, operation and function of every figure, in order."""
    plan = summary.run.plan
    for threads, dtype in product(plan.threads, plan.dtypes):
        yield f"contest-{dtype}-t{threads}", "", partial(peers, summary, dtype, threads)
    for threads in plan.threads:
        yield f"climb-t{threads}", "", partial(climb, summary, threads)
    for operation in plan.techniques:
        drawings = OF_SWEEP if operation in plan.sized and plan.swept else OF_OPERATION
        for threads, (name, draw) in product(plan.threads, drawings.items()):
            yield f"{name}-{operation}-t{threads}", operation, partial(draw, summary, operation, threads)
