"""A contender with an unknown author: what is checked of it beside its time, and which results are judged."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from perflab import oracle
from perflab.contract import Array, NotApplicable
from perflab.machine import family
from perflab.run.contender import of_part, part_of
from perflab.run.referee.contents import Contents, secret
from perflab.run.referee.elsewhere import Elsewhere, Visit
from perflab.run.referee.findings import Rejected, Shown, WrongNumbers
from perflab.run.referee.rounds import Set
from perflab.run.stage import same_bits

KEPT = -1  # the result that was read last
MOST_PAIRS, PAIRS_S = 6, 3e-3  # after a round, calls on contents that were seen: about so long
LONG_S = 0.1  # a longer call is not made again for that: each is on new contents
JUDGED = 2  # results of a block, chosen after they were computed: both where judging one takes less than
JUDGE_S = 0.2
IDLE_S = 5e-4  # how long nothing is asked, to see what it does then


@dataclass
class Outsider(Elsewhere):
    """A contender in a process of its own. `shown` is what its rounds show beside their time."""

    pool_seed: int = field(default_factory=secret)
    shown: dict[str, Shown] = field(default_factory=dict)
    threads: int = 1

    @cached_property
    def pool(self) -> list[Array]:
        """Contents of the same form as the stage's, from a secret seed."""
        drawn = self.stage.drawn(replace(self.stage.case, seed=self.pool_seed))
        return [value for value in drawn if isinstance(value, np.ndarray)]

    @property
    def has_kernels(self) -> bool:
        """Whether a first call may compile or load a kernel, as its process says."""
        return bool(self.guest.kernels)

    def check_other_contents(self) -> None:
        """Raise Rejected if the result for contents from a secret seed is wrong. Learns what it calls."""
        contents = Contents(self.pool, secret())
        rolled = contents.draw()
        contents.fill(self.stage.arrays(), rolled)
        try:
            got = self._call_both({}, "watched")
            self.judge("step", contents.arrays(rolled), got)
        except Rejected as why:
            raise type(why)(f"on the same arrays with other contents: {why.why}") from None
        finally:
            self.stage.fill(self.stage.pristine)
        if looks := self._said["looks"]:
            raise Rejected(str(looks[0]))

    def judge(self, direction: str, contents: Sequence[Array], got: Sequence[Any]) -> None:
        """Compare results with the reference for these contents. Raises Rejected."""
        arrays, values = iter(contents), (*self.stage.args, self.stage.dout)
        *args, dout = (next(arrays) if isinstance(v, np.ndarray) else v for v in values)
        right = oracle.reference(self.stage.operation, args, dout, self.stage.dtype, math.inf)
        self._compare(of_part(right, part_of(direction)), got, (tuple(args), dout))

    def remark(self, reference: oracle.Reference, tensor: str, got: Array, inputs: Set) -> str:
        """Why a tensor above its bound is right by mathematics; empty where it is wrong."""
        stage, (args, dout) = self.stage, inputs
        return oracle.remark(stage.operation, stage.case, reference, tensor, got, args, dout)

    def _compare(self, reference: oracle.Reference, got: Sequence[Any], inputs: Set | None = None) -> None:
        """As a contender of a known author's; raise NotApplicable for float64 from float32."""
        if any(oracle.is_wider(np.asarray(value).dtype, reference.dtype) for value in got if np.ndim(value)):
            raise NotApplicable(f"{oracle.WIDER}: timed in float64 alone")
        super()._compare(reference, got, inputs)

    def visit(self, direction: str, rounds: int, iterations: int) -> Judged:
        """A block of so many rounds."""
        return Judged(self, direction, rounds, iterations)


