"""A cell becomes a warmed, checked callable; nothing else is timed.

A `Contender` is admitted to a stage if it computes the right output and gradients from the same inputs that
will be timed. A `Turn` is one block of it: rounds of calls, on contents that change in place between them.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from perflab import oracle
from perflab.catalog.kernels import in_ladder, may_compile
from perflab.contract import Array, Implementation, Lacking, Native, NotApplicable
from perflab.evidence.compiled import compiled_of
from perflab.machine import lacking
from perflab.records.kinds import Judgement
from perflab.run.compilation import compilations, compiles, key, numba_threads, remember, remembered
from perflab.run.referee.findings import CannotRun, Rejected, WrongNumbers
from perflab.run.referee.rounds import Call, Set, calls_on, play
from perflab.run.stage import Stage, same_bits

ROUND_S = 1e-3  # a shorter round is noise of the timer: calls are repeated within it
FAR_ROUND_S, FEWEST_ROUNDS = 5e-3, 3  # where a round is a request, whose cost is less than 1 % of it
MOST_ROUNDS = 20
FAST_CALL_S = 0.05  # a faster call is repeated before timing, to know its time without warm-up


@dataclass
class Contender:
    """An implementation on a stage, from its verification to its last block.

    `share` is the worst error as a share of its bound, at `where`; `precision` is the reference's; `digest`
    is a hash of the inputs, the output and the gradients. With `far` its rounds are as long as those of a
    contender in another process, which it is compared with. `borrowed` names what it calls of others;
    `remarks` say in what it is right by mathematics and not by perflab's own convention.
    """

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
    far: bool = False
    borrowed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def verify(self, known: Judgement | Contender | None = None) -> None:
        """Run once on the stage's inputs, compare with the reference, learn how long a call takes."""
        got, compiled = self._first_call()
        self.check_inputs()
        self.digest = f"{self.stage.fingerprint} {_digest(got)}"
        if known is not None and known.digest == self.digest:
            self.share, self.where, self.precision = known.share or 0.0, known.where, known.precision
            self.remarks = tuple(known.remarks)
        else:
            self.precision = self.reference.precision
            self._compare(self.reference, got)
        self._right = tuple(map(np.array, got))
        self.warm_s = dict(self.first_s)
        native, has_kernels = self.implementation.native, self.has_kernels
        if compiled or has_kernels or native or sum(self.first_s.values()) < FAST_CALL_S:
            self._call_both(self.warm_s)
        if native:  # libraries tune themselves, and trace again, on their second call too
            self._call_both(self.warm_s)
        self._check_kernels()
        if native and compiled and not self.compile_s:  # the library does not tell the seconds
            self.compile_s = max(sum(self.first_s.values()) - sum(self.warm_s.values()), 0.0)
        if has_kernels and compiled:
            remember(self._name, self.compile_s)
        elif has_kernels:
            self.load_s = max(sum(self.first_s.values()) - sum(self.warm_s.values()), 0.0)
        self.check_inputs()

    def _check_kernels(self) -> None:
        """Raise Rejected if a rung that Numba compiles ran without a kernel for arrays of this dtype."""
        pair, dtype = self.implementation, self.stage.dtype
        names = pair.operation, pair.technique
        if not in_ladder(pair) or not may_compile(*names) or pair.predicted:
            return  # one that chooses among rungs may call one of NumPy
        if self._runs_without_kernels():
            raise Rejected(f"none of its kernels is compiled for arrays of {dtype}")

    def _runs_without_kernels(self) -> bool:
        """Whether no function of the pair is compiled for this dtype."""
        return without_kernels(self.implementation, self.stage.dtype)

    @cached_property
    def reference(self) -> oracle.Reference:
        """The stage's reference, with the rounding bounds of this contender's arithmetic."""
        return oracle.held_to(self.stage.reference, self.implementation, self.stage.args, self.stage.dout)

    @property
    def cold_compile_s(self) -> float | None:
        """Seconds of compilation with an empty cache: in this process, or when Numba's cache was filled."""
        return self.compile_s or (remembered(numba_threads() > 1).get(self._name) or None)

    @property
    def gone(self) -> bool:
        """Whether its calls cannot be made any more."""
        return False

    @property
    def has_kernels(self) -> bool:
        """Whether a first call may compile or load a kernel."""
        return compiles(self.implementation)

    @property
    def _name(self) -> str:
        return key(self.implementation.operation, self.implementation.technique, self.stage.dtype)

    def check_other_contents(self) -> None:
        """Raise Rejected if results on other contents are wrong: needless for code whose author is known."""

    def check_inputs(self) -> None:
        """Raise Rejected, and restore the stage, if an input was written to."""
        if not self.stage.untouched():
            self.stage.fill(self.stage.pristine)
            raise WrongNumbers("it wrote to its inputs")

    def turn(self, direction: str, block_s: float, alone: bool = False) -> Turn:
        """The next block: as many rounds as fill it, or one if that is a test's."""
        rounds, iterations = self.rounds(direction, block_s)
        return Turn(self, direction, 1 if alone else rounds, iterations)

    def rounds(self, direction: str, block_s: float) -> tuple[int, int]:
        """Rounds, and calls within each, that fill a block."""
        call_s = max(self.call_s(direction), 1e-9)
        if not self.far:
            iterations = max(1, round(ROUND_S / call_s))
            return max(1, min(MOST_ROUNDS, int(block_s / (iterations * call_s)))), iterations
        iterations = math.ceil(FAR_ROUND_S / call_s)
        fewest = FEWEST_ROUNDS if iterations > 1 else 1
        return max(fewest, min(MOST_ROUNDS, int(block_s / (iterations * call_s)))), iterations

    @cached_property
    def pair(self) -> Native:
        """The timed pair: a peer's own on its own tensors, else the implementation's on the arrays."""
        given = self.implementation
        return given.native or Native(given.forward, given.backward, lambda value: value, lambda value: value)

    @cached_property
    def _args(self) -> tuple[Any, ...]:
        return tuple(map(self.pair.to_native, self.stage.args))

    @cached_property
    def _dout(self) -> Any:
        return self.pair.to_native(self.stage.dout)

    def call_s(self, direction: str) -> float:
        """Seconds of one warm call, from the verification or the last block."""
        both = self.warm_s["forward"] + self.warm_s["backward"]
        return self.warm_s.get(direction, both)

    def calls(self, direction: str) -> list[Call]:
        """The call on the verified inputs, or on a peer's own tensors."""
        inputs: list[Set] = [(self._args, self._dout)]
        return calls_on(direction, self.pair.forward, self.pair.backward, inputs, [self._cache])

    def check_after(self, direction: str, result: Any) -> str:
        """Compare the result of the last timed call with the verified one: "same bits" or "within bound".

        Raises Rejected if it is neither.
        """
        if direction == "forward":
            got = (result[0],)
        elif direction == "backward":
            got = tuple(result)
        else:
            got = (result[0], *result[1])
        return self.check_tensors(direction, tuple(map(self.pair.to_numpy, got)))

    def check_tensors(self, direction: str, got: Sequence[Any]) -> str:
        """As `check_after`, for its tensors."""
        part = part_of(direction)
        verified = self._right[part]
        if len(got) == len(verified) and all(
            same_bits(np.asarray(value, right.dtype), right)
            or np.array_equal(np.asarray(value, right.dtype), right, equal_nan=True)
            for value, right in zip(got, verified, strict=True)
        ):
            return "same bits"
        self._compare(of_part(self.reference, part), got)
        return "within bound"

    def _first_call(self) -> tuple[tuple[Any, ...], int]:
        """Out and gradients of the first call, and how many functions it compiled."""
        before = self.compiled_by_peer()
        with compilations() as compiled:
            got = self._call_both(self.first_s)
        self.compile_s = compiled.seconds
        return got, compiled.count or self.compiled_by_peer() - before

    def compiled_by_peer(self) -> int:
        """How often a peer's library has compiled in this process, as far as it tells."""
        native = self.implementation.native
        return native.compilations() if native and native.compilations else 0

    def _call_both(self, seconds: dict[str, float]) -> tuple[Any, ...]:
        """Out and gradients, with the seconds of both calls."""
        clock = time.perf_counter
        try:
            self._args, self._dout  # noqa: B018 - converted before the clock starts
            began = clock()
            out, self._cache = self.pair.forward(*self._args)
            between = clock()
            grads = self.pair.backward(self._dout, self._cache)
            seconds.update(forward=between - began, backward=clock() - between)
        except (NotApplicable, Lacking):
            raise
        except (Exception, SystemExit) as error:
            rejected = CannotRun if isinstance(error, Exception) else Rejected
            raise rejected(f"it raised {lacking.told(error)}") from error
        if not isinstance(grads, tuple):
            raise WrongNumbers(f"backward returned a {type(grads).__name__}; wanted a tuple of gradients")
        return tuple(map(self.pair.to_numpy, (out, *grads)))

    def remark(self, reference: oracle.Reference, tensor: str, got: Array, inputs: Set) -> str:
        """Why a tensor above its bound is right all the same: of perflab's own code none is."""
        return ""

    def _compare(self, reference: oracle.Reference, got: Sequence[Any], inputs: Set | None = None) -> None:
        """Raise Rejected for a wrong form or an error above its rounding bound; keep the worst error.

        `inputs` are what it was computed from, by default the stage's own.
        """
        if wrong_form := oracle.form(reference, got):
            raise WrongNumbers(wrong_form)
        named = zip(reference.names, reference.values, strict=True)
        thin = [name for name, v in named if v.size and oracle.weight(v) < oracle.THIN]
        if thin:
            raise Rejected(f"{', '.join(thin)} is all but zero on these inputs")
        for worst in oracle.judge(reference, got):
            if worst.share > 1:
                tensor = np.asarray(got[reference.names.index(worst.tensor)])
                inputs = inputs or (self.stage.args, self.stage.dout)
                remark = self.remark(reference, worst.tensor, tensor, inputs)
                if not remark:
                    times = f"{worst.share:.3g} times its rounding bound"
                    raise WrongNumbers(f"{worst.where} = {worst.got}, wanted {worst.wanted} ({times})")
                self.remarks = oracle.merged((*self.remarks, remark))
            elif worst.share >= self.share:
                self.share, self.where = worst.share, worst.where


