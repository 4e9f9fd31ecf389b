"""What an implementation does on one case: every call that the oracle needs, made where its code runs.

The oracle judges copies of the results, so it need not share a process with code from outside.
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
from perflab.catalog.door import pair
from perflab.contract import (
    Array,
    Case,
    Implementation,
    Mutant,
    NotApplicable,
    Operation,
    PerflabError,
    WrongForm,
)
from perflab.errors import reason
from perflab.machine import lacking, numba_cache
from perflab.machine.products import is_spurious


class OwnError(PerflabError):
    """What perflab's or the operation's own part raised: it is never laid at the implementation's door."""


@contextmanager
def _own(what: str) -> Iterator[None]:
    """Around such a part. A lack of memory passes: the implementation may have taken it."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise OwnError(f"{what} cannot be made: {reason(error)}") from error


@dataclass(frozen=True)
class Problem:
    """One case in one dtype. Its arrays are new on every call, so an implementation cannot change them."""

    operation: Operation
    case: Case
    dtype: str

    def arguments(self) -> tuple[tuple[Any, ...], Any]:
        """The arguments of `forward` in their order, and the upstream gradient."""
        with _own(f"the inputs of {self.operation.name}, case {self.case.name},"):
            args = tuple(inputs.make(self.operation, self.case, self.dtype).values())
            return args, inputs.upstream(self.operation, self.case, self.dtype)

    def run(
        self, implementation: Implementation | Mutant, ints: bool = False, backward: bool = True
    ) -> tuple[Any, ...]:
        """Out and gradients; with `ints`, a pair of equal numbers is passed as an int."""
        args, dout = self.arguments()
        if ints:
            args = tuple(value[0] if isinstance(value, tuple) else value for value in args)
        out, cache = pair(implementation.forward(*args))
        return (out, *implementation.backward(dout, cache)) if backward else (out,)


@dataclass(frozen=True)
class Expected:
    """The names, shapes and dtype of out and gradients; with `wider`, float64 may stand for float32."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtype: np.dtype[Any]
    wider: bool = False

    def wrong(self, got: Sequence[Any]) -> str:
        """What is wrong with the shapes and dtypes of out and gradients; empty where nothing is."""
        if len(got) != len(self.names):
            return f"{len(got) - 1} gradients; wanted {len(self.names) - 1}: {', '.join(self.names[1:])}"
        for name, shape, tensor in zip(self.names, self.shapes, got, strict=True):
            if shape == () and type(tensor) is float:
                continue  # a compiled function returns its scalars as Python floats
            if not isinstance(tensor, (np.ndarray, np.generic)):
                return f"{name}: a {type(tensor).__name__}; wanted a {self.dtype} array of shape {shape}"
            if tensor.shape != shape:
                return f"{name}: shape {tensor.shape}; wanted {shape}"
            if tensor.dtype != self.dtype and not (self.wider and is_wider(tensor.dtype, self.dtype)):
                return f"{name}: {tensor.dtype}; wanted {self.dtype}, the dtype of the inputs"
        return ""


def is_wider(dtype: Any, wanted: Any) -> bool:
    """Whether a dtype is float64 where float32 is wanted."""
    return (np.dtype(dtype).name, np.dtype(wanted).name) == ("float64", "float32")


