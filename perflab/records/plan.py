"""The saved plan of a run: its cells, and its blocks in the order of measuring."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Annotated

from perflab.contract import Cell
from perflab.records.drawn import Drawn
from perflab.records.sized import Sized, labels
from perflab.records.typed import Location, Name, Rule, Seconds, Wrong, between

MOST_BLOCKS = 2_000_000  # far above the largest preset; a file that names more is damaged
HANG_S, HANG_BUDGETS = 10.0, 5.0
FILLED = Rule("a list of different values", lambda values: 0 < len(values) == len(set(values)))
Names = Annotated[tuple[Name, ...], FILLED]
Count = Annotated[int, between(1, 10_000, "a whole number")]
Group = tuple[str, str, str]  # operation, case, dtype: measured together in a process


@dataclass(frozen=True)
class Block:
    """One contender's turn in one pass: the unit that is measured, saved, and never repeated."""

    cell: Cell
    process: int
    pass_: int

    @property
    def name(self) -> str:
        """The block as a short string for pytest; `parse` reads it."""
        cell = self.cell
        where = (cell.operation, cell.technique, cell.case, cell.dtype, cell.direction)
        return "/".join([*where, f"t{cell.threads}", f"{self.process}.{self.pass_}"])

    @classmethod
    def parse(cls, text: str) -> Block:
        """The block of this name."""
        operation, technique, case, dtype, direction, threads, when = text.split("/")
        process, pass_ = when.split(".")
        cell = Cell(operation, case, dtype, int(threads[1:]), direction, technique)
        return cls(cell, int(process), int(pass_))


@dataclass(frozen=True)
class Part:
    """What one process measures: these cases, in this order, in so many passes, or the plan's if 0.

    Only these "OP/TECHNIQUE" of their contenders, or all if empty.
    """

    groups: tuple[Group, ...]
    techniques: tuple[str, ...] = ()
    passes: Annotated[int, between(0, 10_000, "a whole number")] = 0


@dataclass(frozen=True)
class Phase:
    """What is measured before the next phase begins: some techniques on some cases in some dtypes.

    Every contender gets `least` turns, and further ones, up to `most`, while a ratio of its case is less
    precise than the plan wants.
    """

    name: Name
    cases: Mapping[Name, Names]
    dtypes: Names
    techniques: Mapping[Name, Names]
    least: Count
    most: Count

    def groups(self) -> Iterator[Group]:
        """Its cases with their dtypes, in order."""
        for op, dtype in product(self.techniques, self.dtypes):
            yield from ((op, case, dtype) for case in self.cases[op])


