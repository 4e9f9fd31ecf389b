"""The climb as a figure: one's own attempts, in their order, against the lines of the rungs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from perflab import units
from perflab.learn.climb.judgement import place
from perflab.records.climb import Step
from perflab.report.figures.palette import BRANCHES, INK, PAPER
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import STYLE, Look, Picture

BEYOND = 0.15  # of a way: an attempt that is further off is drawn there
GAP = 0.7  # between two ways that do not follow each other
REACHED: Look = {"color": BRANCHES["compiled"][2], "marker": "o", "linestyle": ""}
RACED: Look = {"color": BRANCHES["numpy"][2], "marker": "s", "linestyle": ""}
WRONG: Look = {"color": INK, "marker": "X", "linestyle": "", "markerfacecolor": PAPER}
KEYS: Mapping[str, Look] = {"reached": REACHED, "right, and too slow": RACED, "wrong, or not raced": WRONG}
CAPTION = (
    "A line is a rung; between two lines the place of an attempt is that of its time between theirs, on a"
    " logarithmic scale, as its own race measured the three of them. What is not right has no time: its mark"
    " is at the rung below."
)


def drawn(title: str, steps: Sequence[Step], environment: Mapping[str, Any]) -> Picture | None:
    """The figure of one operation's exercises in the order of their begin; None without an attempt."""
    steps = [step for step in steps if step.file]
    if not any(step.attempts for step in steps):
        return None
    bases, lines = _places(steps)
    with mpl.rc_context(STYLE):
        sheet = Sheet(1, 1, (5.2, 0.2 + 0.55 * (max(lines.values()) + 1)))
        ax = sheet.axes[0][0]
        points = _points(steps, bases)
        for look in KEYS.values():
            some = [(x, y) for x, y, kind in points if kind is look]
            if some:
                ax.plot(*zip(*some, strict=True), **look)
        _dress(ax, lines, len(points))
        sheet.ends[0, 0] = [(base + 0.5, {}, _told(step)) for step, base in zip(steps, bases, strict=True)]
        sheet.across("attempt")
        return sheet.finished(environment, f"{title}: the climb", CAPTION, KEYS)


def _places(steps: Sequence[Step]) -> tuple[list[float], dict[tuple[str, int], float]]:
    """Where each way begins, and the height of each line by its rung and the number of its piece."""
    bases: list[float] = []
    lines: dict[tuple[str, int], float] = {}
    top, last = 0.0, ""
    for number, step in enumerate(steps):
        if step.below != last:
            top += GAP if last else 0.0
            lines[step.below, number] = top
        bases.append(top)
        top, last = top + 1, step.above
        lines[step.above, number] = top
    return bases, lines


def _points(steps: Sequence[Step], bases: Sequence[float]) -> list[tuple[int, float, Look]]:
    """Every attempt in the order of time: its number, its height, its look."""
    ways = zip(steps, bases, strict=True)
    every = [(each.when, base, each) for step, base in ways for each in step.attempts]
    points = []
    for number, (_, base, attempt) in enumerate(sorted(every, key=lambda each: each[0]), 1):
        at = place(attempt)
        look = REACHED if attempt.passed else RACED if at is not None else WRONG
        points.append((number, base + min(max(at or 0.0, -BEYOND), 1 + BEYOND), look))
    return points


def _dress(ax: Axes, lines: Mapping[tuple[str, int], float], count: int) -> None:
    ax.grid(visible=False, axis="x")
    ax.set_xlim(0.4, count + 0.6)
    ax.set_ylim(-0.35, max(lines.values()) + 0.35)
    ax.xaxis.set_major_locator(MaxNLocator(min(count, 10), integer=True))
    ax.yaxis.set_major_locator(FixedLocator(list(lines.values())))
    ax.yaxis.set_major_formatter(FixedFormatter([name for name, _ in lines]))


def _told(step: Step) -> str:
    """What there is to say beside a way: the two times, the attempts, the hints."""
    best = step.best
    below_s, above_s = (best.below_s, best.above_s) if best else (step.below_s, step.above_s)
    times = f"{units.seconds(below_s or step.below_s, 2)} → {units.seconds(above_s or step.above_s, 2)}"
    hints = f", {len(step.hints)} hint{'s' if len(step.hints) > 1 else ''}" if step.hints else ""
    return f"{step.case}: {times}{hints}"
