"""The progress of a run: a row an operation, as soon as it is measured, refined in place.

In a terminal the rows stand below one another with what is being done and the time left; a notebook has the
same as one display that is cleared at the end; a file gets a line for each operation that got further.
`show` selects: "all"; "failures", only contenders without a figure; "nothing".
"""

from __future__ import annotations

import io
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from perflab.contract import FIRST_RUNGS, Cell
from perflab.records import Run, baseline, kinds
from perflab.report.words import ratio
from perflab.statistics import Turn, ratio_of_turns

MOST_COLUMNS = 5
FEWEST_COLUMNS = 3  # the operation, its fastest technique, and over what
NOTEBOOK_S = 0.5
DOING = {
    "ceilings": "measuring the ceilings of this machine",
    "evidence": "gathering the evidence",
    "remarks": "asking the compiler",
    "memory": "counting the memory of large cases",
    "compile": "compiling {name}, {place} of {total}",
    "prepare": "verifying {operation}/{technique} {case} {dtype}",
    "start": "{operation}/{technique} {case} {dtype} {direction}",
}


class Rows:
    """The figures of a run so far: for each operation its first rungs, and its fastest one.

    Of the plan's first dtype and threads, and its last direction.
    """

    def __init__(self, run: Run) -> None:
        self._plan = run.plan
        self.operations = tuple(run.plan.techniques)
        self._times: dict[Cell, dict[Turn, float]] = defaultdict(dict)
        for record in run.of_kind(kinds.Timed):
            self._times[record.cell][record.turn] = record.median_s
        plan, own = run.plan, {name.partition("/")[2] for name in run.plan.outside}
        names = dict.fromkeys(name for each in plan.techniques.values() for name in each)
        shown = [name for name in names if name in FIRST_RUNGS or name in own]
        self.columns = tuple(name for name in shown if name != plan.baseline)[:MOST_COLUMNS]

    def add(self, event: Mapping[str, Any]) -> None:
        """Take a block that was measured."""
        names = ("operation", "case", "dtype", "threads", "direction", "technique")
        cell = Cell(*(event[name] for name in names))
        self._times[cell][event["process"], event["pass"]] = median(event["rounds_s"])

    @property
    def head(self) -> tuple[str, ...]:
        """The names of the columns."""
        return ("operation", *self.columns, "fastest", "over", "on")

    def rows(self) -> dict[str, tuple[str, ...]]:
        """By operation its row, for those with a ratio."""
        return {op: row for op in self.operations if (row := self.row(op))}

    def known(self, op: str) -> int:
        """How many techniques were measured, counted on each case."""
        return sum(len(self._seconds(op, case)) for case in self._plan.cases[op])

    def row(self, op: str) -> tuple[str, ...]:
        """Its row; empty without a ratio."""
        cases = [c for c in self._plan.cases[op] if len(self._seconds(op, c)) > 1 and self._over(op, c)]
        if not cases:
            return ()
        wanted = [case for case in cases if self._plan.baseline in self._seconds(op, case)]
        shown = max(wanted or cases, key=lambda case: len(self._seconds(op, case).keys() & {*self.columns}))
        over = self._over(op, shown)
        first = (self._ratio(op, shown, over, name) for name in self.columns)
        most = max(reversed(cases), key=lambda case: len(self._seconds(op, case)))
        seconds = self._seconds(op, most)
        fastest = min(seconds, key=lambda name: seconds[name])
        base = self._over(op, most)
        if base == fastest:  # over the next one: a ratio over itself says nothing
            base = min(seconds.keys() - {fastest}, key=lambda name: seconds[name])
        return (op, *first, f"{fastest} {self._ratio(op, most, base, fastest)}", base, most)

    def _cell(self, op: str, case: str, technique: str) -> Cell:
        plan = self._plan
        return Cell(op, case, plan.dtypes[0], plan.threads[0], plan.directions[-1], technique)

    def _seconds(self, op: str, case: str) -> dict[str, float]:
        cells = {name: self._cell(op, case, name) for name in self._plan.techniques[op]}
        return {name: median(self._times[c].values()) for name, c in cells.items() if c in self._times}

    def _over(self, op: str, case: str) -> str:
        seconds = self._seconds(op, case)
        bases = {name: seconds[name] for name in seconds if self._plan.may_be_base(op, name)}
        return baseline.chosen(bases, self._plan.baseline)

    def _ratio(self, op: str, case: str, over: str, technique: str) -> str:
        base, other = (self._times.get(self._cell(op, case, name), {}) for name in (over, technique))
        return ratio(ratio_of_turns(base, other))


