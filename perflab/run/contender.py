"""A cell becomes a warmed, checked callable; nothing else is ever handed to the clock.

A `Stage` holds one case's inputs in one dtype while its contenders take turns on it. A `Contender` gets
onto the stage by computing the right output and gradients from the very inputs that will be timed.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from perflab import oracle
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.contract import Array, Case, Cost, Implementation, Native, NotApplicable, Operation
from perflab.errors import reason
from perflab.run.compilation import compilations, compiles, key, remember, remembered

ROUND_S = 1e-3  # a shorter round is noise of the timer: calls are repeated within it
MOST_ROUNDS = 8
UNKNOWN_SEED = 1000 + int.from_bytes(os.urandom(3), "big")  # nobody can have written its answers down
LOOKED_UP = 4.0  # times as long on new contents as on old ones: no processor's memory of data does that
LOOK_S = 0.3  # about what finding that out may take
FAST_CALL_S = 0.05  # below this a second call is made before timing, to know a call without its warm-up


class Rejected(Exception):
    """A contender may not be timed, or its time may not be shown; the message says why."""


@dataclass
class Stage:
    """One case in one dtype: its inputs, what is right for them, and who takes turns on it."""

    operation: Operation
    case: Case
    dtype: str
    contenders: dict[str, Contender] = field(default_factory=dict)

    @cached_property
    def args(self) -> tuple[Any, ...]:
        """The inputs, in the order of the operation's arguments."""
        return tuple(inputs.make(self.operation, self.case, self.dtype).values())

    @cached_property
    def dout(self) -> Any:
        """The upstream gradient: random, never ones."""
        return inputs.upstream(self.operation, self.case, self.dtype)

    @cached_property
    def pristine(self) -> list[Array]:
        """Copies of every array, to heal the stage with after a contender wrote to one."""
        return [held.copy() for held in self.arrays()]

    def keep(self) -> None:
        """Take the inputs' hash and copies, before anyone has had the inputs in hand."""
        assert self.fingerprint
        assert self.pristine

    def heal(self) -> None:
        """Put every array back, in place, to what it was."""
        self.take(self.pristine)

    def take(self, contents: Sequence[Array]) -> None:
        """Give every array other contents, in place."""
        for held, other in zip(self.arrays(), contents, strict=True):
            np.copyto(held, other)

    def arrays(self) -> list[Array]:
        """The inputs and the upstream gradient, those of them that are arrays."""
        return [held for held in (*self.args, self.dout) if isinstance(held, np.ndarray)]

    @cached_property
    def fingerprint(self) -> str:
        """The hash of all inputs as they were made."""
        return oracle.fingerprint([*self.args, self.dout])

    @cached_property
    def costs(self) -> Mapping[str, Cost]:
        """What the operation costs here, per direction."""
        return costs(self.operation, self.case, self.dtype)

    @cached_property
    def reference(self) -> oracle.Reference:
        """What is right here, itself held to the definition along a random direction."""
        self.keep()
        right = oracle.reference(
            self.operation, self.args, self.dout, self.dtype, self.costs["forward"].flops
        )
        if oracle.differentiable(self.operation, self.case):
            share, _ = oracle.along_a_direction(self.operation, self.args, self.dout, right)
            if not share <= 1:
                raise AssertionError(f"{self.operation.name}: its gradient is not its definition's: {share}")
        return right

    def admit(self, implementation: Implementation, known: Verified | None = None) -> Contender:
        """Verify an implementation on these inputs. Raises Rejected where it is not shown to be right.

        `known` is what an earlier process verified of it here: the same bits from the same inputs are right
        again, and the reference need not be computed anew.
        """
        contender = Contender(self, implementation)
        contender.verify(known)
        self.contenders[implementation.technique] = contender
        return contender

    def untouched(self) -> bool:
        """Whether the inputs are still, bit for bit, what was verified."""
        return oracle.fingerprint([*self.args, self.dout]) == self.fingerprint


@dataclass(frozen=True)
class Verified:
    """What a verification found: the worst error as a share of its bound, and the bits it was found in.

    `digest` is a hash of the inputs, the output and the gradients; `precision` is the reference's.
    """

    share: float
    where: str
    precision: str
    digest: str


