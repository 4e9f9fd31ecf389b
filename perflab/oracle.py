"""The oracle: is an implementation right? Shown, not assumed.

The chain of trust: the operation's `definition` (forward only, in higher precision) is taken as true; its
`gradient` is held to central differences of the definition; an implementation is held to both, element by
element, within the rounding bound |got − exact| <= γ_k · (the operation on absolute values) of Higham,
*Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from perflab import inputs as inputs_of
from perflab.contract import (
    DTYPES,
    Array,
    Case,
    Check,
    Implementation,
    Mutant,
    Operation,
    PerflabError,
    Verdict,
)

STEP = 2.0**-17  # of central differences: truncation h²/6 and rounding ε/h both stay below 1e-10
DIFFERENCE_TOLERANCE = 1e-9
DIRECTION_TOLERANCE = 1e-6
EXTENDED_FLOPS = 6e7  # above this float64 is held to float64, and the bound is doubled
THIN = 0.01  # a tensor with fewer non-zeros than this share of its elements shows too little


@dataclass(frozen=True)
class Reference:
    """What is right for one set of inputs, and how far rounding may lead from it.

    `precision` names what it was computed in.
    """

    names: tuple[str, ...]
    values: tuple[Array, ...]
    bounds: tuple[Array, ...]
    precision: str
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Worst:
    """The worst element of one tensor: its error as a share of the bound, and where it stands."""

    tensor: str
    share: float
    index: tuple[int, ...]
    got: str
    wanted: str

    @property
    def where(self) -> str:
        """The tensor and the index, as one would write it in Python."""
        return f"{self.tensor}[{', '.join(map(str, self.index))}]" if self.index else self.tensor


@dataclass(frozen=True)
class Pair:
    """Two techniques of one operation side by side.

    `identical_integers` is None where the operation is not exact on integers; `difference` is the largest
    difference on real inputs over every check, relative to the largest value of its tensor.
    """

    operation: str
    dtype: str
    first: str
    second: str
    identical_integers: bool | None
    identical: bool
    difference: float


# ---------------------------------------------------------------------------------------------- public


def verify(
    operation: str,
    technique: str | Implementation,
    *,
    dtype: str | None = None,
    case: str | None = None,
) -> Verdict:
    """The oracle's verdict on one implementation, over both dtypes and every check case.

    `technique` is a name or what `perflab.load` returned. The verdict is truthy when right; `.error` is
    the largest error as a share of its rounding bound, `.where` the worst tensor and index. Raises
    PerflabError for an unknown name.
    """
    from perflab import grid

    described = grid.operation(operation)
    if case is not None and case not in described.checks:
        raise PerflabError(grid.unknown("check case", case, described.checks))
    if dtype is not None and dtype not in DTYPES:
        raise PerflabError(grid.unknown("dtype", dtype, DTYPES))
    raw = technique if isinstance(technique, Implementation) else grid.raw(operation, technique)
    verdicts = [examine(described, raw, d, [case] if case else None) for d in ([dtype] if dtype else DTYPES)]
    worst = max(verdicts, key=lambda v: (not v.ok, v.error))
    exact = [v.exact for v in verdicts if v.exact is not None]
    return replace(
        worst,
        dtype=dtype or "+".join(DTYPES),
        checks=tuple(c for v in verdicts for c in v.checks),
        deterministic=all(v.deterministic for v in verdicts),
        exact=all(exact) if exact else None,
    )


def examine(
    operation: Operation,
    implementation: Implementation | Mutant,
    dtype: str,
    cases: Sequence[str] | None = None,
) -> Verdict:
    """Every check of one implementation in one dtype, on the named check cases (all by default)."""
    checks: list[Check] = []
    exact: list[bool] = []
    deterministic = True
    weight: dict[str, float] = {}
    for name in cases or operation.checks:
        found = _examine_case(operation, implementation, operation.checks[name], dtype)
        checks += found.checks
        exact += found.exact
        deterministic &= found.deterministic
        for tensor, share in found.weight.items():
            weight[tensor] = max(weight.get(tensor, 0.0), share)
    failed = [check for check in checks if not check.ok]
    thin = [tensor for tensor, share in weight.items() if share < THIN]
    bounded = [check for check in checks if check.name == "rounding bound"]
    worst = max(bounded, key=lambda c: c.error, default=None)
    status, where, error = "right", "", worst.error if worst else 0.0
    if failed:
        status, where = "wrong", f"{failed[0].case}: {failed[0].name}: {failed[0].where}"
        error = max(error, failed[0].error)
    elif thin or not bounded:
        status, where = "not trusted", f"{', '.join(thin) or 'every output'}: all but zero in these cases"
    elif worst:
        where = f"{worst.case}: {worst.where}"
    return Verdict(
        operation=operation.name,
        technique=getattr(implementation, "technique", None) or implementation.name,  # type: ignore[union-attr]
        dtype=dtype,
        status=status,
        error=error,
        where=where,
        checks=tuple(checks),
        deterministic=deterministic,
        exact=all(exact) if exact else None,
    )


def pairwise(operation: Operation, implementations: Sequence[Implementation], dtype: str) -> list[Pair]:
    """Every two of the given implementations compared on every check case, bit by bit."""
    results: dict[str, dict[str, tuple[Array, ...]]] = {}
    for implementation in implementations:
        answers = {}
        for name, case in operation.checks.items():
            problem = _Problem(operation, case, dtype)
            try:
                with _quiet():
                    answers[name] = problem.run(implementation)
            except Exception:  # it is wrong, which its verdict says; it is identical to nothing
                answers[name] = ()
        results[implementation.technique] = answers
    exact = {held.technique: held.exact_on_integers for held in implementations}
    pairs = []
    for first, second in combinations(results, 2):
        same: dict[bool, bool] = {True: True, False: True}
        difference = 0.0
        for name, case in operation.checks.items():
            a, b = results[first][name], results[second][name]
            integers = case.inputs == "integers"
            same[integers] &= bool(a) and len(a) == len(b) and all(map(_same_bits, a, b))
            if not integers:
                difference = max(difference, _relative(a, b))
        pairs.append(
            Pair(
                operation.name,
                dtype,
                first,
                second,
                same[True] if operation.exact_on_integers and exact[first] and exact[second] else None,
                same[False] and same[True],
                difference,
            )
        )
    return pairs


# ------------------------------------------------------------------------------- right, and how far off


def reference(
    operation: Operation, args: Sequence[Any], dout: Any, dtype: str, flops: float = 0
) -> Reference:
    """What is right for these inputs: the definition and its gradient in higher precision, with bounds.

    float32 is held to float64. float64 is held to the platform's long double, or, where `flops` exceeds
    EXTENDED_FLOPS, to float64 with twice the bound (each of the two may be off by one).
    """
    extended = dtype == "float64" and flops <= EXTENDED_FLOPS
    wide: type[np.floating[Any]] = np.longdouble if extended else np.float64
    with np.errstate(all="ignore"):
        exact = _widen(args, wide)
        out = operation.definition(*exact)
        grads = operation.gradient(_widen([dout], wide)[0], *exact)
    right = Reference(
        names=("out", *(f"d{name}" for name in operation.wrt)),
        values=(np.asarray(out), *grads),
        bounds=(),
        precision=np.dtype(wide).name,
        dtype=np.dtype(dtype),
    )
    return within(right, operation.bound, args, dout)


def within(right: Reference, bound: Callable[..., Any], args: Sequence[Any], dout: Any) -> Reference:
    """The same values, held to this rounding bound."""
    roundoff = float(np.finfo(right.dtype).eps) / 2
    factor = 2.0 if np.finfo(right.precision).eps == np.finfo(right.dtype).eps else 1.0

    def gamma(k: int) -> float:
        return factor * k * roundoff / (1 - k * roundoff)

    with np.errstate(all="ignore"):
        double = _widen(args, np.float64)
        out_bound, grad_bounds = bound(gamma, _widen([dout], np.float64)[0], *double)
    floor = 1024 * float(np.finfo(right.dtype).smallest_normal)  # gradual underflow, not part of γ
    bounds = tuple(np.asarray(held, np.float64) + floor for held in (out_bound, *grad_bounds))
    return replace(right, bounds=bounds)


def held_to(right: Reference, implementation: Any, args: Sequence[Any], dout: Any) -> Reference:
    """The reference with the bound of an implementation's own arithmetic, where it brings one."""
    own = getattr(implementation, "bound", None)
    return within(right, own, args, dout) if own else right


