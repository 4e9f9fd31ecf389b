"""A cell becomes a warmed, checked callable; nothing else is timed.

A `Stage` holds one case's inputs in one dtype while its contenders take turns on it. A `Contender` is
admitted if it computes the right output and gradients from the same inputs that will be timed.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import starmap
from typing import Any

import numpy as np

from perflab import oracle
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.catalog.find import source_file
from perflab.catalog.kernels import may_compile
from perflab.contract import Array, Case, Cost, Implementation, Lacking, Native, NotApplicable, Operation
from perflab.evidence.compiled import compiled_of
from perflab.machine import lacking
from perflab.records.kinds import Judgement
from perflab.run.compilation import compilations, compiles, key, numba_threads, remember, remembered
from perflab.run.contest import CannotRun, Rejected, WrongNumbers

ROUND_S = 1e-3  # a shorter round is noise of the timer: calls are repeated within it
MOST_ROUNDS = 20
UNKNOWN_SEED = 1000 + int.from_bytes(os.urandom(3), "big")  # random, so that no file can contain its answers
LOOKED_UP = 4.0  # times as long on new contents as on old ones: more than any cache effect
LOOK_S = 0.3  # about the time that this test may take
FAST_CALL_S = 0.05  # a faster call is repeated before timing, to know its time without warm-up


@dataclass
class Stage:
    """One case in one dtype: its inputs, their reference, and its contenders."""

    operation: Operation
    case: Case
    dtype: str
    contenders: dict[str, Contender] = field(default_factory=dict)

    @property
    def group(self) -> tuple[str, str, str]:
        """Operation, case and dtype."""
        return self.operation.name, self.case.name, self.dtype

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
        """Copies of every array, to restore the stage after a contender wrote to one."""
        return [array.copy() for array in self.arrays()]

    def save(self) -> None:
        """Make the hash and the copies of the inputs before a contender gets them."""
        assert self.fingerprint
        assert self.pristine

    def fill(self, contents: Sequence[Array]) -> None:
        """Give every array other contents, in place."""
        for array, other in zip(self.arrays(), contents, strict=True):
            np.copyto(array, other)

    def arrays(self) -> list[Array]:
        """The arrays among the inputs and the upstream gradient."""
        return [value for value in (*self.args, self.dout) if isinstance(value, np.ndarray)]

    @cached_property
    def fingerprint(self) -> str:
        """The hash of all inputs as they were drawn."""
        return oracle.fingerprint([*self.args, self.dout])

    @cached_property
    def costs(self) -> Mapping[str, Cost]:
        """The operation's costs here, per direction."""
        return costs(self.operation, self.case, self.dtype)

    @cached_property
    def reference(self) -> oracle.Reference:
        """The reference, itself compared with the definition along a random direction."""
        self.save()
        flops = self.costs["forward"].flops
        reference = oracle.reference(self.operation, self.args, self.dout, self.dtype, flops)
        if oracle.differentiable(self.operation, self.case):
            share, _ = oracle.along_a_direction(self.operation, self.args, self.dout, reference)
            if not share <= 1:
                raise AssertionError(f"{self.operation.name}: its gradient is not its definition's: {share}")
        return reference

    def admit(self, implementation: Implementation, known: Judgement | Contender | None = None) -> Contender:
        """Verify an implementation on these inputs. Raises Rejected if it is not shown to be right.

        `known` is an earlier verification here: the same bits from the same inputs are right again, without
        a new reference.
        """
        contender = Contender(self, implementation)
        contender.verify(known)
        self.contenders[implementation.technique] = contender
        return contender

    def untouched(self) -> bool:
        """Whether the inputs are still bit for bit the verified ones."""
        return all(starmap(same_bits, zip(self.arrays(), self.pristine, strict=True)))


