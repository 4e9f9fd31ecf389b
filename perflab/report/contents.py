"""Everything that the page and the Markdown show, worked out once: the templates only lay it out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from perflab import __version__
from perflab.contract import Cell
from perflab.records.environment import one_line
from perflab.report import gains, opening, page, svg, tables, words
from perflab.report.figures import Drawn
from perflab.report.study.section import Section
from perflab.report.summary import Summary
from perflab.report.why import reading, why

NUMBER = re.compile(r"[×~<>]?[\d–]|$")  # how what is shown as a number begins, or nothing at all


@dataclass(frozen=True)
class Named:
    """A table with the name of its files, and, where its figures are cells', their anchors in place."""

    name: str
    table: words.Table
    anchors: tuple[tuple[str, ...], ...] = ()

    @property
    def sides(self) -> tuple[str, ...]:
        """Each column's class: "right" for numbers, which stand under one another; empty for words."""
        columns = list(zip(*self.table.rows, strict=True))[1:]
        return ("", *("right" if all(map(NUMBER.match, held)) else "" for held in columns))


@dataclass(frozen=True)
class Shown:
    """A figure as the page shows it: its element, and the line that makes it again."""

    drawn: Drawn
    svg: Markup

    @property
    def width(self) -> int:
        """Pixels at which its letters have their own size."""
        return round(96 * float(self.drawn.figure.get_figwidth()))


def saved_figure(drawn: Drawn, folder: Path) -> Shown:
    """A figure as the page shows it, once its files are written into the folder's figures/."""
    return Shown(drawn, svg.inline(drawn, svg.save(drawn, folder / "figures")))


@dataclass(frozen=True)
class Part:
    """What is shown of one operation."""

    name: str
    title: str
    summary: str
    figures: tuple[Shown, ...]
    times: tuple[Named, ...]
    tables: tuple[Named, ...]
    reasons: tuple[tuple[str, tuple[str, ...]], ...]
    crossing: str
    study: tuple[Section, ...] = ()
    readings: tuple[reading.Reading, ...] = ()


@dataclass(frozen=True)
class Contents:
    """The report."""

    summary: Summary
    grid: page.Grid
    parts: tuple[Part, ...]
    figures: tuple[Shown, ...]
    tables: dict[str, Named | None] = field(default_factory=dict)

    def every_table(self) -> Iterator[Named]:
        """Every table, in the order of the page."""
        yield from (held for held in self.tables.values() if held is not None)
        for part in self.parts:
            yield from part.times
            yield from part.tables

    def context(self) -> dict[str, Any]:
        """What the templates see."""
        summary, run = self.summary, self.summary.run
        state, told = opening.fitness(summary)
        return {
            "contents": self,
            "tables": self.tables,
            "parts": self.parts,
            "plan": run.plan,
            "environment": {name: words.plain(value) for name, value in run.environment.items()},
            "machine": one_line(run.environment),
            "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.started)),
            "facts": opening.facts(summary),
            "fitness": state,
            "fitness_told": told,
            "checked": [line for _, line in tables.fitness(summary)],
            "counts": opening.counts(summary),
            "torn": run.torn,
            "closing": tables.closing_lines(summary, whole=False),
            "contest_lines": tables.contest_lines(summary),
            "findings": summary.findings,
            "shortfalls": gains.shortfalls(summary),
            "view": self.grid.start,
            "rows": self.grid.rows(self.grid.start),
            "choices": _choices(summary),
            "data": page.embedded(self.grid),
            "marks": page.MARKS,
            "meanings": page.MEANINGS,
            "figures": self.figures,
            "drawn": self._of_the_run(),
            "on_growth": tables.ON_GROWTH,
            "on_crossovers": tables.ON_CROSSOVERS,
            "on_the_roof": tables.ON_THE_ROOF,
            "version": __version__,
        }

    def _of_the_run(self) -> dict[str, list[Shown]]:
        """The figures of no single operation, by where they stand: the contest, the gains, the others."""
        held: dict[str, list[Shown]] = {"contest": [], "gains": [], "others": []}
        for one in self.figures:
            if not one.drawn.operation:
                place = {"contest": "contest", "speedup": "gains"}.get(one.drawn.name.partition("-")[0])
                held[place or "others"].append(one)
        return held