def judge(right: Reference, got: Sequence[Any]) -> list[Worst]:
    """The worst element of every tensor, `got` being out followed by the gradients. Shapes must agree."""
    found = []
    for name, value, bound, mine in zip(right.names, right.values, right.bounds, got, strict=True):
        mine = np.asarray(mine)
        if mine.size == 0:
            continue
        share = _shares(mine, value, bound)
        at = np.unravel_index(int(np.argmax(share)), share.shape)
        found.append(
            Worst(
                name,
                float(share[at]),
                tuple(int(i) for i in at),
                f"{float(mine[at]):.9g}",
                f"{float(value[at]):.9g}",
            )
        )
    return found


def form(right: Reference, got: Sequence[Any]) -> str:
    """What is wrong with the shapes and dtypes of out and gradients; empty when nothing is."""
    if len(got) != len(right.names):
        return f"{len(got) - 1} gradients; wanted {len(right.names) - 1}: {', '.join(right.names[1:])}"
    for name, value, mine in zip(right.names, right.values, got, strict=True):
        if value.shape == () and type(mine) is float:
            continue  # a compiled function returns its scalars as Python floats
        if not isinstance(mine, (np.ndarray, np.generic)):
            return f"{name}: a {type(mine).__name__}; wanted a {right.dtype} array of shape {value.shape}"
        if mine.shape != value.shape:
            return f"{name}: shape {mine.shape}; wanted {value.shape}"
        if mine.dtype != right.dtype:
            return f"{name}: {mine.dtype}; wanted {right.dtype}, the dtype of the inputs"
    return ""


