"""Presets, and the plans that they make."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from perflab.catalog import own as folders
from perflab.catalog.cases import every_case
from perflab.catalog.find import operation
from perflab.catalog.sizes import with_cases
from perflab.contract import DIRECTIONS, DTYPES, FIRST_RUNGS, Case, Operation, PerflabError
from perflab.errors import unknown
from perflab.records import Phase, Plan
from perflab.records.sized import Sized


@dataclass(frozen=True)
class Preset:
    """How much to measure. `block_s` is a block's target, `budget_s` the most time for one cell.

    One that `grows` measures in phases, breadth first, until every ratio is precise or `for_s` seconds are
    spent, if that is not 0; the others measure a fixed number of turns. `contest` selects the contest's
    cases, without the rungs of plain loops; with `only_first` the rungs beyond the first four are left out.
    Rungs that are named are measured all the same. `further` names the cases, beside the study case, on
    which the rungs beyond the first four are measured; None for all.
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
    for_s: float = 0.0
    grows: bool = False
    contest: bool = False
    only_first: bool = False
    further: tuple[str, ...] | None = None
    explain: bool = True

    def leaves_out(self, technique: str) -> bool:
        """Whether it measures a rung only if it is named."""
        return (self.contest and technique in PLAIN_LOOPS) or (
            self.only_first and technique not in FIRST_RUNGS
        )


STEP = DIRECTIONS[-1:]  # what a climb is decided by
PRESETS: Mapping[str, Preset] = {
    "smoke": Preset(
        "the first four techniques on the smallest case, float32: does it all work?",
        ("tiny",), ("float32",), ("forward", "backward"), 2, 3, 0.01, 2.0, 0.05, only_first=True,
        explain=False,
    ),
    "quick": Preset(
        "everything, breadth first, as far as the time reaches (--for, 100 s by default)",
        None, DTYPES, DIRECTIONS, 2, 6, 0.008, 2.0, 0.05, for_s=100.0, grows=True,
        further=("digits", "large"),
    ),
    "own": Preset(
        "two cases: a file of your own beside the first rungs (the default of --with)",
        ("tiny", "medium"), DTYPES, DIRECTIONS, 2, 3, 0.01, 0.8, 0.05,
    ),
    "watch": Preset(
        "one small case, float32: an answer at every save (the default of --watch)",
        ("tiny",), ("float32",), ("forward", "backward"), 1, 2, 0.005, 0.1, 0.05, explain=False,
    ),
    "grade": Preset(
        "one small case, float64, forward and backward together: what `perflab grade` races",
        ("tiny",), ("float64",), ("step",), 2, 3, 0.004, 4.0, 0.05, explain=False,
    ),
    "climb": Preset(
        "one case, float32: two rungs and a file between them, in seconds (what `perflab climb` races)",
        # What a file keeps, uses and looks up is judged by the interval of a median, which needs six passes.
        None, ("float32",), STEP, 1, 6, 0.01, 1.0, 0.05, explain=False,
    ),
    "sweep": Preset(
        "every size of a sweep, float32, then the least precise again (the default of --sweep)",
        None, ("float32",), DIRECTIONS, 3, 4, 0.008, 0.5, 0.05, for_s=50.0, grows=True,
    ),
    "full": Preset(
        "everything, until every ratio is known to ±2 %",
        None, DTYPES, DIRECTIONS, 6, 4, 0.1, 60.0, 0.02, grows=True,
    ),
    "peers": Preset(
        "the contest's cases, large ones: the ladder's top beside other projects (--peer)",
        None, DTYPES, DIRECTIONS, 3, 2, 0.03, 8.0, 0.05, contest=True,
    ),
}  # fmt: skip
PLAIN_LOOPS = ("naive", "per_neuron", "jit")
DEFAULT_PRESET = "quick"
OWN_PRESET, WATCH_PRESET, SWEEP_PRESET, GRADE_PRESET, CLIMB_PRESET = (
    "own",
    "watch",
    "sweep",
    "grade",
    "climb",
)
AT_ONCE = FIRST_RUNGS[:3]  # nothing of these is compiled
AT_FIRST = 1  # turns of the first techniques, before others are compiled
BLOCKS_SHARE, SHORTEST_BLOCK_S = 0.4, 2e-3  # of a sweep's time for the least turns of all its blocks
TIMES_THE_LEAST = 3  # so many times the least turns are given to the study cases before other sizes
MOST_TURNS = 240  # a ratio that this does not make precise is no steady one