@dataclass
class Contender:
    """An implementation on a stage, from its verification to its last block.

    `share` is the worst error as a share of its bound, at `where`; `precision` is the reference's; `digest`
    is a hash of the inputs, the output and the gradients.
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

    def verify(self, known: Judgement | Contender | None = None) -> None:
        """Run once on the stage's inputs, compare with the reference, learn how long a call takes."""
        self.stage.save()
        with compilations() as compiled:
            got = self._call_both(self.first_s)
        self.compile_s = compiled.seconds
        self.check_inputs()
        self.digest = f"{self.stage.fingerprint} {_digest(got)}"
        if known is not None and known.digest == self.digest:
            self.share, self.where, self.precision = known.share or 0.0, known.where, known.precision
        else:
            self.precision = self.reference.precision
            self._compare(self.reference, got)
        self._right = tuple(map(np.array, got))
        self.warm_s = dict(self.first_s)
        native, has_kernels = self.implementation.native, compiles(self.implementation)
        if compiled.count or has_kernels or native or sum(self.first_s.values()) < FAST_CALL_S:
            self._call_both(self.warm_s)
        if native:  # libraries tune themselves, and trace again, on their second call too
            self._call_both(self.warm_s)
        self._check_kernels()
        if has_kernels and compiled.count:
            remember(self._name, compiled.seconds)
        elif has_kernels:
            self.load_s = max(sum(self.first_s.values()) - sum(self.warm_s.values()), 0.0)
        self.check_inputs()

    def _check_kernels(self) -> None:
        """Raise Rejected if a rung that Numba compiles ran without a kernel for arrays of this dtype."""
        pair, dtype = self.implementation, self.stage.dtype
        names = pair.operation, pair.technique
        if pair.source != str(source_file(*names)) or not may_compile(*names):
            return
        overloads = [
            each for function in (pair.forward, pair.backward) for each in compiled_of(function, dtype)
        ]
        if all(overload.objectmode for overload in overloads):
            raise Rejected(f"none of its kernels is compiled for arrays of {dtype}")

    @cached_property
    def reference(self) -> oracle.Reference:
        """The stage's reference, with the rounding bounds of this contender's arithmetic."""
        return oracle.held_to(self.stage.reference, self.implementation, self.stage.args, self.stage.dout)

    @property
    def cold_compile_s(self) -> float | None:
        """Seconds of compilation with an empty cache: in this process, or when Numba's cache was filled."""
        return self.compile_s or (remembered(numba_threads() > 1).get(self._name) or None)

    @property
    def _name(self) -> str:
        return key(self.implementation.operation, self.implementation.technique, self.stage.dtype)

    def check_other_contents(self, known: bool = False) -> None:
        """Raise Rejected if the result for other contents of the same arrays is wrong, or looked up.

        A result is looked up if a call on new contents takes many times as long as a call on the same ones
        again; the arrays are written before both calls. If an earlier verification is `known`, only the
        times are compared.
        """
        try:
            if not known:
                self._check_results_of_new_contents()
            self._check_time_of_new_contents()
        finally:
            self._dout = self.stage.dout
            self.stage.fill(self.stage.pristine)
        self._call_both({})

    def _check_results_of_new_contents(self) -> None:
        other = Stage(self.stage.operation, replace(self.stage.case, seed=UNKNOWN_SEED), self.stage.dtype)
        self.stage.fill(other.arrays())
        reference = oracle.held_to(other.reference, self.implementation, other.args, other.dout)
        self._dout = other.dout
        try:
            self._compare(reference, self._call_both({}))
        except Rejected as why:
            raise type(why)(f"on the same arrays with other contents: {why.why}") from None

    def _check_time_of_new_contents(self) -> None:
        least = {"forward": math.inf, "backward": math.inf}
        turns = max(2, min(5, int(LOOK_S / max(sum(self.warm_s.values()), 1e-6))))
        for turn in range(1, turns + 1):
            rolled = [np.roll(array, 7 * turn) for array in self.stage.pristine]
            new: dict[str, float] = {}
            same: dict[str, float] = {}
            self.stage.fill(rolled)
            self._call_both(new)
            self.stage.fill(rolled)
            self._call_both(same, self._cache)
            for direction in least:
                least[direction] = min(least[direction], new[direction] / max(same[direction], 1e-9))
        for direction, times in least.items():
            if times > LOOKED_UP:
                as_long = f"{times:.0f} times as long as on the same ones again"
                raise Rejected(f"it looks answers up: {direction} on new contents takes {as_long}")

    def check_inputs(self) -> None:
        """Raise Rejected, and restore the stage, if an input was written to."""
        if not self.stage.untouched():
            self.stage.fill(self.stage.pristine)
            raise WrongNumbers("it wrote to its inputs")

    def callable(self, direction: str) -> Callable[[], Any]:
        """The timed function: it takes no arguments and does no set-up."""
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

    @cached_property
    def _pair(self) -> Native:
        """The timed pair: a peer's own on its own tensors, else the implementation's on the arrays."""
        given = self.implementation
        return given.native or Native(given.forward, given.backward, lambda value: value, lambda value: value)

    @cached_property
    def _args(self) -> tuple[Any, ...]:
        return tuple(map(self._pair.to_native, self.stage.args))

    @cached_property
    def _dout(self) -> Any:
        return self._pair.to_native(self.stage.dout)

    def _numpy(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(map(self._pair.to_numpy, values))

    def call_s(self, direction: str) -> float:
        """Seconds of one warm call, from the verification or the last block."""
        both = self.warm_s["forward"] + self.warm_s["backward"]
        return self.warm_s.get(direction, both)

    def check_after(self, direction: str, result: Any) -> str:
        """Compare the result of the last timed call with the verified one: "same bits" or "within bound".

        Raises Rejected if it is neither.
        """
        if direction == "forward":
            got, part = (result[0],), slice(0, 1)
        elif direction == "backward":
            got, part = tuple(result), slice(1, None)
        else:
            got, part = (result[0], *result[1]), slice(None)
        got, verified = self._numpy(got), self._right[part]
        if len(got) == len(verified) and all(
            same_bits(np.asarray(value, right.dtype), right)
            or np.array_equal(np.asarray(value, right.dtype), right, equal_nan=True)
            for value, right in zip(got, verified, strict=True)
        ):
            return "same bits"
        whole = self.reference
        names, values, bounds = whole.names[part], whole.values[part], whole.bounds[part]
        self._compare(replace(whole, names=names, values=values, bounds=bounds), got)
        return "within bound"

    def _call_both(self, seconds: dict[str, float], cache: Any = None) -> tuple[Any, ...]:
        """Out and gradients, with the seconds of both calls; backward on an older `cache` if one is given."""
        clock = time.perf_counter
        try:
            self._args, self._dout  # noqa: B018 - converted before the clock starts
            began = clock()
            out, new_cache = self._pair.forward(*self._args)
            between = clock()
            self._cache = new_cache if cache is None else cache
            grads = self._pair.backward(self._dout, self._cache)
            seconds.update(forward=between - began, backward=clock() - between)
        except (NotApplicable, Lacking):
            raise
        except (Exception, SystemExit) as error:
            rejected = CannotRun if isinstance(error, Exception) else Rejected
            raise rejected(f"it raised {lacking.told(error)}") from error
        if not isinstance(grads, tuple):
            raise WrongNumbers(f"backward returned a {type(grads).__name__}; wanted a tuple of gradients")
        return self._numpy((out, *grads))

    def _compare(self, reference: oracle.Reference, got: Sequence[Any]) -> None:
        """Raise Rejected for a wrong form or an error above its rounding bound; keep the worst error."""
        if wrong_form := oracle.form(reference, got):
            raise WrongNumbers(wrong_form)
        named = zip(reference.names, reference.values, strict=True)
        thin = [name for name, v in named if v.size and np.count_nonzero(v) < oracle.THIN * v.size]
        if thin:
            raise Rejected(f"{', '.join(thin)} is all but zero on these inputs")
        for worst in oracle.judge(reference, got):
            if worst.share > 1:
                times = f"{worst.share:.3g} times its rounding bound"
                raise WrongNumbers(f"{worst.where} = {worst.got}, wanted {worst.wanted} ({times})")
            if worst.share >= self.share:
                self.share, self.where = worst.share, worst.where


def same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays of one dtype have the same shape and the same bits, NaN and zeros too."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return np.array_equal(one.reshape(-1).view(np.uint8), other.reshape(-1).view(np.uint8))


def _digest(got: Sequence[Any]) -> str:
    """A hash of results, with their types, dtypes and shapes."""
    arrays = [np.asarray(value) for value in got]
    form = " ".join(f"{type(value).__name__}{a.dtype}{a.shape}" for value, a in zip(got, arrays, strict=True))
    return oracle.fingerprint([np.frombuffer(form.encode(), np.uint8), *arrays])
