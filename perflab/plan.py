"""What a run measures, and in which order: presets, plans and their blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from perflab.contract import (
    DIRECTIONS,
    DTYPES,
    FIRST_RUNGS,
    Block,
    Case,
    Cell,
    Cost,
    Operation,
    PerflabError,
    Plan,
)
from perflab.errors import unknown
from perflab.grid import operation
from perflab.inputs import pairs


@dataclass(frozen=True)
class Preset:
    """How much to measure. `block_s` is a block's target, `budget_s` the most that one cell may take.

    With `contest`, the contest's cases, on which the rungs of plain loops stay out unless they are named.
    `further` names the cases on which the rungs beyond the first four are measured; None for all.
    """

    summary: str
    cases: tuple[str, ...] | None
    dtypes: tuple[str, ...]
    directions: tuple[str, ...]
    processes: int
    passes: int
    block_s: float
    budget_s: float
    precision: float
    extend_s: float
    contest: bool = False
    further: tuple[str, ...] | None = None
    explain: bool = True


PRESETS: Mapping[str, Preset] = {
    "smoke": Preset(
        "two small cases, float32: does it all work?",
        ("tiny", "digits"), ("float32",), ("forward", "backward"), 2, 3, 0.01, 2.0, 0.05, 0.0, explain=False,
    ),
    "quick": Preset(
        "every case, both dtypes, in some minutes",
        None, DTYPES, DIRECTIONS, 3, 2, 0.012, 1.5, 0.05, 2.0, further=("digits", "large"),
    ),
    "own": Preset(
        "two cases, float32: a file of one's own beside the first rungs (the default of --with)",
        ("digits", "medium"), ("float32",), DIRECTIONS, 2, 3, 0.01, 0.8, 0.05, 0.0,
    ),
    "watch": Preset(
        "one small case, float32: an answer at every save (the default of --watch)",
        ("tiny",), ("float32",), ("forward", "backward"), 1, 2, 0.005, 0.1, 0.05, 0.0, explain=False,
    ),
    "full": Preset(
        "every case, long enough for tight intervals",
        None, DTYPES, DIRECTIONS, 6, 4, 0.1, 60.0, 0.02, 900.0,
    ),
    "peers": Preset(
        "the contest's cases, large ones: the ladder's top beside other projects (--peer)",
        None, DTYPES, DIRECTIONS, 3, 2, 0.03, 8.0, 0.05, 0.0, contest=True,
    ),
}  # fmt: skip
PLAIN_LOOPS = ("naive", "per_neuron", "jit")
DEFAULT_PRESET = "quick"
OWN_PRESET, WATCH_PRESET = "own", "watch"


def make(
    techniques: Mapping[str, tuple[str, ...]],
    preset: str = DEFAULT_PRESET,
    *,
    cases: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    threads: Sequence[int] = (1,),
    outside: Mapping[str, str] | None = None,
    homes: Mapping[str, str] | None = None,
    foreign: Collection[str] = (),
    named: Collection[str] = (),
) -> Plan:
    """A plan for these operations and techniques; `cases` and `dtypes` narrow the preset's.

    What is `named` as OP/TECHNIQUE is measured on every case that the plan has, whatever the preset.
    Raises PerflabError for a case that none of the operations has.
    """
    if preset not in PRESETS:
        raise PerflabError(unknown("preset", preset, PRESETS))
    how = PRESETS[preset]
    known = list(dict.fromkeys(name for op in techniques for name in every_case(operation(op))))
    for name in cases:
        if name not in known:
            raise PerflabError(unknown("case", name, known))
    everyday = [name for op in techniques for name in operation(op).cases]
    contest = [name for op in techniques for name in operation(op).contest]
    wanted = tuple(cases) or how.cases or tuple(contest if how.contest else everyday)
    offered = {
        op: operation(op).contest if how.contest and not cases else every_case(operation(op))
        for op in techniques
    }
    chosen = {op: tuple(name for name in names if name in wanted) for op, names in offered.items()}
    if how.contest:
        techniques = {
            op: tuple(t for t in names if t not in PLAIN_LOOPS or f"{op}/{t}" in named)
            for op, names in techniques.items()
        }
    narrowed = {}
    if how.further is not None and not cases:
        for op, names in techniques.items():
            telling = tuple(case for case in chosen[op] if case in how.further)
            for technique in names:
                name = f"{op}/{technique}"
                own = technique not in (*FIRST_RUNGS, *(homes or {})) and name not in (outside or {})
                if own and name not in named and telling:
                    narrowed[name] = telling
    return Plan(
        preset=preset,
        techniques={op: tuple(names) for op, names in techniques.items() if chosen[op]},
        narrowed=narrowed,
        cases={op: names for op, names in chosen.items() if names},
        dtypes=tuple(dict.fromkeys(dtypes)) or how.dtypes,
        threads=tuple(dict.fromkeys(threads)),
        directions=how.directions,
        processes=how.processes,
        passes=how.passes,
        block_s=how.block_s,
        budget_s=how.budget_s,
        precision=how.precision,
        extend_s=how.extend_s,
        explain=how.explain,
        outside=dict(outside or {}),
        homes=dict(homes or {}),
        foreign=tuple(foreign),
    )


def cells(plan: Plan) -> Iterator[Cell]:
    """Every cell of a plan, an operation's techniques side by side."""
    for op in plan.techniques:
        for case in plan.cases[op]:
            for dtype in plan.dtypes:
                for threads in plan.threads:
                    for direction in plan.directions:
                        for technique in plan.contenders(op, case):
                            yield Cell(op, case, dtype, threads, direction, technique)