class Progress:
    """Shows the rows of a run, if it is one of operations, what is being done and the time left."""

    def __init__(self, run: Run | None, console: Console, show: str = "all") -> None:
        self._rows, self._console, self._show = Rows(run) if run else None, console, show
        self._doing, self._told = "starting", dict[str, int]()
        self._until = self._least_left_s = math.inf
        self._blocks, self._done, self._began = 0, 0, time.monotonic()
        # Rich would end the process: a run goes on when nobody reads its progress any more.
        console.on_broken_pipe = self._fall_silent  # type: ignore[method-assign]
        self._live: Live | _Notebook | None = None
        if show == "all" and console.is_jupyter:
            self._live = _Notebook(self._view)
        elif show == "all" and console.is_terminal and not console.is_dumb_terminal:
            self._live = Live(get_renderable=self._view, console=console, transient=True)

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        kind = event["event"]
        if kind == "time":
            self._until = time.monotonic() + event["left_s"]
        elif kind == "blocks" and not self._blocks:
            self._blocks, self._began = event["total"], time.monotonic()
        elif kind == "block" and self._rows:
            self._rows.add(event)
        elif kind == "failure" and self._show != "nothing":
            name = f"{event['operation']}/{event.get('technique') or '?'}"
            where = f"{name} on {event['case']} {event['dtype']}"
            self._print(f"{where}: {event['reason']}", style="red")
        elif kind == "unexplained" and self._show != "nothing":
            self._print(f"the figures stand without an explanation: {event['reason']}")
        self._done += kind in ("block", "skip")
        if kind in DOING:
            self._doing = DOING[kind].format(**event).replace("/float", " float")
        if self._show == "all" and self._live is None and self._rows:
            self._print_further(event.get("operation", ""))
        elif isinstance(self._live, _Notebook):
            self._live.refresh()

    def _print(self, line: str, style: str | None = None) -> None:
        """A line: where the output is no terminal it is not wrapped."""
        soft_wrap = not self._console.is_terminal
        try:
            self._console.print(line, highlight=False, markup=False, soft_wrap=soft_wrap, style=style)
        except OSError:  # a full disk: the run goes on, as where nobody reads
            self._fall_silent()

    def _fall_silent(self) -> None:
        self._console.quiet = True

    def _print_further(self, current: str) -> None:
        """A line for each operation of which more is known than at its last one, when its turn is over."""
        assert self._rows
        for op in self._rows.operations:
            if op == current or (known := self._rows.known(op)) <= self._told.get(op, 0):
                continue  # before its ratios are computed: this runs at every event, beside the timing
            if row := self._rows.row(op):
                self._told[op] = known
                pairs = zip(self._rows.columns, row[1:-3], strict=True)
                first = [f"{name} {word}" for name, word in pairs if word != "–"]
                line = ", ".join([*first, "fastest {} over {} on {}".format(*row[-3:])])
                self._print(f"{op}: {line}")

    def _view(self) -> RenderableType:
        """The rows above a line with what is being done; that line alone where no row fits."""
        words = " · ".join(filter(None, [self._left(), self._doing]))
        line = Text(words, style="dim", no_wrap=True, overflow="ellipsis")
        rows = [self._rows.head, *self._rows.rows().values()] if self._rows else []
        columns = _fitting([*zip(*rows, strict=True)], self._console.width)
        if len(rows) < 2 or len(columns) < FEWEST_COLUMNS:
            return line
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
        for name, *cells in columns:
            ratios = all(cell[:1] in "×–" for cell in cells)
            table.add_column(name, no_wrap=True, justify="right" if ratios else "left")
        for row in zip(*(cells for _, *cells in columns), strict=True):
            table.add_row(*map(Text, row))
        return Group(table, line)

    def _left(self) -> str:
        """The time left, which only falls; empty where it is not known."""
        now = time.monotonic()
        left_s = self._until - now
        if self._blocks and self._done:
            rest = max(self._blocks - self._done, 0)
            left_s = min(left_s, (now - self._began) / self._done * rest)
        self._least_left_s = min(self._least_left_s, max(left_s, 0.0))
        if self._least_left_s == math.inf:
            return ""
        return f"{int(self._least_left_s // 60)}:{int(self._least_left_s % 60):02d} left"


def _fitting(columns: list[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    """The columns that fit side by side: of too many, the last is left out, then the first techniques."""

    def total(some: list[tuple[str, ...]]) -> int:
        return sum(max(map(cell_len, column)) + 2 for column in some)

    if total(columns) > width:
        columns = columns[:-1]
    while len(columns) >= FEWEST_COLUMNS and total(columns) > width:
        del columns[1]
    return columns


class _Notebook:
    """One display of a notebook, replaced in place and cleared at the end."""

    def __init__(self, view: Callable[[], RenderableType]) -> None:
        self._view, self._shown_at = view, -math.inf

    def start(self) -> None:
        from IPython.display import display

        self._display = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call, unused-ignore]

    def refresh(self) -> None:
        if time.monotonic() - self._shown_at > NOTEBOOK_S:
            self._shown_at = time.monotonic()
            console = Console(file=io.StringIO(), width=100, force_jupyter=False, record=True)
            console.print(self._view())
            self._display.update({"text/plain": console.export_text()}, raw=True)

    def stop(self) -> None:
        self._display.update({"text/plain": ""}, raw=True)
