"""Presets, and the plans that they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from perflab.catalog.cases import every_case
from perflab.catalog.find import operation
from perflab.contract import DIRECTIONS, DTYPES, FIRST_RUNGS, PerflabError
from perflab.errors import unknown
from perflab.records import Plan


@dataclass(frozen=True)
class Preset:
    """How much to measure. `block_s` is a block's target, `budget_s` the most time for one cell.

    `contest` selects the contest's cases and excludes the rungs of plain loops unless they are named.
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
        "two cases, float32: a file of your own beside the first rungs (the default of --with)",
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
    techniques: Mapping[str, tuple[str, ...]], preset: str = DEFAULT_PRESET, *, cases: Sequence[str] = (),
    dtypes: Sequence[str] = (), threads: Sequence[int] = (1,), outside: Mapping[str, str] | None = None,
    homes: Mapping[str, str] | None = None, foreign: Collection[str] = (), named: Collection[str] = (),
) -> Plan:  # fmt: skip
    """A plan for these operations and techniques; `cases` and `dtypes` narrow the preset's.

    The `named` OP/TECHNIQUE are measured on every case of the plan, whatever the preset. Raises PerflabError
    for a case that none of the operations has.
    """
    if preset not in PRESETS:
        raise PerflabError(unknown("preset", preset, PRESETS))
    how = PRESETS[preset]
    operations = {op: operation(op) for op in techniques}
    known = list(dict.fromkeys(name for each in operations.values() for name in every_case(each)))
    for name in cases:
        if name not in known:
            raise PerflabError(unknown("case", name, known))
    defaults = (each.contest if how.contest else each.cases for each in operations.values())
    wanted = tuple(cases) or how.cases or tuple(chain.from_iterable(defaults))
    chosen = {}
    for op, described in operations.items():
        offered = described.contest if how.contest and not cases else every_case(described)
        chosen[op] = tuple(name for name in offered if name in wanted)
    if how.contest:
        techniques = {
            op: tuple(t for t in names if t not in PLAIN_LOOPS or f"{op}/{t}" in named)
            for op, names in techniques.items()
        }
    narrowed = {}
    if how.further is not None and not cases:
        for op, names in techniques.items():
            further = tuple(case for case in chosen[op] if case in how.further)
            for technique in names:
                name = f"{op}/{technique}"
                own = technique not in (*FIRST_RUNGS, *(homes or {})) and name not in (outside or {})
                if own and name not in named and further:
                    narrowed[name] = further
    return Plan(
        preset=preset, techniques={op: tuple(names) for op, names in techniques.items() if chosen[op]},
        narrowed=narrowed, cases={op: names for op, names in chosen.items() if names},
        dtypes=tuple(dict.fromkeys(dtypes)) or how.dtypes, threads=tuple(dict.fromkeys(threads)),
        directions=how.directions, processes=how.processes, passes=how.passes, block_s=how.block_s,
        budget_s=how.budget_s, precision=how.precision, extend_s=how.extend_s, explain=how.explain,
        outside=dict(outside or {}), homes=dict(homes or {}), foreign=tuple(foreign),
    )  # fmt: skip
