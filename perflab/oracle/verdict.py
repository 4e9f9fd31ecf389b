"""The oracle: is an implementation right? Shown, not assumed.

The chain of trust: the operation's `definition` (forward only, in higher precision) is taken as true; its
`gradient` is held to central differences of the definition; an implementation is held to both, element by
element, within the rounding bound |got − exact| <= γ_k · (the operation on absolute values) of Higham,
*Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
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
from perflab.oracle.observation import Observation, Problem, expected, observe, same_bits
from perflab.oracle.reference import (
    Worst,
    differentiable,
    held_to,
    judge,
    kept_differences,
    kept_reference,
    of_tensors,
)

THIN = 0.01  # a tensor with fewer non-zeros than this share of its elements shows too little


def verify(
    operation: str, technique: str | Implementation, *, dtype: str | None = None, case: str | None = None
) -> Verdict:
    """The oracle's verdict on one implementation, over both dtypes and every check case.

    `technique` is a name or what `perflab.load` returned. The verdict is truthy when right; `.error` is
    the largest error as a share of its rounding bound, `.where` the worst tensor and index. Raises
    PerflabError for an unknown name.
    """
    from perflab import catalog

    described = catalog.operation(operation)
    if case is not None and case not in described.checks:
        raise PerflabError(errors.unknown("check case", case, described.checks))
    if dtype is not None and dtype not in DTYPES:
        raise PerflabError(errors.unknown("dtype", dtype, DTYPES))
    raw = technique if isinstance(technique, Implementation) else catalog.raw(operation, technique)
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
    right = held_to(kept_reference(operation, case, dtype), implementation, args, dout)
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
        differences = of_tensors(kept_differences(operation, case, dtype), right.names[1:])
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


def claims_exact(implementation: Implementation | Mutant) -> bool:
    """Whether an implementation's arithmetic is exact on small integers, as all but a few are."""
    return getattr(implementation, "exact_on_integers", True)


def _bounded(note: Callable[..., None], worst: Worst) -> None:
    note("rounding bound", worst.share <= 1, error=worst.share, **_told(worst))


def _told(worst: Worst) -> dict[str, str]:
    return {"where": worst.where, "got": worst.got, "wanted": worst.wanted}


def _equal(got: Array, wanted: Array) -> bool:
    return bool(np.array_equal(got.astype(wanted.dtype), wanted))