@dataclass
class Contender:
    """An implementation on a stage, from its verification to the last of its blocks."""

    stage: Stage
    implementation: Implementation
    share: float = 0.0
    where: str = ""
    precision: str = ""
    digest: str = ""
    compile_s: float = 0.0
    load_s: float = 0.0
    first_s: dict[str, float] = field(default_factory=dict)
    warm_s: dict[str, float] = field(default_factory=dict)
    _right: tuple[Array, ...] = ()
    _cache: Any = None

    def verify(self, known: Verified | None = None) -> None:
        """Run once on the stage's inputs, hold the result to the reference, learn how long a call takes."""
        self.stage.keep()
        with compilations() as compiled:
            got = self._call_both(self.first_s)
        self.compile_s = compiled.seconds
        self.hold_off_inputs()
        self.digest = f"{self.stage.fingerprint} {_digest(got)}"
        if known is not None and known.digest == self.digest:
            self.share, self.where, self.precision = known.share, known.where, known.precision
        else:
            self.precision = self.reference.precision
            self._hold(self.reference, got)
        self._right = tuple(np.array(mine) for mine in got)
        self.warm_s = dict(self.first_s)
        compiled_here = compiled.count > 0
        slow_start = compiled_here or compiles(self.implementation) or self.implementation.native
        if slow_start or sum(self.first_s.values()) < FAST_CALL_S:
            self._call_both(self.warm_s)
        if self.implementation.native:  # libraries tune themselves, and trace anew, on their second call too
            self._call_both(self.warm_s)
        if compiles(self.implementation):
            if compiled_here:
                remember(self._name, compiled.seconds)
            else:
                self.load_s = max(sum(self.first_s.values()) - sum(self.warm_s.values()), 0.0)
        self.hold_off_inputs()

    @cached_property
    def reference(self) -> oracle.Reference:
        """What is right on the stage, within the bound of this contender's arithmetic."""
        return oracle.held_to(self.stage.reference, self.implementation, self.stage.args, self.stage.dout)

    @property
    def cold_compile_s(self) -> float | None:
        """Seconds of compilation from nothing: in this process, or when Numba's cache was filled."""
        return self.compile_s or (remembered().get(self._name) or None)

    @property
    def _name(self) -> str:
        return key(self.implementation.operation, self.implementation.technique, self.stage.dtype)

    def hold_to_other_contents(self, known: bool = False) -> None:
        """Raise Rejected where the same arrays with other contents do not get another, right answer.

        Further, where a call on new contents takes many times as long as a call on the same ones again: an
        answer that is looked up is not timed. Both write the arrays anew first. Where an earlier process is
        `known` to have seen right answers, the time alone is looked at.
        """
        if known:
            self._hold_to_the_time_of_new_contents()
            self.stage.heal()
            self._call_both({})
            return
        other = Stage(self.stage.operation, replace(self.stage.case, seed=UNKNOWN_SEED), self.stage.dtype)
        try:
            self.stage.take(other.arrays())
            reference = oracle.held_to(other.reference, self.implementation, other.args, other.dout)
            self._dout = other.dout
            try:
                self._hold(reference, self._call_both({}))
            except Rejected as why:
                raise Rejected(f"on the same arrays with other contents: {why}") from None
            self._hold_to_the_time_of_new_contents()
        finally:
            self._dout = self.stage.dout
            self.stage.heal()
        self._call_both({})

    def _hold_to_the_time_of_new_contents(self) -> None:
        least = {"forward": math.inf, "backward": math.inf}
        turns = max(2, min(5, int(LOOK_S / max(sum(self.warm_s.values()), 1e-6))))
        clock = time.perf_counter
        for turn in range(1, turns + 1):
            rolled = [np.roll(held, 7 * turn) for held in self.stage.pristine]
            seconds = []
            cache: Any = None
            for again in (False, True):
                self.stage.take(rolled)
                began = clock()
                _, made = self._pair.forward(*self._args)
                between = clock()
                cache = cache if again else made
                resumed = clock()
                self._pair.backward(self._dout, cache)
                seconds.append((between - began, clock() - resumed))
            for way, new, same in zip(least, *seconds, strict=True):
                least[way] = min(least[way], new / max(same, 1e-9))
        for way, times in least.items():
            if times > LOOKED_UP:
                raise Rejected(
                    f"it looks answers up: {way} on new contents takes {times:.0f} times as long as on the"
                    " same ones again"
                )

    def hold_off_inputs(self) -> None:
        """Raise Rejected, and heal the stage, where an input was written to."""
        if not self.stage.untouched():
            self.stage.heal()
            raise Rejected("it wrote to its inputs")

    def callable(self, direction: str) -> Callable[[], Any]:
        """What is timed: no arguments to build, no set-up inside."""
        forward, backward = self._pair.forward, self._pair.backward
        args, dout = self._args, self._dout
        if direction == "forward":
            return partial(forward, *args)
        if direction == "backward":
            return partial(backward, dout, self._cache)

        def step() -> Any:
            out, cache = forward(*args)
            return out, backward(dout, cache)

        return step

    def rounds(self, direction: str, block_s: float) -> tuple[int, int]:
        """Rounds, and calls within each, that fill a block."""
        call_s = max(self.call_s(direction), 1e-9)
        iterations = max(1, round(ROUND_S / call_s))
        return max(1, min(MOST_ROUNDS, int(block_s / (iterations * call_s)))), iterations

    @property
    def _pair(self) -> Implementation | Native:
        """What is timed: a peer's own pair on its own tensors, everyone else's as it stands."""
        return self.implementation.native or self.implementation

    @cached_property
    def _args(self) -> tuple[Any, ...]:
        native = self.implementation.native
        return tuple(map(native.to_native, self.stage.args)) if native else self.stage.args

    @cached_property
    def _dout(self) -> Any:
        native = self.implementation.native
        return native.to_native(self.stage.dout) if native else self.stage.dout

    def _numpy(self, values: Sequence[Any]) -> tuple[Any, ...]:
        native = self.implementation.native
        return tuple(map(native.to_numpy, values)) if native else tuple(values)

    def call_s(self, direction: str) -> float:
        """Seconds of one warm call, as the verification or the last block saw it."""
        if direction in self.warm_s:
            return self.warm_s[direction]
        return self.warm_s["forward"] + self.warm_s["backward"]

    def learn(self, direction: str, call_s: float) -> None:
        """Take a block's seconds a call as what the next block of this direction will need."""
        self.warm_s[direction] = call_s

    def check_after(self, direction: str, result: Any) -> str:
        """Hold what the last timed call returned to what was verified: "same bits" or "within bound".

        Raises Rejected where it is neither.
        """
        verified = self._right
        if direction == "forward":
            got, positions = (result[0],), [0]
        elif direction == "backward":
            got, positions = tuple(result), list(range(1, len(verified)))
        else:
            got, positions = (result[0], *result[1]), list(range(len(verified)))
        got = self._numpy(got)
        if len(got) == len(positions) and all(
            np.array_equal(np.asarray(mine, verified[at].dtype), verified[at], equal_nan=True)
            for mine, at in zip(got, positions, strict=True)
        ):
            return "same bits"
        reference = self.reference
        part = oracle.Reference(
            tuple(reference.names[at] for at in positions),
            tuple(reference.values[at] for at in positions),
            tuple(reference.bounds[at] for at in positions),
            reference.precision,
            reference.dtype,
        )
        self._hold(part, got)
        return "within bound"

    def _call_both(self, seconds: dict[str, float]) -> tuple[Any, ...]:
        clock = time.perf_counter
        try:
            self._args, self._dout  # noqa: B018 - made before the clock starts
            began = clock()
            out, self._cache = self._pair.forward(*self._args)
            between = clock()
            grads = self._pair.backward(self._dout, self._cache)
            seconds.update(forward=between - began, backward=clock() - between)
        except NotApplicable:
            raise
        except (Exception, SystemExit) as error:
            raise Rejected(f"it raised {reason(error)}") from error
        if not isinstance(grads, tuple):
            raise Rejected(f"backward returned a {type(grads).__name__}; wanted a tuple of gradients")
        return self._numpy((out, *grads))

    def _hold(self, right: oracle.Reference, got: Sequence[Any]) -> None:
        wrong = oracle.form(right, got)
        if wrong:
            raise Rejected(wrong)
        thin = [
            name
            for name, value in zip(right.names, right.values, strict=True)
            if value.size and np.count_nonzero(value) < oracle.THIN * value.size
        ]
        if thin:
            raise Rejected(f"not trusted: {', '.join(thin)} is all but zero on these inputs")
        for worst in oracle.judge(right, got):
            if worst.share > 1:
                raise Rejected(
                    f"wrong: {worst.where} = {worst.got}, wanted {worst.wanted}"
                    f" ({worst.share:.3g} times its rounding bound)"
                )
            if worst.share >= self.share:
                self.share, self.where = worst.share, worst.where


def _digest(got: Sequence[Any]) -> str:
    """A hash of results, their shapes and dtypes among it."""
    arrays = [np.asarray(held) for held in got]
    form = " ".join(f"{type(held).__name__}{a.dtype}{a.shape}" for held, a in zip(got, arrays, strict=True))
    return oracle.fingerprint([np.frombuffer(form.encode(), np.uint8), *arrays])
