"""The diagnosis: which known mistake gives the very numbers that an outside implementation gave.

Where a wrong tensor is equal to a mutant's on every example, within rounding, the mistake has a name, a line
of the derivation that it breaks, and a smallest case that shows it. Where no mutant fits, `patterns` reports
what all the errors have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from perflab.contract import Array, Case, Mutant, Operation
from perflab.oracle.diagnosis.examples import (
    derivative,
    example_of,
    examples_of,
    far,
    largest,
    volume,
)
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
from perflab.oracle.diagnosis.patterns import Compared, pattern
from perflab.oracle.diagnosis.smallest import smallest
from perflab.oracle.diagnosis.telling import Diagnosis, picture, told
from perflab.oracle.observation import answer_of

__all__ = ["Diagnosis", "diagnose", "told"]

MOST_ANSWERS = 60  # of the outside implementation, on the search for the smallest case
STEP, SLOPE = 2.0**-15, 1e-6  # of central differences, and their tolerance


def diagnose(operation: Operation, answer: Answer) -> list[Diagnosis]:
    """The mistakes of an outside implementation, in the order of its tensors; none where all is right.

    `answer(case)` gives (out, *gradients in the order of wrt) in float64 for `inputs.make` and
    `inputs.upstream` of this case, or None where it raised or a shape, a dtype or their number was wrong.
    """
    examples = examples_of(operation)
    names = ("out", *(f"d{name}" for name in operation.wrt))
    answers = [given(answer(e.case), e) for e in examples]
    wrong = [wrongs(got, e, 0.0) for got, e in zip(answers, examples, strict=True)]
    look = Look(operation, answer, examples, answers, names, wrong)
    remaining, known = look.tensors, known_mistakes(operation)
    diagnoses: list[Diagnosis] = []
    while remaining:
        named = _named(look, known, remaining)
        if named is None:
            diagnoses += [_unnamed(look, t) for t in remaining]
            break
        diagnoses.append(named)
        explained = {names.index(name) for name in (*named.tensors, *named.follows)}
        remaining = [t for t in remaining if t not in explained]
        if named.mistake and 0 in explained:  # a second mistake may use the cache of the first
            first = next(k for k in known if k.name == named.mistake)
            known = [*known, *mixed(look, first, known)]
    return sorted(diagnoses, key=lambda d: names.index(d.tensors[0]))


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
        names = tuple(look.names[t] for t in follows)
        diagnosis = replace(_diagnosis(look, best.tensors, *shown), follows=names)
        if len(equal) > 1:  # the numbers fit both: neither is the name
            either = ", or ".join(sorted(k.mutant.lesson for k in equal.values()))
            return replace(diagnosis, pattern=f"either {either}")
        mutant = best.known.mutant
        return replace(diagnosis, mistake=mutant.name, lesson=mutant.lesson, breaks=mutant.breaks)


def _smallest(look: Look, match: Match) -> tuple[Case, Array, Array, int] | None:
    """The smallest case on which the mutant is wrong and the outside answer is the mutant's; None if refuted.

    Where the mutant is wrong, the outside implementation is called. A case without an answer is not used; an
    answer that is not the mutant's refutes the name.
    """
    operation, known, t = look.operation, match.known, match.tensors[0]
    agrees: list[bool] = []  # whether each answer was the mutant's, or there was none

    def separates(case: Case) -> bool:
        if len(agrees) >= MOST_ANSWERS or False in agrees or not known.separates(operation, case, t):
            return False
        mutant_answer = answer_of(operation, case, known.mutant)
        example = example_of(operation, case)
        got = given(look.answer(case), example)
        assert mutant_answer is not None
        triples = [(got[k], mutant_answer[k], example.allowed[k]) for k in match.tensors] if got else []
        agrees.append(all(alike(*each) for each in triples))
        return got is not None and agrees[-1]

    at = [i for i in look.answered if look.wrong[i][t] and known.wrong[i][t]]
    cases = sorted((look.examples[i].case for i in at), key=lambda case: volume(operation, case))
    start = next((case for case in cases if known.separates(operation, case, t)), cases[0])
    case = smallest(operation, start, separates)
    if False in agrees:
        return None
    example = example_of(operation, case)
    got = given(look.answer(case), example)
    return None if got is None else (case, got[t], example.wanted[t], t)


def _follows(look: Look, mutant: Mutant, tensors: Sequence[int]) -> tuple[int, ...]:
    """The wrong gradients that are the derivative of the mutant's output: they are no further mistake."""
    plain = [i for i in look.answered if look.examples[i].case.inputs == "normal" and look.wrong[i][0]]
    plain.sort(key=lambda i: volume(look.operation, look.examples[i].case))
    following = []
    for t in tensors:
        fits = []
        for i in [i for i in plain if look.wrong[i][t]][:4]:
            got = look.answers[i]
            assert got is not None
            slope = derivative(look.examples[i], mutant.forward, look.names[t][1:], STEP)
            fits.append(not far(got[t], slope, SLOPE * (1 + largest(slope))).any())
        if fits and all(fits):
            following.append(t)
    return tuple(following)


def _unnamed(look: Look, t: int) -> Diagnosis:
    """The pattern of one tensor's errors, and a check case that shows them."""
    compared = []
    for i in look.answered:
        got = look.answers[i]
        assert got is not None
        compared.append(Compared(look.examples[i], t, got[t], look.wrong[i][t]))
    shown = [each for each in compared if each.wrong]
    best = min(shown, key=lambda s: (not s.example.checked, volume(look.operation, s.example.case)))
    diagnosis = _diagnosis(look, (t,), best.example.case, best.got, best.wanted, t)
    words = pattern(look.operation, look.names[t], compared)
    return replace(diagnosis, pattern=words, checked=best.example.checked)


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
