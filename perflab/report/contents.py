"""Everything that the page and the Markdown show, computed once: the templates only lay it out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from perflab import __version__
from perflab.contract import Cell
from perflab.records.environment import one_line
from perflab.report import gains, opening, page, tables, words
from perflab.report.figures import Drawn
from perflab.report.study.section import Section
from perflab.report.summary import Summary
from perflab.report.why import reading, why

NUMBER = re.compile(r"[×~<>]?[\d–]|$")  # the start of a number in a table, or an empty cell


@dataclass(frozen=True)
class Named:
    """A table with the name of its files, and the anchors of its cells if it shows results of cells."""

    name: str
    table: words.Table
    anchors: tuple[tuple[str, ...], ...] = ()

    @property
    def sides(self) -> tuple[str, ...]:
        """Each column's class: "right" for numbers, empty for words."""
        columns = list(zip(*self.table.rows, strict=True))[1:]
        return ("", *("right" if all(map(NUMBER.match, column)) else "" for column in columns))


@dataclass(frozen=True)
class Part:
    """The part about one operation."""

    name: str
    title: str
    summary: str
    figures: tuple[Drawn, ...]
    times: tuple[Named, ...]
    tables: tuple[Named, ...]
    reasons: tuple[tuple[str, tuple[str, ...]], ...]
    crossing: str
    study: tuple[Section, ...] = ()
    readings: tuple[reading.Reading, ...] = ()


def gather(
    summary: Summary, figures: Sequence[Drawn] = (), studies: Sequence[Section] = ()
) -> dict[str, Any]:
    """The variables of the templates; the figures and the studies are given."""
    run, plan, grid = summary.run, summary.run.plan, page.Grid(summary)
    of_run = {
        "best": tables.best_table(summary),
        "contest": tables.contest_table(summary),
        "against": tables.against_table(summary),
        "gains": gains.gains_table(summary),
        "verified": tables.checks_table(summary),
        "compiled": tables.compile_table(summary),
    }
    named = {name: Named(name, table) if table and table.rows else None for name, table in of_run.items()}
    readings = reading.readings(summary)
    drawn: dict[str, list[Drawn]] = {"contest": [], "speedup": [], "others": []}  # of the whole run
    for figure in figures:
        if not figure.operation:
            drawn.get(figure.name.partition("-")[0], drawn["others"]).append(figure)
    state, reason = opening.fitness(summary)
    return {
        "tables": named,
        "parts": [_part(summary, operation, figures, studies, readings) for operation in plan.techniques],
        "plan": plan,
        "environment": {name: words.plain(value) for name, value in run.environment.items()},
        "machine": one_line(run.environment),
        "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.started)),
        "facts": opening.facts(summary),
        "fitness": state,
        "fitness_reason": reason,
        "checked": [line for _, line in tables.fitness(summary)],
        "counts": opening.counts(summary),
        "torn": run.torn,
        "closing": tables.closing_lines(summary, whole=False),
        "contest_lines": tables.contest_lines(summary),
        "findings": summary.findings,
        "shortfalls": gains.shortfalls(summary),
        "view": grid.start,
        "rows": grid.rows(grid.start),
        "choices": page.choices(plan) | {"threads": [str(threads) for threads in plan.threads]},
        "data": page.embedded(grid),
        "marks": page.MARKS,
        "meanings": page.MEANINGS,
        "figures": figures,
        "drawn": drawn,
        "on_growth": tables.ON_GROWTH,
        "on_crossovers": tables.ON_CROSSOVERS,
        "on_the_roof": tables.ON_THE_ROOF,
        "version": __version__,
    }


def every_table(contents: Mapping[str, Any]) -> Iterator[Named]:
    """Every table, in the order of the page."""
    yield from filter(None, contents["tables"].values())
    for part in contents["parts"]:
        yield from part.times + part.tables


def _part(
    summary: Summary,
    operation: str,
    drawn: Sequence[Drawn],
    studies: Sequence[Section],
    readings: Sequence[reading.Reading],
) -> Part:
    plan, description = summary.run.plan, summary.run.operations[operation]
    times: list[Named] = []
    further: dict[str, words.Table | None] = {}
    for threads, dtype in product(plan.threads, plan.dtypes):
        for direction in plan.directions:
            table = tables.times_table(summary, operation, dtype, direction, threads, best=True)
            name = f"times-{operation}-{dtype}-{direction}-t{threads}"
            anchors = _anchors(summary, Cell(operation, "", dtype, threads, direction, ""))
            times.append(Named(name, table, anchors))
        memory = tables.memory_table(summary, operation, dtype, threads)
        further[f"memory-{operation}-{dtype}-t{threads}"] = memory
    crossovers = tables.crossover_table(summary, operation)
    further |= {
        f"made-of-{operation}": why.evidence_table(summary, operation, plan.dtypes[0]),
        f"growth-{operation}": tables.growth_table(summary, operation),
        f"crossovers-{operation}": crossovers,
    }
    reasons = tuple(
        (f"{direction}, {plan.dtypes[0]}", tuple(lines))
        for direction in ("forward", "backward")
        if (lines := why.reasons_of(summary, operation, plan.dtypes[0], direction))
    )
    return Part(
        operation, description.title, description.summary,
        tuple(figure for figure in drawn if figure.operation == operation), tuple(times),
        tuple(Named(name, table) for name, table in further.items() if table is not None), reasons,
        "" if crossovers else tables.no_crossover(summary, operation),
        tuple(study for study in studies if study.operation == operation),
        tuple(part for part in readings if part.operation == operation),
    )  # fmt: skip


def _anchors(summary: Summary, cell: Cell) -> tuple[tuple[str, ...], ...]:
    """The anchors of a table of times: cases in rows, techniques in columns, empty without a figure."""
    plan = summary.run.plan
    rows = []
    for case in plan.cases[cell.operation]:
        cells = [replace(cell, case=case, technique=name) for name in plan.techniques[cell.operation]]
        rows.append(("", *(page.anchor(cell) if cell in summary.figures else "" for cell in cells)))
    return tuple(rows)
