"""The oracle: is an implementation right? Shown, not assumed.

The chain of trust: the operation's `definition` (forward only, in higher precision) is taken as true; its
`gradient` is compared with central differences of the definition; an implementation is compared with both,
element by element, within the rounding bound |got − exact| <= γ_k · (the operation on absolute values) of
Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from perflab import catalog, contract, errors
from perflab.catalog.sizes import with_cases
from perflab.contract import (
    CANNOT_RUN,
    GRAVITY,
    NOT_SHOWN,
    RIGHT,
    UNWRITTEN,
    WRONG,
    Array,
    Case,
    Check,
    Implementation,
    Lacking,
    Mutant,
    Operation,
    PerflabError,
    Verdict,
)
from perflab.oracle import estimate, fairness, references
from perflab.oracle.observation import Observation, Problem, expected, is_wider, observe, same_bits
from perflab.oracle.references import Reference, Worst, differentiable, held_to, judge, of_tensors, on_case

FORBIDDEN = "nothing forbidden"
# What a failed check says of the implementation, where that is not that its numbers are wrong.
STATUSES = {
    "can be checked": CANNOT_RUN, "runs": CANNOT_RUN,
    "returns": NOT_SHOWN, FORBIDDEN: NOT_SHOWN, "no warning": NOT_SHOWN,
}  # fmt: skip
UNFINISHED = {"raised": "runs", "ended": "returns", "failed": "can be checked"}
THIN = 0.01  # a tensor with fewer non-zeros than this share of its elements, and few at all, shows too little


def verify(
    operation: str, technique: str | Implementation, *, dtype: str | None = None, case: str | None = None,
    own: Sequence[Case] = (),
) -> Verdict:  # fmt: skip
    """The oracle's verdict on one implementation, over both dtypes and every check case.

    `technique` is a name or what `perflab.load` returned. With `case`, or with `own` cases of other
    sizes, on these. The verdict is truthy when right; `.error` is
    the largest error as a share of its rounding bound, `.where` the worst tensor and index. Raises
    PerflabError for an unknown name.
    """
    described = with_cases(catalog.operation(operation), own)
    if case is not None and case not in described.checks:
        raise PerflabError(errors.unknown("check case", case, described.checks))
    if dtype is not None and dtype not in contract.DTYPES:
        raise PerflabError(errors.unknown("dtype", dtype, contract.DTYPES))
    dtypes = [dtype] if dtype else contract.DTYPES
    cases = [*([case] if case else ()), *on_own_sizes(described, own)]
    try:
        raw = technique if isinstance(technique, Implementation) else catalog.raw(operation, technique)
    except Lacking as error:
        return cannot_run(operation, str(technique), "+".join(dtypes), str(error))
    verdicts = [examine(described, raw, name, cases) for name in dtypes]
    return replace(
        max(verdicts, key=lambda v: (v.gravity, v.error)),
        dtype="+".join(dtypes),
        checks=tuple(check for v in verdicts for check in v.checks),
        deterministic=all(v.deterministic for v in verdicts),
        exact=_all_exact(verdicts),
        left_out=tuple(dict.fromkeys(line for v in verdicts for line in v.left_out)),
        remarks=fairness.merged(line for v in verdicts for line in v.remarks),
    )


def on_own_sizes(described: Operation, own: Sequence[Case]) -> list[str]:
    """The check cases for a verification on one's own sizes: these, and the operation's first one.

    Sizes such as a single class make a whole gradient zero, which shows nothing; the first one has numbers.
    """
    return [*(case.name for case in own), next(iter(described.checks))] if own else []


def cannot_run(operation: str, technique: str, dtype: str, why: str) -> Verdict:
    """The verdict on what was not called, as something is missing."""
    return Verdict(operation, technique, dtype, CANNOT_RUN, 0.0, why)


def examine(
    operation: Operation,
    implementation: Implementation | Mutant,
    dtype: str,
    cases: Sequence[str] | None = None,
) -> Verdict:
    """Every check of one implementation in one dtype, on the named check cases (all by default)."""
    written = "forward" not in getattr(implementation, "unwritten", ())
    chosen = [operation.checks[name] for name in cases or operation.checks if written]
    observations = ((case, observe(operation, implementation, case, dtype)) for case in chosen)
    return verdict_on(operation, implementation, dtype, observations)


def verdict_on(
    operation: Operation,
    implementation: Implementation | Mutant,
    dtype: str,
    observations: Iterable[tuple[Case, Observation]],
) -> Verdict:
    """The verdict on observations of an implementation, made here or in another process, case by case."""
    findings = [_Findings(operation, implementation, *each) for each in observations]
    for each in findings:
        each.judge()
    checks = [check for each in findings for check in each.checks]
    weight: dict[str, float] = {}
    for tensor, share in (item for each in findings for item in each.weight.items()):
        weight[tensor] = max(weight.get(tensor, 0.0), share)
    failed = sorted((check for check in checks if not check.ok), key=_gravity, reverse=True)
    thin = [tensor for tensor, share in weight.items() if share < THIN]
    bounded = [check for check in checks if check.name == "rounding bound"]
    worst = max(bounded, key=lambda c: c.error, default=None)
    unwritten = getattr(implementation, "unwritten", ())
    status, where, error = RIGHT, "", worst.error if worst else 0.0
    if failed:
        status = STATUSES.get(failed[0].name, WRONG)
        where = f"{failed[0].case}: {failed[0].name}: {failed[0].where}"
        error = max(error, failed[0].error)
    if unwritten and status != NOT_SHOWN:  # a fault in what is given does not hide a TODO
        written = f"; what is written: {where}" if failed else ""
        status, where = UNWRITTEN, f"{' and '.join(unwritten)} still to be written{written}"
    elif not failed and (thin or not bounded):
        status, where = NOT_SHOWN, f"{', '.join(thin) or 'every output'}: all but zero in these cases"
    elif not failed and worst:
        where = f"{worst.case}: {worst.where}"
    if status not in (RIGHT, UNWRITTEN):  # it fails elsewhere too
        for each in findings:
            each.remarks = [
                remark for remark in each.remarks if remark != fairness.peculiar(operation, each.case)
            ]
    return Verdict(
        operation=operation.name,
        technique=getattr(implementation, "technique", "") or getattr(implementation, "name", ""),
        dtype=dtype,
        status=status,
        error=error,
        where=where,
        checks=tuple(checks),
        deterministic=all(each.deterministic for each in findings),
        exact=_all_exact(findings),
        remarks=fairness.merged(
            (
                *(estimate.remarks(operation, implementation) if bounded else ()),
                *(remark for each in findings for remark in each.remarks),
            )
        ),
        left_out=tuple(
            f"{each.case.name}: {reason}" for each in findings if (reason := each.observation.not_applicable)
        ),
    )


def _gravity(check: Check) -> int:
    """What is forbidden comes first: it may have made the numbers."""
    status = STATUSES.get(check.name, WRONG)
    return len(GRAVITY) if check.name == FORBIDDEN else GRAVITY.index(status)


def _all_exact(parts: Iterable[Verdict | _Findings]) -> bool | None:
    """Whether all that can be exact is exact; None where nothing can be."""
    exact = [part.exact for part in parts if part.exact is not None]
    return all(exact) if exact else None


@dataclass
class _Findings:
    """The checks of one observation, and the share of non-zeros in each tensor of the reference."""

    operation: Operation
    implementation: Implementation | Mutant
    case: Case
    observation: Observation
    checks: list[Check] = field(default_factory=list)
    exact: bool | None = None
    deterministic: bool = True
    weight: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    args: tuple[Any, ...] = ()
    dout: Any = None

    @property
    def fair(self) -> bool:
        """Whether it comes from outside, and is judged by its mathematics."""
        return getattr(self.implementation, "outside", False)

    def judge(self) -> None:
        """Make every check that the observation allows."""
        observation = self.observation
        self.remarks += [observation.remark] if observation.remark else []
        if observation.forbidden:
            self.note(FORBIDDEN, False, observation.forbidden)
        if observation.first or observation.form:
            self.note("form", not observation.form, observation.form)
        if observation.first:
            self.judge_values()
        rare = fairness.peculiar(self.operation, self.case) if self.fair else ""
        for name in ("raised", "ended", "failed"):
            fault = getattr(observation, name)
            if fault and rare and name == "raised":
                self.remarks.append(rare)
            elif fault:
                self.note(UNFINISHED[name], False, fault)
        if observation.warned and self.fair and rare not in self.remarks:
            self.remarks.append(f"it warns: {observation.warned}")
        if observation.whole and not self.fair:
            self.note("no warning", not observation.warned, observation.warned)

    def note(self, name: str, ok: bool, fault: str = "", got: str = "", wanted: str = "") -> None:
        """Note a check; only a failed one shows its `fault`."""
        where = "" if ok else fault
        self.checks.append(Check(name, ok, self.case.name, self.observation.dtype, 0.0, where, got, wanted))

    def note_worst(self, name: str, right: Reference, got: Sequence[Array]) -> None:
        """Note a check for each tensor: its worst element is within its bound, or there is a remark on it."""
        case, dtype = self.case.name, self.observation.dtype
        for w in judge(right, got):
            remark = self.remark(right, w, got)
            self.remarks += [remark] if remark else []
            if remark in ("", fairness.TIES) or remark.startswith(fairness.CLOSE):
                ok, share = w.share <= 1 or bool(remark), 0.0 if remark == fairness.TIES else w.share
                self.checks.append(Check(name, ok, case, dtype, share, w.where, w.got, w.wanted))

    def remark(self, right: Reference, worst: Worst, got: Sequence[Array]) -> str:
        """Why a tensor from outside that is beyond its bound is right all the same; else empty."""
        if worst.share <= 1 or not self.fair:
            return ""
        tensor = got[right.names.index(worst.tensor)]
        return fairness.remark(self.operation, self.case, right, worst.tensor, tensor, self.args, self.dout)

    def judge_values(self) -> None:
        """Check the results of every call; what they are compared with is computed here."""
        operation, case, observation = self.operation, self.case, self.observation
        dtype, first = observation.dtype, observation.first
        args, dout = self.args, self.dout = Problem(operation, case, dtype).arguments()
        if any(tensor.shape and is_wider(tensor.dtype, dtype) for tensor in first):
            self.remarks.append(fairness.WIDER)
        right = on_case(references.of_case, operation, case, dtype)
        right = held_to(right, self.implementation, args, dout)
        right = of_tensors(right, expected(operation, self.implementation, args, dout, dtype).names)
        self.note("inputs untouched", not observation.wrote, "forward or backward wrote to an input")
        views = ", ".join(observation.views)
        self.note("fresh outputs", not views, f"{views}: shares memory with an input")
        self.note_worst("rounding bound", right, first)
        claims_exact = getattr(self.implementation, "exact_on_integers", True)
        if case.inputs == "integers" and operation.exact_on_integers and claims_exact:
            tensors = zip(first, right.values, strict=True)
            self.exact = all(np.array_equal(got.astype(wanted.dtype), wanted) for got, wanted in tensors)
        named = zip(right.names, right.values, strict=True)
        self.weight = {name: references.weight(value) for name, value in named if value.size}
        if differentiable(operation, case) and right.values[0].size and len(first) > 1:
            self.compare_with_differences(right)
        if observation.later_form:
            self.note("one cache, many backwards", False, observation.later_form)
            return
        same = len(observation.repeated) == len(first) - 1
        same = same and all(map(same_bits, observation.repeated, first[1:]))
        if observation.repeated and not same:
            again = (first[0], *observation.repeated)
            far = [w for w in judge(right, again) if w.share > 1 and not self.remark(right, w, again)]
            values = {"fault": far[0].where, "got": far[0].got, "wanted": far[0].wanted} if far else {}
            self.note("one cache, many backwards", not far, **values)
        if observation.second or observation.changed_later:
            changed = "a later call changed what an earlier one had returned"
            self.note("fresh outputs", not observation.changed_later, changed)
            stale = "the same arrays with other contents got the old answer"
            self.note("answers anew", not observation.stale, stale)
            repeated = same and all(map(same_bits, observation.second, first))
            self.deterministic = not observation.second or repeated
            if not self.deterministic:  # results may differ within the bound
                self.note_worst("rounding bound", right, observation.second)
        if observation.ints:
            self.note_worst("an int for a pair", right, observation.ints)

    def compare_with_differences(self, right: Reference) -> None:
        """Check the gradients against central differences of the definition, every element.

        Where these are too many, the reference is compared with them, along a random direction.
        """
        where = self.operation, self.case, self.observation.dtype
        if not on_case(references.has_differences, *where):
            share = on_case(references.slope_share, *where)
            self.note("central differences", share <= 1, "the reference is not its definition's gradient")
            return
        differences = of_tensors(on_case(references.differences, *where), right.names[1:])
        bounds = tuple(a + b for a, b in zip(differences.bounds, right.bounds[1:], strict=True))
        got = self.observation.first[1:]
        self.note_worst("central differences", replace(differences, bounds=bounds), got)