def gather(summary: Summary, drawn: Sequence[Shown] = (), studies: Sequence[Section] = ()) -> Contents:
    """Work out everything that a report shows; figures are drawn and studies made elsewhere."""
    named = {
        "best": tables.best_table(summary),
        "contest": tables.contest_table(summary),
        "against": tables.against_table(summary),
        "gains": gains.gains_table(summary),
        "verified": tables.checks_table(summary),
        "compiled": tables.compile_table(summary),
    }
    whole = {name: Named(name, table) if table and table.rows else None for name, table in named.items()}
    read = reading.readings(summary)
    parts = tuple(
        replace(
            _part(summary, operation, drawn, studies),
            readings=tuple(one for one in read if one.operation == operation),
        )
        for operation in summary.run.plan.techniques
    )
    return Contents(summary, page.Grid(summary), parts, tuple(drawn), whole)


def _part(summary: Summary, operation: str, drawn: Sequence[Shown], studies: Sequence[Section]) -> Part:
    plan = summary.run.plan
    times, further = [], []
    for threads in plan.threads:
        for dtype in plan.dtypes:
            for direction in plan.directions:
                table = tables.times_table(summary, operation, dtype, direction, threads, best=True)
                name = f"times-{operation}-{dtype}-{direction}-t{threads}"
                cell = Cell(operation, "", dtype, threads, direction, "")
                times.append(Named(name, table, _anchors(summary, cell)))
            held = tables.memory_table(summary, operation, dtype, threads)
            if held is not None:
                further.append(Named(f"memory-{operation}-{dtype}-t{threads}", held))
    found = {
        f"made-of-{operation}": why.evidence_table(summary, operation, plan.dtypes[0]),
        f"growth-{operation}": tables.growth_table(summary, operation),
        f"crossovers-{operation}": tables.crossover_table(summary, operation),
    }
    further += [Named(name, table) for name, table in found.items() if table is not None]
    reasons = tuple(
        (f"{direction}, {plan.dtypes[0]}", tuple(told))
        for direction in ("forward", "backward")
        if (told := why.reasons_of(summary, operation, plan.dtypes[0], direction))
    )
    return Part(
        operation, page.title(summary, operation), summary.run.operations[operation].summary,
        tuple(one for one in drawn if one.drawn.operation == operation),
        tuple(times), tuple(further), reasons,
        "" if found[f"crossovers-{operation}"] else tables.no_crossover(summary, operation),
        tuple(study for study in studies if study.operation == operation),
    )  # fmt: skip


def _anchors(summary: Summary, cell: Cell) -> tuple[tuple[str, ...], ...]:
    """The anchors of a table of times: cases down, techniques across, none where there is no figure."""
    rows = []
    for case in summary.run.plan.cases[cell.operation]:
        row = [""]
        for technique in summary.run.plan.techniques[cell.operation]:
            here = replace(cell, case=case, technique=technique)
            row.append(page.anchor(here) if here in summary.figures else "")
        rows.append(tuple(row))
    return tuple(rows)


def _choices(summary: Summary) -> dict[str, list[str]]:
    """What a reader may choose in the grid."""
    plan = summary.run.plan
    return {
        "baseline": list(dict.fromkeys(t for held in plan.techniques.values() for t in held)),
        "direction": list(plan.directions),
        "dtype": list(plan.dtypes),
        "case": list(dict.fromkeys(case for held in plan.cases.values() for case in held)),
        "threads": [str(threads) for threads in plan.threads],
    }
