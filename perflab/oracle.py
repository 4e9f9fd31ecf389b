"""The oracle: is an implementation right? Shown, not assumed.

The chain of trust: the operation's `definition` (forward only, in higher precision) is taken as true; its
`gradient` is held to central differences of the definition; an implementation is held to both, element by
element, within the rounding bound |got − exact| <= γ_k · (the operation on absolute values) of Higham,
*Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from perflab import errors
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
from perflab.observation import Expected, Observation, Problem, copies, expected, observe, quiet, same_bits
from perflab.observation import fingerprint as fingerprint

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
        raise PerflabError(errors.unknown("check case", case, described.checks))
    if dtype is not None and dtype not in DTYPES:
        raise PerflabError(errors.unknown("dtype", dtype, DTYPES))
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
        left_out=tuple(dict.fromkeys(told for v in verdicts for told in v.left_out)),
    )


def examine(
    operation: Operation,
    implementation: Implementation | Mutant,
    dtype: str,
    cases: Sequence[str] | None = None,
) -> Verdict:
    """Every check of one implementation in one dtype, on the named check cases (all by default)."""
    chosen = [operation.checks[name] for name in cases or operation.checks]
    if "forward" in getattr(implementation, "unwritten", ()):
        chosen = []
    seen = ((case, observe(operation, implementation, case, dtype)) for case in chosen)
    return verdict_on(operation, implementation, dtype, seen)


def verdict_on(
    operation: Operation,
    implementation: Implementation | Mutant,
    dtype: str,
    seen: Iterable[tuple[Case, Observation]],
) -> Verdict:
    """The verdict on what an implementation was seen to do, here or in another process, case by case."""
    technique: str = getattr(implementation, "technique", "") or getattr(implementation, "name", "")
    found = [judged(operation, implementation, case, dtype, held) for case, held in seen]
    checks = [check for one in found for check in one.checks]
    exact = [one.exact for one in found if one.exact is not None]
    weight: dict[str, float] = {}
    for one in found:
        for tensor, share in one.weight.items():
            weight[tensor] = max(weight.get(tensor, 0.0), share)
    failed = [check for check in checks if not check.ok]
    thin = [tensor for tensor, share in weight.items() if share < THIN]
    bounded = [check for check in checks if check.name == "rounding bound"]
    worst = max(bounded, key=lambda c: c.error, default=None)
    unwritten = getattr(implementation, "unwritten", ())
    status, where, error = "right", "", worst.error if worst else 0.0
    if failed:
        status, where = "wrong", f"{failed[0].case}: {failed[0].name}: {failed[0].where}"
        error = max(error, failed[0].error)
    elif unwritten:
        status, where = "unwritten", f"{' and '.join(unwritten)} still to be written"
    elif thin or not bounded:
        status, where = "not trusted", f"{', '.join(thin) or 'every output'}: all but zero in these cases"
    elif worst:
        where = f"{worst.case}: {worst.where}"
    return Verdict(
        operation=operation.name,
        technique=technique,
        dtype=dtype,
        status=status,
        error=error,
        where=where,
        checks=tuple(checks),
        deterministic=all(one.deterministic for one in found),
        exact=all(exact) if exact else None,
        left_out=tuple(f"{one.case}: {one.not_applicable}" for one in found if one.not_applicable),
    )


def pairwise(operation: Operation, implementations: Sequence[Implementation], dtype: str) -> list[Pair]:
    """Every two of the given implementations compared on every check case, bit by bit."""
    results: dict[str, dict[str, tuple[Array, ...]]] = {}
    for implementation in implementations:
        answers = {}
        for name, case in operation.checks.items():
            problem = Problem(operation, case, dtype)
            try:
                with quiet():
                    answers[name] = copies(problem.run(implementation))
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
            same[integers] &= bool(a) and len(a) == len(b) and all(map(same_bits, a, b))
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
    return Expected(right.names, tuple(value.shape for value in right.values), right.dtype).wrong(got)


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


def _right(operation: Operation, case: Case, dtype: str) -> Reference:
    """What is right on a case; computed once, for it does not depend on the implementation."""
    key = (operation.definition, operation.gradient, *_name(operation, case, dtype), "reference")
    if key not in _KEPT:
        args, dout = Problem(operation, case, dtype).arguments()
        _KEPT[key] = reference(operation, args, dout, dtype)
    return _KEPT[key]


def _differences(operation: Operation, case: Case, dtype: str) -> Reference:
    """The gradients once more, every element from two evaluations of the definition in long double.

    The bounds are of this method's own error; what is judged adds those of its arithmetic.
    """
    key = (operation.definition, *_name(operation, case, dtype), "differences")
    if key not in _KEPT:
        args, dout = Problem(operation, case, dtype).arguments()
        _KEPT[key] = _central_differences(operation, args, dout, dtype)
    return _KEPT[key]


def _name(operation: Operation, case: Case, dtype: str) -> tuple[Any, ...]:
    return operation.name, case.name, case.seed, dtype


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
    """What the judge found on one case; of `not_applicable` cases, why its interface cannot say them."""

    case: str
    checks: list[Check]
    exact: bool | None = None
    deterministic: bool = True
    weight: dict[str, float] = field(default_factory=dict)
    not_applicable: str = ""


def judged(
    operation: Operation, implementation: Implementation | Mutant, case: Case, dtype: str, seen: Observation
) -> _Findings:
    """Every check of what an implementation was seen to do on one case."""
    found = _Findings(case.name, [], not_applicable=seen.not_applicable)

    def note(name: str, ok: bool, **more: Any) -> None:
        if ok and "got" not in more:
            more.pop("where", None)  # it says what would have been wrong
        found.checks.append(Check(name, ok, case.name, dtype, **more))

    if seen.forbidden:
        note("nothing forbidden", False, where=seen.forbidden)
    if seen.first or seen.form:
        note("form", not seen.form, where=seen.form)
    if seen.first:
        _judge_values(operation, implementation, case, dtype, seen, found, note)
    if seen.raised:
        note("runs", False, where=seen.raised)
    elif seen.whole:
        note("no warning", not seen.warned, where=seen.warned)
    return found


def _judge_values(
    operation: Operation,
    implementation: Implementation | Mutant,
    case: Case,
    dtype: str,
    seen: Observation,
    found: _Findings,
    note: Callable[..., None],
) -> None:
    args, dout = Problem(operation, case, dtype).arguments()
    right = held_to(_right(operation, case, dtype), implementation, args, dout)
    right = of_tensors(right, expected(operation, implementation, args, dout, dtype).names)
    note("inputs untouched", not seen.wrote, where="forward or backward wrote to an input")
    note("fresh outputs", not seen.views, where=f"{', '.join(seen.views)}: shares memory with an input")
    first = seen.first
    for worst in judge(right, first):
        _bounded(note, worst)
    if case.inputs == "integers" and operation.exact_on_integers and claims_exact(implementation):
        found.exact = all(_equal(a, b) for a, b in zip(first, right.values, strict=True))
    for name, value in zip(right.names, right.values, strict=True):
        if value.size:
            found.weight[name] = np.count_nonzero(value) / value.size
    if differentiable(operation, case) and right.values[0].size and len(first) > 1:
        differences = of_tensors(_differences(operation, case, dtype), right.names[1:])
        bounds = tuple(a + b for a, b in zip(differences.bounds, right.bounds[1:], strict=True))
        for worst in judge(replace(differences, bounds=bounds), first[1:]):
            note("central differences", worst.share <= 1, error=worst.share, **_told(worst))
    if seen.later_form:
        note("one cache, many backwards", False, where=seen.later_form)
        return
    same = len(seen.repeated) == len(first) - 1 and all(map(same_bits, seen.repeated, first[1:]))
    if seen.repeated and not same:
        far = [w for w in judge(right, (first[0], *seen.repeated)) if w.share > 1]
        note("one cache, many backwards", not far, **(_told(far[0]) if far else {}))
    if seen.second or seen.changed_later:
        words = "a later call changed what an earlier one had returned"
        note("fresh outputs", not seen.changed_later, where=words)
        old = "the same arrays with other contents got the old answer"
        note("answers anew", not seen.stale, where=old)
        found.deterministic = not seen.second or (same and all(map(same_bits, seen.second, first)))
        if not found.deterministic:
            for worst in judge(right, seen.second):  # it may waver within the bound
                _bounded(note, worst)
    if seen.ints:
        for worst in judge(right, seen.ints):
            note("an int for a pair", worst.share <= 1, error=worst.share, **_told(worst))


def of_tensors(right: Reference, names: Sequence[str]) -> Reference:
    """The reference of these tensors alone."""
    at = [right.names.index(name) for name in names]
    return replace(
        right,
        names=tuple(right.names[i] for i in at),
        values=tuple(right.values[i] for i in at),
        bounds=tuple(right.bounds[i] for i in at),
    )


def claims_exact(implementation: Implementation | Mutant) -> bool:
    """Whether an implementation's arithmetic is exact on small integers, as all but a few are."""
    return getattr(implementation, "exact_on_integers", True)


def _bounded(note: Callable[..., None], worst: Worst) -> None:
    note("rounding bound", worst.share <= 1, error=worst.share, **_told(worst))


def _told(worst: Worst) -> dict[str, str]:
    return {"where": worst.where, "got": worst.got, "wanted": worst.wanted}


# --------------------------------------------------------------------------------------------- small


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
