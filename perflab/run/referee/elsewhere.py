"""A contender whose calls are made in another process: its verification, and its blocks.

In a race with code from outside every technique is one, perflab's own too, so that all are timed alike.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np

from perflab import oracle, units
from perflab.machine import family, portable
from perflab.run.contender import FAR_ROUND_S, Contender, Turn
from perflab.run.referee.contents import Contents
from perflab.run.referee.findings import Rejected
from perflab.run.referee.guest import Guest

ABOUT_S, GROWTH = 1e-3, 4  # to learn how long a short call takes
MOST_TURNS = 1 << 18  # in ABOUT_S: Python needs longer to call anything


@dataclass
class Elsewhere(Contender):
    """A contender whose calls are made by the process `guest`, which may serve several of perflab's own."""

    far: bool = True
    guest: Any = None
    column: tuple[str, str, str | None] | None = None
    repeats: bool = True
    measured: set[str] = field(default_factory=set)
    _found: str = ""
    _said: dict[str, Any] = field(default_factory=dict)

    def enter(self) -> None:
        """Give its process the stage's arrays."""
        assert self.stage.sets
        self.guest.ask("stage", self.stage.forms)

    @property
    def gone(self) -> bool:
        """Whether its process was ended: another contender's calls may have done that."""
        return bool(self.guest.closed)

    def claim(self) -> None:
        """Have its process make this contender's calls, where it serves several."""
        if self.column is not None and self.guest.serves != self.column:
            self.guest.ask("own", *self.column)
            self.guest.serves = self.column

    def _runs_without_kernels(self) -> bool:
        self.claim()
        return bool(self.guest.ask("kernels", self.stage.dtype)["none"])

    def turn(self, direction: str, block_s: float, alone: bool = False) -> Visit:
        """The next block."""
        if direction not in self.measured:
            self._measure(direction)
        rounds, iterations = self.rounds(direction, block_s)
        return self.visit(direction, 1 if alone else rounds, iterations)

    def visit(self, direction: str, rounds: int, iterations: int) -> Visit:
        """A block of so many rounds."""
        return Visit(self, direction, rounds, iterations)

    def _measure(self, direction: str) -> None:
        """Learn how long a short call takes: in the verification, a request was a large part of it."""
        self.measured.add(direction)
        if self.call_s(direction) > 2 * FAR_ROUND_S:
            return
        visit = self.visit(direction, 1, 1)
        while visit.took_s < ABOUT_S:  # never many times as many calls as were seen to be short
            visit.refill(1)
            visit.turns *= GROWTH if visit.took_s else 1
            visit.play()
            if visit.turns > MOST_TURNS:
                took = f"{visit.turns:,} took {units.seconds(visit.took_s)}"
                raise Rejected(f"it does not make the calls that it is asked for: {took}")
        self.warm_s[direction] = visit.took_s / visit.turns

    def _first_call(self) -> tuple[tuple[Any, ...], int]:
        got = self._call_both(self.first_s, "first")
        self.compile_s = self._said["compile_s"]
        return got, self._said["compiled"]

    def _call_both(self, seconds: dict[str, float], how: str = "once") -> tuple[Any, ...]:
        guest, tensors = self.guest, list[Any]()
        self._said = {"compiled": 0, "compile_s": 0.0, "calls": [], "looks": []}
        self.claim()
        for direction in ("forward", "backward"):
            guest.ask("ready", direction, 0, 1)
            guest.go()
            way_s = guest.way_s()
            began = time.perf_counter()
            said, _ = guest.at_once(how)
            took_s = time.perf_counter() - began
            seconds[direction] = max(took_s - way_s, took_s / 4)  # the way may take longer the first time
            guest.stand()
            tensors += guest.read(direction, 0)[0]
            if direction == "forward":
                guest.ask("keep")
            self._note(said)
        if how != "watched":  # on the same contents, then
            found = oracle.fingerprint([np.asarray(tensor) for tensor in tensors])
            self._found = self._found or found
            self.repeats = self.repeats and found == self._found
        return tuple(tensors)

    def _note(self, said: Mapping[str, Any]) -> None:
        """Add up what the process says of its own calls. It may lie: nothing is excused by it."""
        for name, value in said.items():
            if name in self._said:
                self._said[name] += type(self._said[name])(value)
        self.borrowed = tuple(dict.fromkeys((*self.borrowed, *map(str, self._said["calls"]))))


