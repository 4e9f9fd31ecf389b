"""What an implementation did on one case: every call that the oracle wants to see, made where its code runs.

The oracle judges afterwards, from copies; so its judge and code from outside need not share a process.
"""

from __future__ import annotations

import hashlib
import traceback
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perflab.catalog import inputs
from perflab.contract import Array, Case, Implementation, Mutant, NotApplicable, Operation
from perflab.errors import reason


@dataclass(frozen=True)
class Problem:
    """One case in one dtype: its arrays, made anew on every call so that nobody can spoil them."""

    operation: Operation
    case: Case
    dtype: str

    def arguments(self) -> tuple[tuple[Any, ...], Any]:
        """The arguments of `forward` in their order, and the upstream gradient."""
        args = tuple(inputs.make(self.operation, self.case, self.dtype).values())
        return args, inputs.upstream(self.operation, self.case, self.dtype)

    def run(
        self, implementation: Implementation | Mutant, ints: bool = False, backward: bool = True
    ) -> tuple[Any, ...]:
        """Out and gradients; with `ints`, pairs of equal halves are given as one int."""
        args, dout = self.arguments()
        if ints:
            args = tuple(value[0] if isinstance(value, tuple) else value for value in args)
        out, cache = implementation.forward(*args)
        return (out, *implementation.backward(dout, cache)) if backward else (out,)