@dataclass
class Observation:
    """The results of one case, in the order of the calls; a field without a result is empty.

    `first` is what forward and backward returned; `repeated` the gradients of a second backward on the same
    cache, after a forward on other inputs; `second` a second call of both; `ints` a call with ints for pairs.
    All are copies. `form` says what is wrong with the shapes of `first`, `later_form` with those of a later
    call; `raised` is an exception; `ended` says how it left its process instead; `failed` is an exception of
    perflab's own part. `changed_later`: a later call changed, or returned again, an earlier result. `stale`:
    the same arrays with other contents gave the old output. `forbidden` is from a guard;
    `remark` is what else there is to say.
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
    ended: str = ""
    failed: str = ""
    not_applicable: str = ""
    wrote: bool = False
    views: tuple[str, ...] = ()
    changed_later: bool = False
    stale: bool = False
    warned: str = ""
    forbidden: str = ""
    remark: str = ""
    whole: bool = False


def expected(
    operation: Operation, implementation: Any, args: Sequence[Any], dout: Any, dtype: str
) -> Expected:
    """What an implementation must return for these arguments."""
    gives = getattr(implementation, "gives", None)
    if "backward" in getattr(implementation, "unwritten", ()):
        gives = ()
    wrt = [name for name in operation.wrt if gives is None or name in gives]
    of = dict(zip(operation.arguments, args, strict=True))
    shapes = (np.shape(dout), *(np.shape(of[name]) for name in wrt))
    wider = getattr(implementation, "outside", False)
    return Expected(("out", *(f"d{name}" for name in wrt)), shapes, np.dtype(dtype), wider)


def observe(
    operation: Operation, implementation: Implementation | Mutant, case: Case, dtype: str,
    leaves: type[BaseException] = SystemExit,
) -> Observation:  # fmt: skip
    """Run an implementation on one case with every call that the oracle judges.

    An exception of kind `leaves` that is no Exception is kept too: one that would end the process.
    """
    observation = Observation(case.name, dtype)
    every = getattr(implementation, "outside", False)
    with numba_cache.remarks() as remarks, quiet(every) as messages:
        try:
            _call(Problem(operation, case, dtype), implementation, observation)
            tries = getattr(implementation, "tries", None)
            observation.remark = tries() if tries else ""
        except OwnError as error:
            observation.failed = str(error)
        except NotApplicable as why:
            observation.not_applicable = str(why) or "its interface cannot say this case"
        except WrongForm as error:
            field = "later_form" if observation.first else "form"
            setattr(observation, field, str(error))
        except Exception as error:
            observation.raised = failure_line(error, getattr(implementation, "source", ""))
        except leaves as error:
            observation.ended = failure_line(error, getattr(implementation, "source", ""))
    observation.warned = messages[0] if messages else ""
    observation.remark = remarks[0] if remarks else observation.remark
    return observation


def _call(problem: Problem, implementation: Implementation | Mutant, observation: Observation) -> None:
    args, dout = problem.arguments()
    with _own("what is wanted"):
        wanted = expected(problem.operation, implementation, args, dout, problem.dtype)
        before = fingerprint([*args, dout])
    backward = len(wanted.names) > 1

    out, cache = pair(implementation.forward(*args))
    grads = implementation.backward(dout, cache) if backward else ()
    if not isinstance(grads, tuple):
        observation.form = f"backward returned a {type(grads).__name__}; wanted a tuple of gradients"
        return
    got = (out, *grads)
    observation.form = wanted.wrong(got)
    if observation.form:
        return
    observation.wrote = fingerprint([*args, dout]) != before
    arrays = [a for a in (*args, dout) if isinstance(a, np.ndarray) and a.size]
    observation.views = tuple(
        name
        for name, tensor in zip(wanted.names, got, strict=True)
        if any(np.may_share_memory(tensor, array) for array in arrays)
    )
    first = observation.first = copies(got)

    # A call with other inputs must not change what the first one left in its cache.
    other_args, _ = replace(problem, case=replace(problem.case, seed=problem.case.seed + 1)).arguments()
    other_out = np.array(pair(implementation.forward(*other_args))[0])
    reused = False
    if backward:
        repeated = implementation.backward(dout, cache)
        reused = any(np.may_share_memory(a, b) for a, b in zip(repeated, grads, strict=False))
        observation.later_form = wanted.wrong((out, *repeated))
        observation.repeated = copies(repeated)
    observation.changed_later = reused or not all(map(same_bits, map(np.asarray, got), first))
    second = problem.run(implementation, backward=backward)
    observation.later_form = observation.later_form or wanted.wrong(second)
    observation.second = copies(second)
    pairs = [value for value in args if isinstance(value, tuple)]
    if pairs and all(value[0] == value[1] for value in pairs):
        # Numba compiles ints apart from pairs, so they are checked apart.
        ints = problem.run(implementation, ints=True, backward=backward)
        observation.later_form = observation.later_form or wanted.wrong(ints)
        observation.ints = copies(ints)
    for value, other in zip(args, other_args, strict=True):
        if isinstance(value, np.ndarray):
            np.copyto(value, other)
    again = np.array(pair(implementation.forward(*args))[0])
    observation.stale = same_bits(again, first[0]) and not same_bits(other_out, first[0])
    observation.whole = True


def copies(got: Iterable[Any]) -> tuple[Array, ...]:
    """Every tensor as a new array."""
    return tuple(np.array(tensor) for tensor in got)


def answer_of(operation: Operation, case: Case, functions: Any) -> tuple[Array, ...] | None:
    """Out and gradients in float64, copied; None if a call raises, or their number or a dtype is wrong.

    A shape may be wrong: an empty array in some cases is a mistake like another.
    """
    problem = Problem(operation, case, "float64")
    try:
        with quiet():
            form = expected(operation, functions, *problem.arguments(), "float64")
            got = problem.run(functions, backward=len(form.names) > 1)
            tensors = copies(got)
            is_whole = len(tensors) == len(form.names) and all(t.dtype == form.dtype for t in tensors)
            return tensors if is_whole else None
    except (Exception, SystemExit):  # a mistake may raise on some shapes
        return None


def failure_line(error: BaseException, source: str = "") -> str:
    """An exception in one line, with the line of the source file that it came from."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if source and f.filename == source]
    return lacking.told(error) + (f" (line {lines[-1]})" if lines else "")


def fingerprint(arrays: Iterable[Any]) -> str:
    """A hash of the bytes of every array. It changes where an input was written to."""
    digest = hashlib.blake2b(digest_size=12)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays have the same shape, dtype and values, NaN being equal to NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@contextmanager
def quiet(every: bool = False) -> Iterator[list[str]]:
    """Collect floating-point warnings, or `every` warning, in a list, which is filled at the end; print none.

    Where this machine's BLAS raises warnings without a reason, those of products are left out: a wrong
    product shows in its numbers.
    """
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always", Warning if every else RuntimeWarning)
        yield messages
        heard = [w for w in caught if every or issubclass(w.category, RuntimeWarning)]
        told = [f"{w.category.__name__}: {str(w.message).partition('. ')[0]}" for w in heard]
        messages += [text for text in told if not is_spurious(text.partition(": ")[2])]