def fingerprint(arrays: Iterable[Any]) -> str:
    """A hash of the bytes of every array: equal before and after, or an input was written to."""
    digest = hashlib.blake2b(digest_size=12)
    for array in arrays:
        held = np.ascontiguousarray(array)
        digest.update(held.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def differentiable(operation: Operation, case: Case) -> bool:
    """Whether central differences say anything here: not at kinks, ties, NaN, or past exp's overflow."""
    return case.inputs == "normal" or (case.inputs in ("integers", "digits") and not operation.kinks)


def along_a_direction(
    operation: Operation, args: Sequence[Any], dout: Any, right: Reference
) -> tuple[float, float]:
    """The reference's own gradient against a central difference of the definition, along one direction.

    Returns |difference| as a share of what is allowed, and the derivative found. The direction is random
    and moves every differentiable argument at once; it is what can be afforded at benchmark sizes.
    """
    wide = right.values[0].dtype.type
    exact = _widen(args, wide)
    at = [list(operation.arguments).index(name) for name in operation.wrt]
    rng = np.random.default_rng(7)
    ways = [rng.uniform(-1, 1, exact[i].shape).astype(wide) for i in at]
    if operation.kinks:  # less than half the gap between two of the evenly spaced values
        h = 0.5 / max(exact[i].size for i in at)
    else:
        h = 1e-3
        ways = [way / np.sqrt((way * way).sum()) for way in ways]
    weights = _widen([dout], wide)[0]

    def moved(sign: float) -> Any:
        there = list(exact)
        for i, way in zip(at, ways, strict=True):
            there[i] = exact[i] + wide(sign * h) * way
        return (weights * operation.definition(*there)).sum()

    found = float((moved(1.0) - moved(-1.0)) / wide(2 * h))
    products = [g * way for g, way in zip(right.values[1:], ways, strict=True)]
    wanted = float(sum(p.sum() for p in products))
    scale = float(np.sqrt(sum((p * p).sum() for p in products))) + abs(wanted)
    return abs(found - wanted) / (DIRECTION_TOLERANCE * scale), found


# ----------------------------------------------------------------------------------------- one case


@dataclass(frozen=True)
class _Problem:
    """One case in one dtype: its arrays, made anew on every call so that nobody can spoil them."""

    operation: Operation
    case: Case
    dtype: str

    def arguments(self) -> tuple[tuple[Any, ...], Any]:
        args = tuple(inputs_of.make(self.operation, self.case, self.dtype).values())
        return args, inputs_of.upstream(self.operation, self.case, self.dtype)

    @property
    def _name(self) -> tuple[Any, ...]:
        return self.operation.name, self.case.name, self.case.seed, self.dtype

    def run(self, implementation: Implementation | Mutant, ints: bool = False) -> tuple[Array, ...]:
        """Out and gradients, copied; with `ints`, pairs of equal halves are given as one int."""
        args, dout = self.arguments()
        if ints:
            args = tuple(value[0] if isinstance(value, tuple) else value for value in args)
        out, cache = implementation.forward(*args)
        return (np.array(out), *(np.array(g) for g in implementation.backward(dout, cache)))

    def reference(self) -> Reference:
        """What is right here; computed once, for it does not depend on the implementation."""
        key = (self.operation.definition, self.operation.gradient, *self._name, "reference")
        if key not in _KEPT:
            args, dout = self.arguments()
            _KEPT[key] = reference(self.operation, args, dout, self.dtype)
        return _KEPT[key]

    def differences(self) -> Reference:
        """The gradients once more, every element from two evaluations of the definition in long double.

        The bounds are of this method's own error; what is judged adds those of its arithmetic.
        """
        key = (self.operation.definition, *self._name, "differences")
        if key not in _KEPT:
            args, dout = self.arguments()
            _KEPT[key] = _central_differences(self.operation, args, dout, self.dtype)
        return _KEPT[key]


_KEPT: dict[tuple[Any, ...], Reference] = {}


def _central_differences(operation: Operation, args: Sequence[Any], dout: Any, dtype: str) -> Reference:
    exact, weights = _widen(args, np.longdouble), _widen([dout], np.longdouble)[0]
    h = np.longdouble(STEP)
    values, bounds = [], []
    for name in operation.wrt:
        at = list(operation.arguments).index(name)
        gradient = np.empty(exact[at].shape, np.longdouble)
        for index in np.ndindex(gradient.shape):
            sides = []
            for sign in (1, -1):
                moved = list(exact)
                moved[at] = exact[at].copy()
                moved[at][index] += sign * h
                sides.append((weights * operation.definition(*moved)).sum())
            gradient[index] = (sides[0] - sides[1]) / (2 * h)
        values.append(gradient)
        most = float(np.abs(gradient).max(initial=0))
        bounds.append(np.full(gradient.shape, DIFFERENCE_TOLERANCE * (1 + most)))
    names = tuple(f"d{name}" for name in operation.wrt)
    return Reference(names, tuple(values), tuple(bounds), "longdouble", np.dtype(dtype))


@dataclass
class _Findings:
    checks: list[Check]
    exact: list[bool]
    deterministic: bool
    weight: dict[str, float]


class _Stop(Exception):
    """A check failed in a way that leaves nothing more to look at in this case."""


def _examine_case(
    operation: Operation, implementation: Implementation | Mutant, case: Case, dtype: str
) -> _Findings:
    found = _Findings([], [], True, {})

    def note(name: str, ok: bool, **more: Any) -> None:
        if ok and "got" not in more:
            more.pop("where", None)  # it says what would have been wrong
        found.checks.append(Check(name, ok, case.name, dtype, **more))
        if not ok and name in ("runs", "form"):
            raise _Stop

    try:
        with _quiet() as heard:
            _run_checks(operation, implementation, case, dtype, found, note)
        note("no warning", not heard, where=heard[0] if heard else "")
    except _Stop:
        pass
    except (Exception, SystemExit) as error:
        where = f"{type(error).__name__}: {str(error) or 'no message'}".split("\n")[0]
        found.checks.append(Check("runs", False, case.name, dtype, where=where))
    return found


def _run_checks(
    operation: Operation,
    implementation: Implementation | Mutant,
    case: Case,
    dtype: str,
    found: _Findings,
    note: Callable[..., None],
) -> None:
    problem = _Problem(operation, case, dtype)
    args, dout = problem.arguments()
    right = held_to(problem.reference(), implementation, args, dout)
    before = fingerprint([*args, dout])

    out, cache = implementation.forward(*args)
    grads = implementation.backward(dout, cache)
    if not isinstance(grads, tuple):
        note("form", False, where=f"backward returned a {type(grads).__name__}; wanted a tuple of gradients")
    got = (out, *grads)
    wrong = form(right, got)
    note("form", not wrong, where=wrong)
    note(
        "inputs untouched",
        fingerprint([*args, dout]) == before,
        where="forward or backward wrote to an input",
    )
    views = [
        name
        for name, mine in zip(right.names, got, strict=True)
        if any(np.may_share_memory(mine, a) for a in (*args, dout) if isinstance(a, np.ndarray) and a.size)
    ]
    note("fresh outputs", not views, where=f"{', '.join(views)}: shares memory with an input")

    first = tuple(np.array(mine) for mine in got)
    for worst in judge(right, first):
        _bounded(note, worst)
    if case.inputs == "integers" and operation.exact_on_integers and claims_exact(implementation):
        found.exact.append(all(_equal(a, b) for a, b in zip(first, right.values, strict=True)))
    for name, value in zip(right.names, right.values, strict=True):
        if value.size:
            found.weight[name] = np.count_nonzero(value) / value.size
    if differentiable(operation, case) and right.values[0].size:
        differences = problem.differences()
        bounds = tuple(a + b for a, b in zip(differences.bounds, right.bounds[1:], strict=True))
        for worst in judge(replace(differences, bounds=bounds), first[1:]):
            note("central differences", worst.share <= 1, error=worst.share, **_told(worst))

    # Another call with other inputs must not disturb what the first one left in its cache.
    other = _Problem(operation, replace(case, seed=case.seed + 1), dtype)
    implementation.forward(*other.arguments()[0])
    repeated = implementation.backward(dout, cache)
    reused = any(np.may_share_memory(a, b) for a, b in zip(repeated, grads, strict=False))
    again = tuple(np.array(g) for g in repeated)
    same = len(again) == len(grads) and all(_same_bits(a, b) for a, b in zip(again, first[1:], strict=True))
    if not same:
        wrong = form(right, (out, *again))
        note("one cache, many backwards", not wrong, where=wrong)
        far = [w for w in judge(right, (first[0], *again)) if w.share > 1]
        note("one cache, many backwards", not far, **(_told(far[0]) if far else {}))
    note(
        "fresh outputs",
        not reused and all(_same_bits(np.asarray(mine), kept) for mine, kept in zip(got, first, strict=True)),
        where="a later call changed what an earlier one had returned",
    )
    second = problem.run(implementation)
    alike = all(_same_bits(a, b) for a, b in zip(second, first, strict=True)) and same
    found.deterministic &= alike
    if not alike:
        for worst in judge(right, second):
            _bounded(note, worst)
    pairs = [value for value in args if isinstance(value, tuple)]
    if pairs and all(value[0] == value[1] for value in pairs):
        # compiled apart from the pairs, so checked apart from them
        for worst in judge(right, problem.run(implementation, ints=True)):
            note("an int for a pair", worst.share <= 1, error=worst.share, **_told(worst))


def claims_exact(implementation: Implementation | Mutant) -> bool:
    """Whether an implementation's arithmetic is exact on small integers, as all but a few are."""
    return getattr(implementation, "exact_on_integers", True)


def _bounded(note: Callable[..., None], worst: Worst) -> None:
    note("rounding bound", worst.share <= 1, error=worst.share, **_told(worst))


def _told(worst: Worst) -> dict[str, str]:
    return {"where": worst.where, "got": worst.got, "wanted": worst.wanted}


# --------------------------------------------------------------------------------------------- small


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Floating-point warnings are heard, and told as findings rather than printed."""
    heard: list[str] = []
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always", RuntimeWarning)
        yield heard
        heard += [f"RuntimeWarning: {w.message}" for w in caught if issubclass(w.category, RuntimeWarning)]


def _widen(args: Sequence[Any], wide: type[np.floating[Any]]) -> list[Any]:
    """Floats in the wide precision; labels and pairs as they are."""
    widened: list[Any] = []
    for value in args:
        if isinstance(value, np.ndarray):
            widened.append(value.astype(wide) if value.dtype.kind == "f" else value)
        else:
            widened.append(value if isinstance(value, tuple) else wide(value))
    return widened


def _shares(got: Array, wanted: Array, bound: Array) -> Array:
    """|got − wanted| / bound, element by element; what is not finite must be equal."""
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(wanted.dtype) - wanted)
        share = np.asarray(error / bound, np.float64)
    alike = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    share = np.where(alike, 0.0, share)
    return np.where(np.isnan(share), np.inf, share)


def _same_bits(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _equal(got: Array, wanted: Array) -> bool:
    return bool(np.array_equal(got.astype(wanted.dtype), wanted))


def _relative(a: Sequence[Array], b: Sequence[Array]) -> float:
    if not a or len(a) != len(b):
        return float("inf")
    worst = 0.0
    for mine, other in zip(a, b, strict=True):
        if mine.shape != other.shape:
            return float("inf")
        if mine.size:
            with np.errstate(all="ignore"):
                largest = float(np.nanmax(np.abs(other), initial=0.0)) or 1.0
                worst = max(worst, float(np.nanmax(np.abs(mine - other), initial=0.0)) / largest)
    return worst