def make(
    techniques: Mapping[str, tuple[str, ...]], preset: str = DEFAULT_PRESET, *, cases: Sequence[str] = (),
    dtypes: Sequence[str] = (), threads: Sequence[int] = (1,), outside: Mapping[str, str] | None = None,
    homes: Mapping[str, str] | None = None, foreign: Collection[str] = (), named: Collection[str] = (),
    for_s: float = 0.0, baseline: str = "", sized: Mapping[str, Sequence[Case]] | None = None,
    swept: Sequence[str] = (),
) -> Plan:  # fmt: skip
    """A plan for these operations and techniques; `cases` and `dtypes` narrow the preset's.

    `sized` has further cases of each operation, of one's own sizes, which narrow the preset's too; they are a
    sweep along the axes `swept`, if there are any. The `named` OP/TECHNIQUE are measured on every case of the
    plan, whatever the preset. `for_s` replaces the preset's, `baseline` is that of the ratios.

    Raises PerflabError for a case that none of the operations has, and for a baseline that the plan does not
    measure.
    """
    if preset not in PRESETS:
        raise PerflabError(unknown("preset", preset, PRESETS))
    how = PRESETS[preset]
    own = {op: tuple((sized or {}).get(op, ())) for op in techniques}
    operations = {op: with_cases(operation(op), own[op]) for op in techniques}
    directions = _directions(how, operations)
    known = list(dict.fromkeys(name for each in operations.values() for name in every_case(each)))
    for name in cases:
        if name not in known:
            raise PerflabError(unknown("case", name, known))
    cases = (*cases, *(case.name for each in own.values() for case in each))
    offered = {op: _offered(how, described, cases) for op, described in operations.items()}
    chosen = {op: names for op, names in offered.items() if names}
    added = {*(outside or {}), *named}  # a column of the homes is a peer's

    def is_extra(op: str, technique: str) -> bool:
        return technique in (homes or {}) or f"{op}/{technique}" in added

    measured = {
        op: tuple(t for t in techniques[op] if is_extra(op, t) or not how.leaves_out(t)) or techniques[op]
        for op in chosen
    }
    baselines = list(dict.fromkeys(t for names in measured.values() for t in names))
    if baseline and baseline not in baselines:
        raise PerflabError(unknown("baseline", baseline, baselines))
    narrowed = {}
    if how.further is not None and not cases:
        for op, names in measured.items():
            here = (*how.further, operations[op].study_case)
            further = tuple(case for case in chosen[op] if case in here)
            for technique in names:
                if technique not in FIRST_RUNGS and not is_extra(op, technique) and further:
                    narrowed[f"{op}/{technique}"] = further
    wanted = tuple(dict.fromkeys(dtypes)) or how.dtypes
    lead = {
        op: tuple(t for t in names if t in (*FIRST_RUNGS, baseline) or is_extra(op, t))
        for op, names in measured.items()
    }
    time_s = for_s or how.for_s
    block_s = how.block_s
    if swept:  # shorter blocks where there are so many that the time would not suffice for all
        points = sum(len(chosen[op]) * len(names) for op, names in measured.items())
        blocks = points * len(wanted) * len(how.directions) * how.processes * how.passes
        block_s = min(block_s, max(BLOCKS_SHARE * time_s / blocks, SHORTEST_BLOCK_S)) if time_s else block_s
    longer = max(time_s / how.for_s, 1.0) if how.for_s else 1.0
    return Plan(
        preset=preset, techniques=measured, narrowed=narrowed, cases=chosen, dtypes=wanted,
        threads=tuple(dict.fromkeys(threads)), directions=directions, processes=how.processes,
        passes=how.passes, block_s=block_s, budget_s=how.budget_s * longer, precision=how.precision,
        explain=how.explain, outside=dict(outside or {}), homes=dict(homes or {}), foreign=tuple(foreign),
        phases=tuple(_phases(how, operations, measured, lead, chosen, wanted, swept)) if how.grows else (),
        sized={op: tuple(map(_sized, own[op])) for op in chosen if own[op]}, swept=tuple(swept),
        for_s=time_s, own={op: str(home) for op, home in folders.folders().items() if op in measured},
        baseline=baseline or Plan.baseline,
    )  # fmt: skip