@dataclass(frozen=True)
class Expected:
    """The names, shapes and dtype of out and gradients."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtype: np.dtype[Any]

    def wrong(self, got: Sequence[Any]) -> str:
        """What is wrong with the shapes and dtypes of what came back; empty when nothing is."""
        if len(got) != len(self.names):
            return f"{len(got) - 1} gradients; wanted {len(self.names) - 1}: {', '.join(self.names[1:])}"
        for name, shape, mine in zip(self.names, self.shapes, got, strict=True):
            if shape == () and type(mine) is float:
                continue  # a compiled function returns its scalars as Python floats
            if not isinstance(mine, (np.ndarray, np.generic)):
                return f"{name}: a {type(mine).__name__}; wanted a {self.dtype} array of shape {shape}"
            if mine.shape != shape:
                return f"{name}: shape {mine.shape}; wanted {shape}"
            if mine.dtype != self.dtype:
                return f"{name}: {mine.dtype}; wanted {self.dtype}, the dtype of the inputs"
        return ""


@dataclass
class Observation:
    """What happened, in the order of the calls; what a call could not give is empty.

    `first` is what forward and backward returned, `repeated` the gradients of a second backward on the
    same cache after a forward on other inputs, `second` both once more, `ints` with ints for pairs; all
    copied. `form` says what is wrong with the shapes of `first`, `later_form` with those of a later call,
    `raised` what any call raised. `changed_later`: a later call changed, or reused, what had been returned.
    `stale`: it gave its old answer for the same arrays with other contents. `forbidden` is what a guard saw.
    """

    case: str
    dtype: str
    first: tuple[Array, ...] = ()
    repeated: tuple[Array, ...] = ()
    second: tuple[Array, ...] = ()
    ints: tuple[Array, ...] = ()
    form: str = ""
    later_form: str = ""
    raised: str = ""
    not_applicable: str = ""
    wrote: bool = False
    views: tuple[str, ...] = ()
    changed_later: bool = False
    stale: bool = False
    warned: str = ""
    forbidden: str = ""
    whole: bool = False


def expected(
    operation: Operation, implementation: Any, args: Sequence[Any], dout: Any, dtype: str
) -> Expected:
    """What an implementation must return for these arguments."""
    names, shapes = ["out"], [np.shape(dout)]
    at = list(operation.arguments)
    gives = getattr(implementation, "gives", None)
    if "backward" not in getattr(implementation, "unwritten", ()):
        for name in operation.wrt:
            if gives is None or name in gives:
                names.append(f"d{name}")
                shapes.append(np.shape(args[at.index(name)]))
    return Expected(tuple(names), tuple(shapes), np.dtype(dtype))


def observe(
    operation: Operation, implementation: Implementation | Mutant, case: Case, dtype: str
) -> Observation:
    """Run an implementation on one case in every way that the oracle judges."""
    seen = Observation(case.name, dtype)
    with quiet() as heard:
        try:
            _call(operation, implementation, case, dtype, seen)
        except NotApplicable as why:
            seen.not_applicable = str(why) or "its interface cannot say this case"
        except (Exception, SystemExit) as error:
            seen.raised = told(error, getattr(implementation, "source", ""))
    seen.warned = heard[0] if heard else ""
    return seen


def _call(
    operation: Operation, implementation: Implementation | Mutant, case: Case, dtype: str, seen: Observation
) -> None:
    problem = Problem(operation, case, dtype)
    args, dout = problem.arguments()
    wanted = expected(operation, implementation, args, dout, dtype)
    before = fingerprint([*args, dout])
    backward = len(wanted.names) > 1

    out, cache = implementation.forward(*args)
    grads = implementation.backward(dout, cache) if backward else ()
    if not isinstance(grads, tuple):
        seen.form = f"backward returned a {type(grads).__name__}; wanted a tuple of gradients"
        return
    got = (out, *grads)
    seen.form = wanted.wrong(got)
    if seen.form:
        return
    seen.wrote = fingerprint([*args, dout]) != before
    seen.views = tuple(
        name
        for name, mine in zip(wanted.names, got, strict=True)
        if any(np.may_share_memory(mine, a) for a in (*args, dout) if isinstance(a, np.ndarray) and a.size)
    )
    first = seen.first = copies(got)

    # Another call with other inputs must not disturb what the first one left in its cache.
    other = Problem(operation, replace(case, seed=case.seed + 1), dtype)
    strange = other.arguments()[0]
    elsewhere = np.array(implementation.forward(*strange)[0])
    reused = False
    if backward:
        repeated = implementation.backward(dout, cache)
        reused = any(np.may_share_memory(a, b) for a, b in zip(repeated, grads, strict=False))
        seen.later_form = wanted.wrong((out, *repeated))
        seen.repeated = copies(repeated)
    seen.changed_later = reused or not all(
        same_bits(np.asarray(mine), kept) for mine, kept in zip(got, first, strict=True)
    )
    second = problem.run(implementation, backward=backward)
    seen.later_form = seen.later_form or wanted.wrong(second)
    seen.second = copies(second)
    pairs = [value for value in args if isinstance(value, tuple)]
    if pairs and all(value[0] == value[1] for value in pairs):
        # compiled apart from the pairs, so checked apart from them
        ints = problem.run(implementation, ints=True, backward=backward)
        seen.later_form = seen.later_form or wanted.wrong(ints)
        seen.ints = copies(ints)
    for mine, theirs in zip(args, strange, strict=True):
        if isinstance(mine, np.ndarray):
            np.copyto(mine, theirs)
    again = np.array(implementation.forward(*args)[0])
    seen.stale = same_bits(again, first[0]) and not same_bits(elsewhere, first[0])
    seen.whole = True


def copies(got: Iterable[Any]) -> tuple[Array, ...]:
    """What came back, as arrays of one's own."""
    return tuple(np.array(mine) for mine in got)


def told(error: BaseException, source: str = "") -> str:
    """An exception in one line, with the line of the source file that it came from."""
    lines = [f for f in traceback.extract_tb(error.__traceback__) if source and f.filename == source]
    at = f" (line {lines[-1].lineno})" if lines else ""
    return reason(error) + at


def fingerprint(arrays: Iterable[Any]) -> str:
    """A hash of the bytes of every array: equal before and after, or an input was written to."""
    digest = hashlib.blake2b(digest_size=12)
    for array in arrays:
        held = np.ascontiguousarray(array)
        digest.update(held.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays have the same shape, dtype and values, NaN being equal to NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Floating-point warnings are heard, and told as findings rather than printed."""
    heard: list[str] = []
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always", RuntimeWarning)
        yield heard
        heard += [f"RuntimeWarning: {w.message}" for w in caught if issubclass(w.category, RuntimeWarning)]