def is_built_in(plan: Plan, operation: str, technique: str) -> bool:
    """Whether a contender is one of perflab's own rungs: no peer, and from no outside file."""
    return technique not in plan.homes and f"{operation}/{technique}" not in plan.outside


def every_case(described: Operation) -> dict[str, Case]:
    """An operation's cases, the everyday ones first, then those of the contest."""
    return {**described.cases, **described.contest}


def describe(plan: Plan) -> dict[str, Any]:
    """What the plan's names mean: titles, sizes, costs. Saved, so that a report needs no code."""
    described: dict[str, Any] = {}
    for op, cases in plan.cases.items():
        known = operation(op)
        described[op] = {
            "title": known.title,
            "summary": known.summary,
            "exact_on_integers": known.exact_on_integers,
            "multiplies": known.multiplies,
            "cases": {
                name: {
                    "sizes": dict(known.case(name).sizes),
                    "parameters": dict(known.case(name).parameters),
                    "inputs": known.case(name).inputs,
                    "costs": {
                        dtype: {
                            way: asdict(cost) for way, cost in costs(known, known.case(name), dtype).items()
                        }
                        for dtype in plan.dtypes
                    },
                }
                for name in cases
            },
        }
    return described


def costs(described: Operation, case: Case, dtype: str) -> dict[str, Cost]:
    """What an operation costs on a case, per direction."""
    return described.cost(case.sizes, pairs(described, case), 4 if dtype == "float32" else 8)


def blocks(
    plan: Plan, threads: int, process: int, groups: Collection[tuple[str, str, str]] | None = None
) -> Iterator[Block]:
    """One process's blocks in the order in which they are measured; of these (op, case, dtype) only.

    The contenders of a case follow one another within every pass. Each pass begins with another of them,
    and every other pass runs backwards, so that drift, and whatever a contender leaves behind, falls on all
    alike.
    """
    for op in plan.techniques:
        for dtype in plan.dtypes:
            for case in plan.cases[op]:
                contenders = plan.contenders(op, case)
                if not contenders or (groups is not None and (op, case, dtype) not in groups):
                    continue
                for pass_ in range(plan.passes):
                    for turn, direction in enumerate(plan.directions):
                        count = process * plan.passes + pass_ + turn
                        backwards = count % 2
                        first = (count + backwards) % len(contenders)
                        order = contenders[first:] + contenders[:first]
                        for technique in order[::-1] if backwards else order:
                            cell = Cell(op, case, dtype, threads, direction, technique)
                            yield Block(cell, process, pass_)


def home(plan: Plan, block: Block) -> str:
    """In whose process a block is measured: ours, a peer's, or that of an outside file."""
    operation, technique = block.cell.operation, block.cell.technique
    return plan.homes.get(technique, "") or foreign(plan, operation, technique)


def foreign(plan: Plan, operation: str, technique: str) -> str:
    """The file of a contender whose code is nobody's that perflab knows; else ""."""
    name = f"{operation}/{technique}"
    return plan.outside[name] if name in plan.foreign else ""


def size(plan: Plan) -> int:
    """How many blocks the whole plan has."""
    cells = sum(len(plan.contenders(op, case)) for op in plan.techniques for case in plan.cases[op])
    per_cell = len(plan.dtypes) * len(plan.directions) * len(plan.threads)
    return cells * per_cell * plan.processes * plan.passes


def name(block: Block) -> str:
    """A block as a short string, as pytest shows it; `parse` reads it back."""
    c = block.cell
    return "/".join(
        [
            c.operation,
            c.technique,
            c.case,
            c.dtype,
            c.direction,
            f"t{c.threads}",
            f"{block.process}.{block.pass_}",
        ]
    )


def parse(text: str) -> Block:
    """The block that `name` wrote."""
    op, technique, case, dtype, direction, threads, when = text.split("/")
    process, pass_ = when.split(".")
    return Block(Cell(op, case, dtype, int(threads[1:]), direction, technique), int(process), int(pass_))


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON."""
    return asdict(plan)


def from_json(held: Mapping[str, Any]) -> Plan:
    """The plan that `to_json` wrote. Raises KeyError or TypeError where something is missing."""
    plan = Plan(**held)
    return replace(
        plan,
        techniques={op: tuple(names) for op, names in plan.techniques.items()},
        cases={op: tuple(names) for op, names in plan.cases.items()},
        narrowed={name: tuple(cases) for name, cases in plan.narrowed.items()},
        dtypes=tuple(plan.dtypes),
        threads=tuple(plan.threads),
        directions=tuple(plan.directions),
        foreign=tuple(plan.foreign),
    )