class Visit(Turn):
    """A block in another process: each round is one request, on contents that are new in every round.

    Short calls take turns on several sets of inputs. Before a round the process stands still while contents
    change. Those of the last round are the ones that were verified.
    """

    contender: Elsewhere

    def __init__(self, contender: Elsewhere, direction: str, rounds: int, iterations: int) -> None:
        super().__init__(contender, direction, rounds, iterations)
        self.count = min(len(contender.stage.sets), iterations)
        self.turns = math.ceil(iterations / self.count)
        self.iterations = self.count * self.turns
        self.guest: Guest = contender.guest
        self.took_s, self.taken = 0.0, 0
        self.way_s: list[float] = []

    @cached_property
    def contents(self) -> Contents:
        """What its rounds get."""
        return Contents(self.contender.stage.pristine, 0)

    def between(self) -> None:
        """Before a round: change the contents, ask once for nothing."""
        self._round += 1
        self.refill(self.count, self._round >= self.rounds, self.turns)
        self.note_compiled()

    def refill(self, ready: int, verified: bool = False, turns: int = 1) -> list[tuple[int, ...]]:
        """New contents of all sets, calls on the first `ready` ones, and the guest awake for them.

        Or the contents that were `verified`. Between so many turns they change, and are the same at the end.
        Returns how far the arrays of each set are rolled.
        """
        guest, stage = self.guest, self.contender.stage
        guest.stand()
        rolled = [self.contents.draw() for _ in range(self.count)]
        if verified:
            rolled = [(0,) * len(by) for by in rolled]
        late = self.direction == "backward" and isinstance(stage.dout, np.ndarray)
        for which, by in enumerate(rolled):  # without what forward must not see
            self.contents.fill(stage.arrays(which), by, slice(-1) if late else slice(None))
        self.contender.claim()
        if self.direction == "backward":
            guest.ask("prepare", self.count)
        if late:
            for which, by in enumerate(rolled):
                self.contents.fill(stage.arrays(which), by, slice(-1, None))
        spots = self.contents.changes(self._changing(late), turns)
        guest.ask("ready", self.direction, 0, ready, spots, turns)
        guest.go()
        self.way_s.append(guest.way_s())
        return rolled

    def _changing(self, late: bool) -> range:
        """The numbers of the arrays that may change between turns: a cache may hold copies of the others."""
        count = len(self.contender.stage.pristine)
        if self.direction == "backward":
            return range(count - late, count)
        return range(count if self.direction == "step" else count - late)

    def note_compiled(self) -> None:
        """Before the first round: how many functions the process has compiled."""
        if self._round == 1:
            self._compiled = self.guest.at_once("compiled")[0].get("count")
            self.guest.way_s()

    def play(self) -> list[Any]:
        """The timed function: one request."""
        self.took_s = self.timed(self.turns)
        return []

    def timed(self, turns: int) -> float:
        """The seconds of a request."""
        began = time.perf_counter()
        self.guest.at_once("play", turns)
        took_s = time.perf_counter() - began
        self.guest.calls += turns * self.count
        return took_s

    def check(self, held: Sequence[Any]) -> str:
        """How a result of the last round compares with what was verified. Raises Rejected."""
        self.check_compiled()
        tensors, _ = self.guest.read(self.direction, 0)
        self.contender.check_inputs()
        return self.contender.check_tensors(self.direction, tensors)

    def check_compiled(self) -> None:
        """Raise Rejected where functions were compiled since the first round began, as the process says."""
        if self.guest.ask("compiled").get("count") != self._compiled:
            raise Rejected("it compiled while it was timed")

    @contextlib.contextmanager
    def on_one_core(self, threads: int) -> Iterator[None]:
        """With one thread both processes, with all their threads, stay on one core: its caches stay warm."""
        if threads > 1:
            yield
            return
        every = family.threads(self.guest.pid)
        self.taken = portable.cores_of(every)
        before = portable.share_core(every)
        try:
            yield
        finally:
            portable.free_cores(before)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The cost of a request."""
        return {"way_s": median(self.way_s)}