@dataclass(frozen=True)
class Plan:
    """What a run measures. Saved as the first record, so that `--resume` is exact.

    `outside` gives the file of an "OP/TECHNIQUE" that is not built in. `homes` gives the project in whose
    process a technique is measured; the others share perflab's own. With `explain` the run also gathers
    evidence and saves the machine's ceilings. `narrowed` gives the cases of an "OP/TECHNIQUE" that is not
    measured on all. `foreign` names those of `outside` with an unknown author: each is measured in a process
    of its own, behind a guard. `sized` gives the cases of one's own sizes; `swept` names the axes, one or
    two, along which these are a sweep; `drawn` says from which seed and of which layers they were drawn.

    Without `phases`, each of `processes` processes measures everything. With them, the phases decide what
    the next process measures, and that is saved as a part of the plan when it begins. A ratio is precise
    where half its interval's width is at most `precision` of it. After `for_s` seconds the run ends, if that
    is not 0; `budget_s`, the most time for one cell, is the share of it for which the preset says so.
    Ratios are shown over `baseline`, or the next technique where that was not measured. `own` gives the
    folder of an operation that is the user's own. `skipped` says why commits of a range are not measured;
    `trees` names all files of the others' operations: where two names are equal, so is the code.
    """

    preset: Name
    techniques: Mapping[Name, Names]
    cases: Mapping[Name, Names]
    dtypes: Names
    threads: Annotated[tuple[Count, ...], FILLED]
    directions: Names
    processes: Count
    passes: Count
    block_s: Seconds
    budget_s: Seconds
    outside: Mapping[Name, Location] = field(default_factory=dict)
    homes: Mapping[Name, Name] = field(default_factory=dict)
    precision: Seconds = 0.05
    explain: bool = True
    narrowed: Mapping[Name, tuple[Name, ...]] = field(default_factory=dict)
    foreign: tuple[Name, ...] = ()
    phases: tuple[Phase, ...] = ()
    for_s: Seconds = 0.0
    baseline: Name = "naive"
    sized: Mapping[Name, tuple[Sized, ...]] = field(default_factory=dict)
    swept: tuple[Name, ...] = ()
    own: Mapping[Name, Location] = field(default_factory=dict)
    skipped: Mapping[Name, str] = field(default_factory=dict)
    trees: Mapping[Name, str] = field(default_factory=dict)
    drawn: Drawn | None = None

    def check(self) -> None:
        """Raise Wrong if the fields do not fit together."""
        if not self.techniques:
            raise Wrong("at least one operation", self.techniques, ".techniques")
        for operation in self.techniques:
            if operation not in self.cases:
                raise Wrong("the cases of each operation", path=f".cases.{operation}")
        for place, phase in enumerate(self.phases):
            for operation in phase.techniques:
                if operation not in phase.cases:
                    raise Wrong("the cases of each operation", path=f".phases[{place}].cases.{operation}")
                path = f".phases[{place}].cases.{operation}"
                if not {*phase.cases[operation]} <= {*self.cases.get(operation, ())}:
                    raise Wrong("the plan's own cases", phase.cases[operation], path)
        for operation, cases in self.sized.items():
            for place, case in enumerate(cases):
                if case.name not in self.cases.get(operation, ()):
                    raise Wrong("one of the plan's cases", case.name, f".sized.{operation}[{place}]")
                if not {*self.swept} <= {*case.sizes}:
                    raise Wrong(f"axes of {operation}", self.swept, ".swept")
        for operation, origins in self.drawn.origins.items() if self.drawn else ():
            for name in origins:
                if name not in self.cases.get(operation, ()):
                    raise Wrong("one of the plan's cases", name, f".drawn.origins.{operation}")
        if self.size > MOST_BLOCKS:
            raise Wrong(f"a plan of at most {MOST_BLOCKS:,} blocks", self.size, ".processes")

    def label(self, operation: str, case: str) -> str:
        """A case's name in tables and figures: of one's own sizes, only what differs among them."""
        return self._labels.get(operation, {}).get(case, case)

    @cached_property
    def _labels(self) -> dict[str, dict[str, str]]:
        return {operation: labels(cases) for operation, cases in self.sized.items()}

    def contenders(self, operation: str, case: str) -> tuple[str, ...]:
        """The techniques that are measured on a case, in ladder order."""
        if (operation, case) not in self._contenders:
            names = self.techniques[operation]
            chosen = tuple(n for n in names if case in self.narrowed.get(f"{operation}/{n}", (case,)))
            self._contenders[operation, case] = chosen
        return self._contenders[operation, case]

    @cached_property
    def _contenders(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {}

    def cells(self) -> Iterator[Cell]:
        """Every cell, an operation's techniques side by side."""
        for op in self.techniques:
            for group in product(self.cases[op], self.dtypes, self.threads, self.directions):
                for technique in self.contenders(op, group[0]):
                    yield Cell(op, *group, technique)

    def blocks(self, threads: int, process: int, part: Part | None = None) -> Iterator[Block]:
        """One process's blocks in the order of measuring: all of the plan's, or those of its part.

        The contenders of a case follow each other within every pass. Each pass starts with another one, and
        every second pass runs backwards, so that drift and effects of one contender on the next are balanced.
        """
        whole = ((op, case, d) for op in self.techniques for d, case in product(self.dtypes, self.cases[op]))
        passes = (part.passes if part else 0) or self.passes
        for op, case, dtype in part.groups if part else whole:
            contenders = self.contenders(op, case)
            if part and part.techniques:
                contenders = tuple(name for name in contenders if f"{op}/{name}" in part.techniques)
            if not contenders:
                continue
            for pass_, (turn, direction) in product(range(passes), enumerate(self.directions)):
                count = process * self.passes + pass_ + turn
                backwards = count % 2
                first = (count + backwards) % len(contenders)
                order = contenders[first:] + contenders[:first]
                for technique in order[::-1] if backwards else order:
                    yield Block(Cell(op, case, dtype, threads, direction, technique), process, pass_)

    @property
    def size(self) -> int:
        """The number of blocks in the plan, if every cell gets no more turns than it needs."""
        cells = sum(len(self.contenders(op, case)) for op in self.techniques for case in self.cases[op])
        per_cell = len(self.dtypes) * len(self.directions) * len(self.threads)
        return cells * per_cell * self.turns

    @property
    def turns(self) -> int:
        """How many turns a cell gets at least, if the time suffices."""
        return self.processes * self.passes

    @property
    def patience_s(self) -> float:
        """The seconds that an answer of outside code may take: much longer than a cell may."""
        return HANG_S + HANG_BUDGETS * self.budget_s

    def is_built_in(self, operation: str, technique: str) -> bool:
        """Whether a contender is one of perflab's own rungs: no peer and no outside file."""
        return technique not in self.homes and f"{operation}/{technique}" not in self.outside

    def may_be_base(self, operation: str, technique: str) -> bool:
        """Whether ratios may be shown over it: the plan's baseline, or else a rung of perflab's own."""
        return technique == self.baseline or self.is_built_in(operation, technique)

    def target(self, operation: str) -> str:
        """What names an operation in a command: its name, or the folder of one of the user's own."""
        return shlex.quote(self.own.get(operation, operation))

    def home(self, block: Block) -> str:
        """Where a block is measured: "" for perflab's own process, else a peer's name or an outside file."""
        operation, technique = block.cell.operation, block.cell.technique
        return self.homes.get(technique, "") or self.foreign_file(operation, technique)

    def foreign_file(self, operation: str, technique: str) -> str:
        """The file of a contender with an unknown author; else ""."""
        name = f"{operation}/{technique}"
        return self.outside.get(name, "") if name in self.foreign else ""