class Judged(Visit):
    """A block of an outsider. After a round some results are read, and all its contents are secret.

    Which of the results are judged is decided when all are computed.
    """

    contender: Outsider

    def __init__(self, contender: Outsider, direction: str, rounds: int, iterations: int) -> None:
        super().__init__(contender, direction, rounds, iterations)
        self.shown = contender.shown.setdefault(direction, Shown(contender.threads))
        self._used_s, self._bytes, self._calls_then = 0.0, 0, 0
        self._chosen: list[tuple[tuple[int, ...], list[Any]]] = []
        self._rolled: list[tuple[int, ...]] = []
        self._earlier: list[Any] = []

    @cached_property
    def contents(self) -> Contents:
        """What its rounds get, from a seed that only this process knows before the block has ended."""
        return Contents(self.contender.pool, secret())

    def between(self) -> None:
        """Before a round: look at the last one, change the contents, ask once for nothing."""
        if self._round:
            self._after()
        self._round += 1
        self._rolled = self.refill(self.count, turns=self.turns)
        self.note_compiled()
        self._used_s = family.processor_s(self.guest.pid)

    def check(self, held: Sequence[Any]) -> str:
        """Judge what was computed in the timed calls. Raises Rejected."""
        self.check_compiled()
        self._after()
        until = time.monotonic() + JUDGE_S
        for rolled, got in random.SystemRandom().sample(self._chosen, len(self._chosen)):
            self.contender.judge(self.direction, self.contents.arrays(rolled), got)
            if time.monotonic() > until:
                break
        self.contender.stage.fill(self.contender.stage.pristine)
        if finding := self.shown.finding(self.direction):
            raise Rejected(finding)
        return "same bits" if self.contender.repeats else "within bound"

    @property
    def fields(self) -> Mapping[str, Any]:
        """The cost of a request, and the secret seeds."""
        return {**super().fields, "seeds": (self.contender.pool_seed, self.contents.seed)}

    def _after(self) -> None:
        """After a round: what it used, a result of it, and calls on contents that were seen before."""
        guest, shown = self.guest, self.shown
        used_s = family.processor_s(guest.pid) - self._used_s
        guest.stand()
        shown.left = guest.left().finding(guest.left_at_first)
        shown.taken = max(shown.taken, self.taken, guest.cores())
        shown.cores.append(used_s / self.took_s)
        now = family.resident_bytes(guest.pid)
        if self._bytes:
            shown.note_growth(now - self._bytes, guest.calls - self._calls_then)
        self._read()
        turn_s = self.count * self.took_s / self.iterations
        if self.iterations > 1:
            for pair in range(max(1, min(MOST_PAIRS, math.ceil(PAIRS_S / turn_s)))):
                self._compare_with_seen(pair == 0)
        elif turn_s < LONG_S:
            guest.go()
            self._used("play", 1)
            for _ in range(2):
                rolled = self.refill(1)
                new_s = self._used("play", 1)
                self._write_again(rolled)
                shown.note_seen(new_s, self._used("play", 1))
            self.refill(1)
            shown.idle_s.append(self._idle_s())
        self._bytes, self._calls_then = family.resident_bytes(guest.pid), guest.calls

    def _read(self) -> None:
        """Read a result twice, and keep it to be judged with a chance that is the same for all."""
        choose = random.SystemRandom().randrange
        which = choose(self.count)
        wanted = self.contents.arrays(self._rolled[which])
        if not all(map(same_bits, self.contender.stage.arrays(which), wanted)):
            raise WrongNumbers("it wrote to its inputs")
        first, first_s = self.guest.read(self.direction, which)
        second, second_s = self.guest.read(self.direction, which)
        self.shown.read_s.append((first_s, second_s))
        if not _same(first, second):
            raise Rejected("its results change after it has returned them")
        if self._earlier and not _same(self._earlier, self.guest.read(self.direction, KEPT)[0]):
            raise Rejected("a later call changed what an earlier one had returned")
        self._earlier = first
        self.guest.ask("retain", which)
        place = len(self._chosen) if self._round <= JUDGED else choose(self._round)
        if place < JUDGED:
            self._chosen[place : place + 1] = [(self._rolled[which], first)]

    def _compare_with_seen(self, first: bool) -> None:
        """The processor time of calls on new contents, and of the same calls again.

        Calls on half of the sets come before, so that caches are warm. The first time of a round: also that
        of calls on the public contents, and of a while in which nothing is asked, though new ones are there.
        """
        half, stage = self.count // 2, self.contender.stage
        if first:  # reading the results has used memory: calls before the others find it as these do
            self.refill(half)
            self._of_rest(half)
        rolled = self.refill(half)
        self.timed(1)
        new_s = self._of_rest(half)
        self._write_again(rolled, half)
        self.shown.note_seen(new_s, self._of_rest(half))
        if first:
            for which in range(half, self.count):
                stage.fill(stage.pristine, which)
            self.shown.note_known(new_s, self._of_rest(half))
            self.refill(half)
            self.shown.idle_s.append(self._idle_s())

    def _write_again(self, rolled: Sequence[tuple[int, ...]], first: int = 0) -> None:
        """Write the contents of the sets from `first` on once more: caches are then as for new ones."""
        self.guest.stand()
        for which in range(first, self.count):
            self.contents.fill(self.contender.stage.arrays(which), rolled[which])
        self.guest.go()

    def _of_rest(self, half: int) -> float:
        """The processor time of calls on the other half of the sets, whose inputs were just read."""
        self.guest.at_once("ready", self.direction, half, self.count)
        self.guest.at_once("touch", half, self.count)
        empty_s = self._used("nothing")
        return self._used("play", 1) - empty_s

    def _idle_s(self) -> float:
        """The processor time of a while in which the process is awake and nothing is asked of it.

        All of the while where a thread of it waits for a core at its end: others may hold the core.
        """
        before_s = family.processor_s(self.guest.pid)
        time.sleep(IDLE_S)
        if family.busy(self.guest.pid):
            return IDLE_S
        return family.processor_s(self.guest.pid) - before_s

    def _used(self, kind: str, *request: Any) -> float:
        """The processor time of a request."""
        before_s = family.processor_s(self.guest.pid)
        self.guest.at_once(kind, *request)
        self.guest.calls += len(request) * self.count
        return family.processor_s(self.guest.pid) - before_s


def _same(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Whether two readings of a result are bit for bit the same."""
    return all(map(same_bits, map(np.asarray, first), map(np.asarray, second)))
