"""The diagnosis: which known mistake gives the very numbers that an outside implementation gave.

The mutants that hold the oracle to its word also teach. Where a wrong tensor equals a mutant's on every
case looked at, within rounding, the mistake has a name, a line of the derivation that it breaks, and a
smallest case that separates it from right. Where none does, `patterns` tells what all the errors share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from perflab.contract import Array, Case, Mutant, Operation
from perflab.oracle.diagnosis import witness
from perflab.oracle.diagnosis.known import (
    Answer,
    Known,
    Look,
    Match,
    alike,
    given,
    known_mistakes,
    match,
    mixed,
    wrongs,
)
from perflab.oracle.diagnosis.patterns import Seen, pattern
from perflab.oracle.diagnosis.smallest import smallest
from perflab.oracle.diagnosis.telling import Diagnosis, picture, told
from perflab.oracle.diagnosis.witness import far, largest

__all__ = ["Diagnosis", "diagnose", "told"]

ASKED = 60  # cases on the way to the smallest at which the outside implementation is asked
STEP, SLOPE = 2.0**-15, 1e-6  # of central differences, and how far they may be off


def diagnose(operation: Operation, answer: Answer) -> list[Diagnosis]:
    """The mistakes of an outside implementation, in the order of its tensors; none where all is right.

    `answer(case)` gives (out, *gradients in the order of wrt) in float64 for `inputs.make` and
    `inputs.upstream` of this case, or None where it raised or a shape, a dtype or their number was wrong.
    """
    held = witness.witnesses(operation)
    names = ("out", *(f"d{name}" for name in operation.wrt))
    answers = [given(answer(w.case), w) for w in held]
    wrong = [wrongs(got, w, 0.0) for got, w in zip(answers, held, strict=True)]
    look = Look(operation, answer, held, answers, names, wrong)
    remaining, known = look.tensors, known_mistakes(operation)
    found: list[Diagnosis] = []
    while remaining:
        named = _named(look, known, remaining)
        if named is None:
            found += [_unnamed(look, t) for t in remaining]
            break
        found.append(named)
        explained = {names.index(name) for name in (*named.tensors, *named.follows)}
        remaining = [t for t in remaining if t not in explained]
        if named.mistake and 0 in explained:  # a second mistake may work on what the first one left behind
            first = next(k for k in known if k.name == named.mistake)
            known = [*known, *mixed(look, first, known)]
    return sorted(found, key=lambda d: names.index(d.tensors[0]))


def _named(look: Look, known: Sequence[Known], remaining: Sequence[int]) -> Diagnosis | None:
    """The known mistake that explains most of these tensors and breaks fewest that are right."""
    while True:
        matches = [m for k in known if (m := match(look, k, remaining))]
        if not matches:
            return None
        best = max(matches, key=lambda m: (len(m.tensors), -m.breaks))
        equal = {m.known.name: m.known for m in reversed(matches)
                 if m.tensors == best.tensors and m.breaks == best.breaks}  # fmt: skip
        shown = _smallest(look, best)
        if shown is None:
            look.refuted.add(best.known.name)
            continue
        rest = [t for t in remaining if t not in best.tensors]
        follows = _follows(look, best.known.mutant, rest) if 0 in best.tensors and len(equal) == 1 else ()
        found = replace(_diagnosis(look, best.tensors, *shown), follows=tuple(look.names[t] for t in follows))
        if len(equal) > 1:  # the numbers cannot tell which: neither is the name
            either = ", or ".join(sorted(k.mutant.lesson for k in equal.values()))
            return replace(found, pattern=f"either {either}")
        mutant = best.known.mutant
        return replace(found, mistake=mutant.name, lesson=mutant.lesson, breaks=mutant.breaks)


def _smallest(look: Look, match: Match) -> tuple[Case, Array, Array, int] | None:
    """The smallest case on which the mutant is wrong and the outside answer is the mutant's; None if refuted.

    Where the mutant separates, the outside implementation is asked. Without an answer the way down goes
    elsewhere; an answer that is not the mutant's takes the name away.
    """
    operation, known, t = look.operation, match.known, match.tensors[0]
    asked: list[bool] = []  # whether each answer was the mutant's, or there was none

    def separates(case: Case) -> bool:
        if len(asked) >= ASKED or False in asked or not known.separates(operation, case, t):
            return False
        theirs = witness.run(operation, case, known.mutant)
        held = witness.witness(operation, case, False)
        got = given(look.answer(case), held)
        assert theirs is not None
        asked.append(got is None or all(alike(got[k], theirs[k], held.allowed[k]) for k in match.tensors))
        return got is not None and asked[-1]

    at = [i for i in look.answered if look.wrong[i][t] and known.wrong[i][t]]
    cases = sorted((look.witnesses[i].case for i in at), key=lambda case: witness.volume(operation, case))
    start = next((case for case in cases if known.separates(operation, case, t)), cases[0])
    case = smallest(operation, start, separates)
    if False in asked:
        return None
    held = witness.witness(operation, case, False)
    got = given(look.answer(case), held)
    return None if got is None else (case, got[t], held.wanted[t], t)


def _follows(look: Look, mutant: Mutant, tensors: Sequence[int]) -> tuple[int, ...]:
    """Which wrong gradients are the derivative of the mutant's output: that is no further mistake."""
    plain = [i for i in look.answered if look.witnesses[i].case.inputs == "normal" and look.wrong[i][0]]
    plain.sort(key=lambda i: witness.volume(look.operation, look.witnesses[i].case))
    found = []
    for t in tensors:
        fits = []
        for i in [i for i in plain if look.wrong[i][t]][:4]:
            got = look.answers[i]
            assert got is not None
            slope = witness.derivative(look.witnesses[i], mutant.forward, look.names[t][1:], STEP)
            fits.append(not far(got[t], slope, SLOPE * (1 + largest(slope))).any())
        if fits and all(fits):
            found.append(t)
    return tuple(found)


def _unnamed(look: Look, t: int) -> Diagnosis:
    """What all the errors of one tensor share, and a check case that shows them."""
    seen = []
    for i in look.answered:
        got = look.answers[i]
        assert got is not None
        seen.append(Seen(look.witnesses[i], t, got[t], look.wrong[i][t]))
    shown = [s for s in seen if s.wrong]
    one = min(shown, key=lambda s: (not s.witness.checked, witness.volume(look.operation, s.witness.case)))
    found = _diagnosis(look, (t,), one.witness.case, one.got, one.wanted, t)
    words = pattern(look.operation, look.names[t], seen)
    return replace(found, pattern=words, checked=one.witness.checked)


def _diagnosis(
    look: Look, tensors: Sequence[int], case: Case, got: Array, wanted: Array, t: int
) -> Diagnosis:
    """A diagnosis without its cause: where the tensor is worst in this case, and its picture."""
    wanted = np.asarray(wanted, np.float64)
    with np.errstate(all="ignore"):
        error = np.where((got == wanted) | (np.isnan(got) & np.isnan(wanted)), 0.0, np.abs(got - wanted))
    at = np.unravel_index(int(np.argmax(np.where(np.isnan(error), np.inf, error))), error.shape)
    return Diagnosis(
        operation=look.operation.name,
        tensors=tuple(look.names[t] for t in tensors),
        case=case,
        tensor=look.names[t],
        index=tuple(int(i) for i in at),
        got=float(got[at]),
        wanted=float(wanted[at]),
        cases=len(look.answered),
        picture=picture(look.names[t], got, wanted, at),
    )
