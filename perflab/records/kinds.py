"""The records of a run by their kind: what each holds, and what its fields must be.

record.contender        whose record it is, where it is a contender's
record.rounds_s         seconds a call
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Annotated, Any, ClassVar

from perflab.contract import Cell, Contender
from perflab.records.evidence import Evidence as Evidence
from perflab.records.plan import Block, Plan
from perflab.records.roof import Ceilings
from perflab.records.typed import (
    FLAT,
    Date,
    Name,
    Rule,
    Seconds,
    Share,
    Text,
    Whole,
    Wrong,
    at_least,
    between,
    one_of,
    read,
)

CallSeconds = Annotated[float, between(1e-12, 1e9, "seconds")]
Number = Annotated[int, between(-1, 10**6, "a whole number")]
Group = tuple[str, str, str]  # operation, case, dtype: what a process sets up and measures together
Rounds = Annotated[tuple[CallSeconds, ...], Rule("a list of seconds", bool)]


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file that was measured, or of a derivation."""

    kind: ClassVar[str] = "source"
    operation: str
    technique: str
    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Fitness:
    """What the latest self-check on this machine said."""

    kind: ClassVar[str] = "fitness"
    state: Annotated[str, one_of("fit", "noisy", "unfit", "unknown")]
    reasons: tuple[str, ...]
    false_alarms: Whole | None = None
    contests: Whole | None = None
    when: Date | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """Kernels missing in Numba's cache were compiled before the clock started, and in how long."""

    kind: ClassVar[str] = "compiled"
    names: tuple[str, ...]
    wall_s: Seconds


@dataclass(frozen=True, slots=True)
class Judgement:
    """An implementation was checked on the inputs that were about to be timed (kind "verdict").

    `share` is its worst error as a share of what rounding allows, `where` that is, or what is wrong. Without
    a `digest` of the inputs it is checked again on resuming.
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

    @property
    def right(self) -> bool:
        """Whether it was shown to be right."""
        return self.status == "right"

    def check(self) -> None:
        """Raise Wrong for what is right without an error."""
        if self.right and self.share is None:
            raise Wrong('a number, as the status is "right"', None, ".share")


@dataclass(frozen=True, slots=True)
class Timed:
    """One contender's turn in one pass (kind "block"): its rounds, in seconds a call."""

    kind: ClassVar[str] = "block"
    contender: Contender = field(metadata=FLAT)
    direction: Name
    process: Annotated[int, between(0, 10**6, "a whole number")]
    pass_: Annotated[int, between(0, 10**6, "a whole number")] = field(metadata={"key": "pass"})
    iterations: Annotated[int, between(1, 10**12, "a whole number")]
    rounds_s: Rounds
    after: str

    @property
    def cell(self) -> Cell:
        """The cell that it was measured for."""
        return self.contender.cell(self.direction)

    @property
    def block(self) -> Block:
        """The plan's block that it was."""
        return Block(self.cell, self.process, self.pass_)

    @property
    def turn(self) -> tuple[int, int]:
        """Process and pass: what was measured in the same turn is compared."""
        return self.process, self.pass_

    @property
    def median_s(self) -> float:
        """Seconds a call."""
        return median(self.rounds_s)

    @property
    def total_s(self) -> float:
        """Seconds inside timed calls."""
        return sum(self.rounds_s) * self.iterations


@dataclass(frozen=True, slots=True)
class Prediction:
    """A cell was not run because it would have exceeded its budget; seconds by direction, where known."""

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
    """The thread pools of a measuring process, as they were."""

    kind: ClassVar[str] = "pools"
    process: Number
    threads: Whole
    pools: tuple[Mapping[str, Any], ...] = ()
    cores: tuple[Whole, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extension:
    """A further process measures on where ratios were not precise enough yet, and which cases."""

    kind: ClassVar[str] = "extension"
    process: Number
    threads: Whole
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Process:
    """A measuring process ended, and how long it took; `steal` is the share that the host took meanwhile."""

    kind: ClassVar[str] = "process"
    process: Number
    threads: Whole
    wall_s: Seconds
    started: Date | None = None
    steal: float | None = None


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """The bytes that a technique holds beyond inputs and outputs on a large case, at its worst moment."""

    kind: ClassVar[str] = "memory"
    contender: Contender = field(metadata=FLAT)
    forward: Whole
    backward: Whole


Record = (
    Source | Fitness | Ceilings | Compiled | Judgement | Timed | Prediction | Failure | Pools | Extension
    | Process | Evidence | PeakMemory
)  # fmt: skip
KINDS: Mapping[str, Any] = {
    kind.kind: kind
    for kind in (Source, Fitness, Ceilings, Compiled, Judgement, Timed, Prediction, Failure, Pools, Extension,
                 Process, Evidence, PeakMemory)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What an operation must do in one direction on a case, whoever implements it."""

    flops: Annotated[int, at_least(1, "a whole number")]
    bytes: Annotated[int, at_least(1, "a whole number")]


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it was: its sizes and parameters, how inputs were drawn, its costs by dtype and direction."""

    sizes: Mapping[Name, Whole]
    costs: Mapping[Name, Mapping[Name, Cost]]
    parameters: Mapping[Name, Any] = field(default_factory=dict)
    inputs: Name = "normal"

    @property
    def problem(self) -> dict[str, Any]:
        """What two runs must have in common for their times to be of one problem."""
        return {"sizes": self.sizes, "parameters": self.parameters, "inputs": self.inputs}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as it was: its title, what it computes, and its cases."""

    cases: Mapping[Name, Case]
    title: str
    summary: str = ""
    exact_on_integers: bool = False
    multiplies: bool = True


@dataclass(frozen=True, slots=True)
class Header:
    """A run's first line: its plan, what the plan's names meant, and the kinds that its writer knew."""

    kind: ClassVar[str] = "run"
    schema: int
    started: Date
    plan: Plan
    operations: Mapping[Name, Operation]
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise Wrong where a name of the plan is not described."""
        for op, cases in self.plan.cases.items():
            for case in cases if op in self.plan.techniques else ():
                for dtype in self.plan.dtypes:
                    known: Any = self.operations
                    path = ".operations"
                    for step, inner in ((op, "cases"), (case, "costs"), (dtype, "")):
                        path += f".{step}"
                        if step not in known:
                            raise Wrong("what the plan names", path=path)
                        known = getattr(known[step], inner) if inner else known[step]
                        path += f".{inner}" if inner else ""
                    for direction in self.plan.directions:
                        if direction not in known:
                            raise Wrong("what the plan names", path=f"{path}.{direction}")


def read_record(value: Mapping[str, Any]) -> Record:
    """A record from plain JSON, `kind` among it. Raises Wrong, also for a kind that is not known."""
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Wrong("a kind of record", kind, ".kind") if "kind" in value else Wrong("a kind", path=".kind")
    record: Record = read(KINDS[kind], value)
    return record


def check_belongs(record: Record, plan: Plan) -> None:
    """Raise Wrong where a record is of an operation, technique, case or dtype that the plan does not name."""
    if isinstance(record, (Source, Fitness, Ceilings, Compiled)):
        return
    if isinstance(record, (Pools, Extension, Process)):
        _among("threads", record.threads, plan.threads)
        return
    who = record.contender
    _among("operation", who.operation, plan.techniques)
    _among("dtype", who.dtype, plan.dtypes)
    if isinstance(record, Evidence):
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
        known = list(known)
        words = ", ".join(map(str, known[:8])) + (", …" if len(known) > 8 else "")
        raise Wrong(f"one of the plan's: {words}", value, f".{name}")