def _sized(case: Case) -> Sized:
    return Sized(case.sizes, case.parameters)


def _directions(how: Preset, operations: Mapping[str, Operation]) -> tuple[str, ...]:
    """The directions that a plan measures. Raises PerflabError where its operations have different ones."""
    alone = [op for op, described in operations.items() if described.forward_only]
    if others := [op for op in operations if alone and op not in alone]:
        raise PerflabError(f"{alone[0]}: is forward only, which {others[0]} is not; wanted a run of each")
    return DIRECTIONS[:1] if alone else how.directions


def _offered(how: Preset, described: Operation, cases: Sequence[str]) -> tuple[str, ...]:
    """The cases of an operation that a plan measures."""
    default = described.contest if how.contest else described.cases
    wanted = {*(cases or how.cases or default)}
    if how.grows and not cases:
        wanted |= {described.small_case, described.study_case}
    offered = described.contest if how.contest and not cases else every_case(described)
    return tuple(name for name in offered if name in wanted)


def _phases(
    how: Preset, operations: Mapping[str, Operation], techniques: Mapping[str, tuple[str, ...]],
    lead: Mapping[str, tuple[str, ...]], cases: Mapping[str, tuple[str, ...]], dtypes: Sequence[str],
    swept: Sequence[str],
) -> Iterator[Phase]:  # fmt: skip
    """The phases of a plan: an answer at once, then breadth before depth, then precision.

    In a sweep every size is as good as another: all of them once, then all of them again, then precision.

    `lead` are the techniques that come first. Where neither the small nor the study case is among `cases`,
    the first and the last of these take their places.
    """
    least = how.processes * how.passes
    small = {op: operations[op].small_case for op in cases}
    small = {op: name if name in cases[op] else cases[op][0] for op, name in small.items()}
    study = {op: operations[op].study_case for op in cases}
    study = {op: name if name in cases[op] else cases[op][-1] for op, name in study.items()}
    both = {op: tuple(dict.fromkeys((small[op], study[op]))) for op in cases}
    at_once = {op: tuple(t for t in names if t in AT_ONCE) for op, names in lead.items()}
    first, later = tuple(dtypes[:1]), tuple(dtypes[1:])

    def phase(
        name: str, chosen: Mapping[str, Sequence[str]], dtypes: Sequence[str],
        of: Mapping[str, tuple[str, ...]], turns: int, most: int = 0,
    ) -> Iterator[Phase]:  # fmt: skip
        names = {op: each for op, each in of.items() if each}
        if names and dtypes:
            of_cases = {op: tuple(chosen[op]) for op in names}
            yield Phase(name, of_cases, tuple(dtypes), names, turns, max(most, turns))

    on_small = {op: (name,) for op, name in small.items()}
    on_study = {op: (name,) for op, name in study.items()}
    several = {op: names for op, names in at_once.items() if len(names) > 1}
    if not swept:
        yield from phase("an answer at once", on_small, first, several, 1)
        yield from phase("first techniques", both, first, lead, AT_FIRST)
        yield from phase("study cases", on_study, first, techniques, least, TIMES_THE_LEAST * least)
        yield from phase("small cases", on_small, first, lead, least)
    else:
        yield from phase("every size", cases, first, techniques, how.passes)
    yield from phase("sizes", cases, first, techniques, least)
    yield from phase("the other dtype", both, later, techniques, least)
    yield from phase("its sizes", cases, later, techniques, least)
    yield from phase("precision", cases, dtypes, techniques, least, MOST_TURNS)
