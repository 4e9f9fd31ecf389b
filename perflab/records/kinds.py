"""The kinds of records of a run: the fields of each, and their types and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import product
from math import isnan
from statistics import median
from typing import Annotated, Any, ClassVar, get_args

from perflab.contract import DIRECTIONS, Cell, Contender
from perflab.records import tree, typed
from perflab.records.causes import Causes as Causes
from perflab.records.evidence import Evidence as Evidence
from perflab.records.plan import Block, Group, Part, Plan
from perflab.records.remarks import Remarks as Remarks
from perflab.records.roof import Ceilings
from perflab.records.typed import FLAT, Date, Name, Rule, Seconds, Share, Text, Whole, Wrong, between

CallSeconds = Annotated[float, between(1e-12, 1e9, "seconds")]
Number = Annotated[int, between(-1, 10**6, "a whole number")]
Positive = Annotated[int, typed.at_least(1, "a whole number")]
Rounds = Annotated[tuple[CallSeconds, ...], Rule("a list of seconds", bool)]


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one measured file, or of a derivation."""

    kind: ClassVar[str] = "source"
    operation: str
    technique: str
    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Fitness:
    """The result of the latest self-check on this machine."""

    kind: ClassVar[str] = "fitness"
    state: Annotated[str, typed.one_of("fit", "noisy", "unfit", "unknown")]
    reasons: tuple[str, ...]
    false_alarms: Whole | None = None
    contests: Whole | None = None
    when: Date | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """Kernels that were not in Numba's cache and were compiled before timing; the seconds it took.

    A run of phases compiles several times: what each phase needs and lacks on so many threads. `left` are
    those for which the time did not suffice, with about the seconds that each needs; in a run of `more_s`
    seconds more it would.
    """

    kind: ClassVar[str] = "compiled"
    names: tuple[str, ...]
    wall_s: Seconds
    threads: int = 1
    left: Mapping[str, Seconds] = field(default_factory=dict)
    more_s: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """The check of an implementation on the inputs to be timed (kind "verdict").

    `share` is its worst error as a share of the rounding bound; `where` is the place of that error, or says
    what is wrong; `remarks` are what else there is to say, `calls` names what an outside file calls of
    others. Without a `digest` of the inputs it is checked again on resuming.
    """

    kind: ClassVar[str] = "verdict"
    contender: Contender = field(metadata=FLAT)
    process: Number
    status: str
    where: str
    share: Share | None = None
    precision: str = ""
    digest: str = ""
    compile_s: Seconds | None = None
    cold_compile_s: Seconds | None = None
    load_s: Seconds | None = None
    first_s: Mapping[Name, Seconds] = field(default_factory=dict)
    warm_s: Mapping[Name, Seconds] = field(default_factory=dict)
    flops: Whole = 0
    remarks: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether it is right."""
        return self.status == "right"

    def check(self) -> None:
        """Raise Wrong for a right one without an error share."""
        if self.right and self.share is None:
            raise Wrong('a number, as the status is "right"', None, ".share")


@dataclass(frozen=True, slots=True)
class Timed:
    """One contender's turn in one pass (kind "block"): its rounds, in seconds per call.

    Of a contender in a process of its own: `seeds` are those of its secret contents, `way_s` is what asking
    for nothing costs, of which every round has one.
    """

    kind: ClassVar[str] = "block"
    contender: Contender = field(metadata=FLAT)
    direction: Name
    process: Annotated[int, between(0, 10**6, "a whole number")]
    pass_: Annotated[int, between(0, 10**6, "a whole number")] = field(metadata={"key": "pass"})
    iterations: Annotated[int, between(1, 10**12, "a whole number")]
    rounds_s: Rounds
    after: str
    seeds: tuple[Whole, ...] = ()
    way_s: Seconds | None = None

    @property
    def cell(self) -> Cell:
        """The measured cell."""
        return self.contender.cell(self.direction)

    @property
    def block(self) -> Block:
        """The measured block of the plan."""
        return Block(self.cell, self.process, self.pass_)

    @property
    def turn(self) -> tuple[int, int]:
        """Process and pass; times of the same turn are compared."""
        return self.process, self.pass_

    @property
    def median_s(self) -> float:
        """Seconds per call."""
        return median(self.rounds_s)

    @property
    def total_s(self) -> float:
        """Seconds inside timed calls."""
        return sum(self.rounds_s) * self.iterations


@dataclass(frozen=True, slots=True)
class Prediction:
    """A cell was not run because it would exceed its budget; predicted seconds by direction, where known."""

    kind: ClassVar[str] = "prediction"
    contender: Contender = field(metadata=FLAT)
    process: Number
    seconds: Mapping[Name, Annotated[float, between(1e-12, 1e18, "seconds")] | None]
    basis: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A contender gave no valid figure, and why; without a technique, all of that process on the case."""

    kind: ClassVar[str] = "failure"
    contender: Contender = field(metadata=FLAT)
    process: Number
    reason: str
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Pools:
    """The thread pools of a measuring process."""

    kind: ClassVar[str] = "pools"
    process: Number
    threads: Whole
    pools: tuple[Mapping[str, Any], ...] = ()
    cores: tuple[Whole, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The part of the plan that a process measures."""

    kind: ClassVar[str] = "part"
    process: Number
    threads: Whole
    part: Part = field(metadata=FLAT)


@dataclass(frozen=True, slots=True)
class Extension:
    """In runs without phases: a further process measures these cases again."""

    kind: ClassVar[str] = "extension"
    process: Number
    threads: Whole
    groups: tuple[Group, ...]

    @property
    def part(self) -> Part:
        """The same as a part of the plan."""
        return Part(self.groups)


@dataclass(frozen=True, slots=True)
class Granted:
    """More time for a run, given when it was resumed."""

    kind: ClassVar[str] = "granted"
    for_s: Seconds


@dataclass(frozen=True, slots=True)
class Process:
    """The end of a measuring process, and its duration; `steal` is the share of time that the host took."""

    kind: ClassVar[str] = "process"
    process: Number
    threads: Whole
    wall_s: Seconds
    started: Date | None = None
    steal: float | None = None


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """The peak memory of a technique on a large case, in bytes beyond inputs and outputs."""

    kind: ClassVar[str] = "memory"
    contender: Contender = field(metadata=FLAT)
    forward: Whole
    backward: Whole


Record = (
    Source | Fitness | Ceilings | Compiled | Judgement | Timed | Prediction | Failure | Pools | Assigned
    | Extension | Granted | Process | Evidence | Remarks | PeakMemory | Causes
)  # fmt: skip
KINDS: Mapping[str, Any] = {kind.kind: kind for kind in get_args(Record)}


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an operation in one direction on a case, the same for every implementation."""

    flops: Positive
    bytes: Positive


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a run: its sizes and parameters, how inputs were drawn, its costs by dtype and direction."""

    sizes: Mapping[Name, Whole]
    costs: Mapping[Name, Mapping[Name, Cost]]
    parameters: Mapping[Name, Any] = field(default_factory=dict)
    inputs: Name = "normal"

    @property
    def problem(self) -> dict[str, Any]:
        """What must be equal in two runs whose times are compared."""
        return {"sizes": self.sizes, "parameters": self.parameters, "inputs": self.inputs}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a run: its title, what it computes, its cases, and the tree of its ladder."""

    cases: Mapping[Name, Case]
    title: str
    summary: str = ""
    exact_on_integers: bool = False
    multiplies: bool = True
    since: Mapping[Name, str] = field(default_factory=dict)
    study_case: str = ""
    small_case: str = ""

    def check(self) -> None:
        """Raise Wrong if the ladder is no tree."""
        if fault := tree.fault(self.since):
            raise Wrong(f"a tree ({fault})", self.since, ".since")


@dataclass(frozen=True, slots=True)
class Header:
    """A run's first line: its plan, the meaning of the plan's names, and the kinds that its writer knew."""

    kind: ClassVar[str] = "run"
    schema: int
    started: Date
    plan: Plan
    operations: Mapping[Name, Operation]
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise Wrong if a name of the plan is not described."""
        plan = self.plan
        for op in plan.techniques:
            for case, dtype, direction in product(plan.cases[op], plan.dtypes, plan.directions):
                known: Any = self.operations
                path = ".operations"
                for name, inner in ((op, "cases"), (case, "costs"), (dtype, ""), (direction, "")):
                    if name not in known:
                        raise Wrong("what the plan names", path=f"{path}.{name}")
                    known = getattr(known[name], inner) if inner else known[name]
                    path += f".{name}.{inner}" if inner else f".{name}"


def read_record(value: Mapping[str, Any]) -> Record:
    """A record from plain JSON with its `kind`. Raises Wrong, also for an unknown kind."""
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Wrong("a kind of record", kind, ".kind") if "kind" in value else Wrong("a kind", path=".kind")
    if kind == Timed.kind and (usual := _usual_block(value)):
        return usual
    record: Record = typed.read(KINDS[kind], value)
    if isinstance(record, Timed) and len(_KNOWN) < MOST_KNOWN:
        _KNOWN[tuple(value[name] for name in _OF_CONTENDER)] = record.contender
    return record


MOST_KNOWN = 100_000
_OF_CONTENDER = tuple(part.name for part in fields(Contender))
_KNOWN: dict[tuple[Any, ...], Contender] = {}  # those of the blocks that were read, by their plain values


def _usual_block(value: Mapping[str, Any]) -> Timed | None:
    """A block of a contender that was read before, if all else is plainly as it should be; else None.

    Nine of ten records are such blocks. Whatever is unusual in one is read, or refused, as all records are.
    """
    if len(value) != len(_OF_CONTENDER) + 7:
        return None
    try:
        contender = _KNOWN[tuple([value[name] for name in _OF_CONTENDER])]
        process, pass_, iterations = value["process"], value["pass"], value["iterations"]
        direction, rounds, after = value["direction"], value["rounds_s"], value["after"]
    except (KeyError, TypeError):
        return None
    if not (
        type(value["threads"]) is type(process) is type(pass_) is type(iterations) is int
        and 0 <= process <= 10**6
        and 0 <= pass_ <= 10**6
        and 1 <= iterations <= 10**12
        and direction in DIRECTIONS
        and type(after) is str
        and after.isprintable()
        and type(rounds) is list
        and set(map(type, rounds)) == {float}
        and min(rounds) >= 1e-12
        and max(rounds) <= 1e9
        and not any(map(isnan, rounds))
    ):
        return None
    return Timed(contender, direction, process, pass_, iterations, tuple(rounds), after)


def check_belongs(record: Record, plan: Plan) -> None:
    """Raise Wrong if a record names an operation, technique, case or dtype that is not in the plan."""
    if isinstance(record, (Source, Fitness, Ceilings, Compiled, Granted)):
        return
    if isinstance(record, (Pools, Assigned, Extension, Process)):
        _among("threads", record.threads, plan.threads)
        return
    who = record.contender
    _among("operation", who.operation, plan.techniques)
    _among("dtype", who.dtype, plan.dtypes)
    if isinstance(record, (Evidence, Causes, Remarks)):
        _among("technique", who.technique, plan.techniques[who.operation])
        return
    _among("case", who.case, plan.cases[who.operation])
    _among("threads", who.threads, plan.threads)
    if who.technique or not isinstance(record, Failure):
        _among("technique", who.technique, plan.contenders(who.operation, who.case))
    if isinstance(record, Timed):
        _among("direction", record.direction, plan.directions)


def _among(name: str, value: Any, known: Any) -> None:
    if value not in known:
        names = [*map(str, known)]
        words = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise Wrong(f"one of the plan's: {words}", value, f".{name}")