class Turn:
    """A block: what is called before each round and is not timed, and what is timed.

    `iterations` are the calls of a round, `turns` those on each of its `count` sets of inputs.
    """

    def __init__(self, contender: Contender, direction: str, rounds: int, iterations: int) -> None:
        self.contender, self.direction, self.rounds = contender, direction, rounds
        self.turns = self.iterations = iterations
        self.count = 1
        self._round = 0

    def between(self) -> None:
        """Before a round: nothing, but for the first one."""
        self._round += 1
        if self._round == 1:
            self._calls = self.contender.calls(self.direction)

    def on_one_core(self, threads: int) -> contextlib.AbstractContextManager[None]:
        """What the block runs in: where this process makes the calls, the system chooses the core."""
        return contextlib.nullcontext()

    def play(self) -> list[Any]:
        """The timed function: it takes no arguments and does no set-up."""
        return play(self._calls, self.turns)

    def check(self, held: Sequence[Any]) -> str:
        """How the results of the last round compare with what was verified. Raises Rejected."""
        self.contender.check_inputs()
        return self.contender.check_after(self.direction, held[0])

    @property
    def fields(self) -> Mapping[str, Any]:
        """What the record of the block says of it further."""
        return {}


def without_kernels(pair: Any, dtype: str) -> bool:
    """Whether no function of a pair is compiled for arrays of this dtype."""
    functions = (pair.forward, pair.backward)
    return all(each.objectmode for function in functions for each in compiled_of(function, dtype))


def part_of(direction: str) -> slice:
    """Which of out and gradients a direction gives."""
    return {"forward": slice(0, 1), "backward": slice(1, None)}.get(direction, slice(None))


def of_part(reference: oracle.Reference, part: slice) -> oracle.Reference:
    """The reference of some of the tensors."""
    names, values, bounds = reference.names[part], reference.values[part], reference.bounds[part]
    return replace(reference, names=names, values=values, bounds=bounds)


def _digest(got: Sequence[Any]) -> str:
    """A hash of results, with their types, dtypes and shapes."""
    arrays = [np.asarray(value) for value in got]
    form = " ".join(f"{type(value).__name__}{a.dtype}{a.shape}" for value, a in zip(got, arrays, strict=True))
    return oracle.fingerprint([np.frombuffer(form.encode(), np.uint8), *arrays])
