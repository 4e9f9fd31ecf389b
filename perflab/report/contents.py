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
from perflab.report import drawn as shapes
from perflab.report import method, opening, page, rungs, sweep, tables, winners, words
from perflab.report.figures import Drawn
from perflab.report.study.section import Section
from perflab.report.summary import Summary
from perflab.report.why import causes, reading, why

NUMBER = re.compile(r"[×~<>]?[\d–]|$")  # the start of a number in a table, or an empty cell


@dataclass(frozen=True)
class Named:
    """A table with the name of its files, the anchors of its cells if it shows results of cells, and links.

    A link is the address on the page of what a row is about.
    """

    name: str
    table: words.Table
    anchors: tuple[tuple[str, ...], ...] = ()
    links: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[str, ...]:
        """Each column's class: "right" for numbers, empty for words."""
        columns = list(zip(*self.table.rows, strict=True))[1:]
        return ("", *("right" if all(map(NUMBER.match, column)) else "" for column in columns))


@dataclass(frozen=True)
class Part:
    """The part about one operation; its figures in rows, one for each number of threads."""

    name: str
    title: str
    summary: str
    figures: tuple[tuple[Drawn, ...], ...]
    rungs: tuple[Named, ...]
    times: tuple[Named, ...]
    tables: tuple[Named, ...]
    reasons: tuple[tuple[str, tuple[str, ...]], ...]
    crossing: str
    study: tuple[Section, ...] = ()


def gather(
    summary: Summary, figures: Sequence[Drawn] = (), studies: Sequence[Section] = ()
) -> dict[str, Any]:
    """The variables of the templates; the figures and the studies are given."""
    run, plan, grid = summary.run, summary.run.plan, page.Grid(summary)
    of_run = {
        "best": tables.best_table(summary),
        "drawn": shapes.group_table(summary) if plan.drawn else None,
        "worst": shapes.worst_table(summary) if plan.drawn else None,
        "contest": tables.contest_table(summary),
        "against": tables.against_table(summary),
        "verified": tables.checks_table(summary),
        "compiled": tables.compile_table(summary),
    }
    named = {name: Named(name, table) if table and table.rows else None for name, table in of_run.items()}
    drawn: dict[str, list[Drawn]] = {"contest": [], "climb": []}  # of the whole run
    for figure in figures:
        if not figure.operation:
            drawn[figure.name.partition("-")[0]].append(figure)
    state, reason = opening.fitness(summary)
    return {
        "tables": named,
        "parts": [_part(summary, operation, figures, studies) for operation in plan.techniques],
        "plan": plan,
        "environment": {name: words.plain(value) for name, value in run.environment.items()},
        "machine": one_line(run.environment),
        "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.started)),
        "facts": opening.facts(summary),
        "fitness": state,
        "fitness_reason": reason,
        "checked": [line for _, line in tables.fitness(summary)],
        "counts": opening.counts(summary),
        "is_spent": opening.is_spent(summary),
        "torn": run.torn,
        "closing": tables.closing_lines(summary, whole=False),
        "contest_lines": tables.contest_lines(summary),
        "findings": summary.findings,
        "readings": reading.readings(summary),
        "winners": winners.winners(summary),
        "winners_table": winners.table(summary),
        "winners_where": winners.where(summary),
        "verified": tables.verified_line(summary),
        "view": grid.start,
        "rows": grid.rows(grid.start),
        "choices": page.choices(plan) | {"threads": [str(threads) for threads in plan.threads]},
        "data": page.embedded(grid),
        "marks": page.MARKS,
        "meanings": page.MEANINGS,
        "figures": figures,
        "drawn": drawn,
        "method": method,
        "measured": method.measured(summary),
        "version": __version__,
    }


def every_table(contents: Mapping[str, Any]) -> Iterator[Named]:
    """Every table, in the order of the page."""
    yield from filter(None, contents["tables"].values())
    for part in contents["parts"]:
        yield from part.rungs + part.tables + part.times


def _part(summary: Summary, operation: str, drawn: Sequence[Drawn], studies: Sequence[Section]) -> Part:
    plan, description = summary.run.plan, summary.run.operations[operation]
    study = tuple(study for study in studies if study.operation == operation)
    of = sweep if plan.swept and operation in plan.sized else tables
    crossovers = of.crossover_table(summary, operation)
    further: dict[str, words.Table | None] = {
        f"growth-{operation}": of.growth_table(summary, operation),
        f"crossovers-{operation}": crossovers,
    }
    for threads, dtype in product(plan.threads, plan.dtypes):
        memory = tables.memory_table(summary, operation, dtype, threads)
        further[f"memory-{operation}-{dtype}-t{threads}"] = memory
    reasons = tuple(
        (f"{direction}, {plan.dtypes[0]}", tuple(lines))
        for direction in ("forward", "backward")
        if (lines := why.reasons_of(summary, operation, plan.dtypes[0], direction))
    )
    shown = [f"{technique}: {line}" for technique in plan.techniques[operation]
             for line in causes.of_rung(summary, operation, technique, plan.dtypes[0])]  # fmt: skip
    if shown:
        reasons += ((f"by intervention, {plan.dtypes[0]}", tuple(shown)),)
    return Part(
        operation, description.title, description.summary,
        tuple(tuple(f for f in drawn if f.operation == operation and f.name.endswith(f"-t{threads}"))
              for threads in plan.threads),
        tuple(_rungs(summary, operation, {rung.technique: rung.anchor for s in study for rung in s.rungs})),
        tuple(_times(summary, operation)),
        tuple(Named(name, table) for name, table in further.items() if table is not None), reasons,
        "" if crossovers or not summary.fit or len(plan.swept) > 1
        else tables.no_crossover(summary, operation), study,
    )  # fmt: skip


def _rungs(summary: Summary, operation: str, places: Mapping[str, str]) -> Iterator[Named]:
    """The table of an operation's rungs for each number of threads, each rung with a link to its study."""
    for threads in summary.run.plan.threads:
        table = rungs.rungs_table(summary, operation, threads)
        if table is not None:
            links = tuple(places.get(row[0], "") for row in table.rows)
            yield Named(f"rungs-{operation}-t{threads}", table, links=links)


def _times(summary: Summary, operation: str) -> Iterator[Named]:
    """Every time of an operation: techniques in rows, the cases of which something is known in columns."""
    plan = summary.run.plan
    for threads, dtype, direction in product(plan.threads, plan.dtypes, plan.directions):
        table = tables.times_table(summary, operation, dtype, direction, threads)
        known = tuple(row for row in table.rows if {*row[1:]} != {words.time(None)})
        if not known:
            continue
        turned = replace(table, rows=known).turned("technique")
        anchors = _anchors(summary, turned, Cell(operation, "", dtype, threads, direction, ""))
        yield Named(f"times-{operation}-{dtype}-{direction}-t{threads}", turned, anchors)


def _anchors(summary: Summary, table: words.Table, cell: Cell) -> tuple[tuple[str, ...], ...]:
    """The anchors of a table of times: techniques in rows, cases in columns, empty without a figure.

    The name of a column may say more after its case.
    """
    cases = [
        next((case for case in summary.run.plan.cases[cell.operation]
              if head.partition(", ")[0] == summary.label(cell.operation, case)), "")
        for head in table.head[1:]
    ]  # fmt: skip
    rows = []
    for technique, *_ in table.rows:
        cells = [replace(cell, case=case, technique=technique) for case in cases]
        rows.append(("", *(page.anchor(c) if c in summary.figures else "" for c in cells)))
    return tuple(rows)
