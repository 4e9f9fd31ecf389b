"""The diagnosis: which known mistake gives the very numbers that an outside implementation gave.

Where a wrong tensor is equal to a mutant's on every example, within rounding, the mistake has a name, a line
of the derivation that it breaks, and a smallest case that shows it. Where no mutant fits, `patterns` reports
what all the errors have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from perflab.contract import Case, Mutant, Operation
from perflab.oracle.diagnosis.conditions import conditions
from perflab.oracle.diagnosis.examples import (
    derivative,
    example_of,
    far,
    further_examples,
    largest,
    volume,
    with_gradients,
)
from perflab.oracle.diagnosis.known import (
    NEAR,
    Answer,
    Answered,
    Known,
    Look,
    Match,
    alike,
    answered,
    answers_on,
    known_mistakes,
    match,
    mixed,
)
from perflab.oracle.diagnosis.patterns import Compared, pattern
from perflab.oracle.diagnosis.smallest import smallest
from perflab.oracle.diagnosis.telling import Diagnosis, picture, told
from perflab.oracle.references import shares

__all__ = ["Diagnosis", "diagnose", "told"]

MOST_ANSWERS = 60  # of the outside implementation, on the search for the smallest case
FURTHER_SEEDS = (6, 7)  # of the cases on which a pattern is tested
STEP, SLOPE = 2.0**-15, 1e-6  # of central differences, and their tolerance


def diagnose(operation: Operation, answer: Answer, gives: Sequence[str] | None = None) -> list[Diagnosis]:
    """The mistakes of an outside implementation, in the order of its tensors; none where all is right.

    `answer(case)` gives (out, *gradients in the order of wrt) in float64 for `inputs.make` and
    `inputs.upstream` of this case, or None where it raised or a dtype or their number was wrong. `gives`
    names the gradients where these are not all of wrt.
    """
    operation = with_gradients(operation, gives)
    names = ("out", *(f"d{name}" for name in operation.wrt))
    look = Look(operation, answer, names, answers_on(operation, answer, NEAR))
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
            first = next(k for k in known if k.mutant.name == named.mistake)
            known = [*known, *mixed(look, first, known)]
    return sorted(diagnoses, key=lambda d: names.index(d.tensors[0]))


def _named(look: Look, known: Sequence[Known], remaining: Sequence[int]) -> Diagnosis | None:
    """The known mistake that explains most of these tensors and breaks fewest that are right."""
    matches = [m for k in known if (m := match(look, k, remaining))]
    matches.sort(key=lambda m: (-len(m.tensors), m.breaks))
    for best in matches:
        mutant = best.known.mutant
        shown = None if mutant.name in look.refuted else _smallest(look, best)
        if shown is None:
            look.refuted.add(mutant.name)
            continue
        equal = [m.known.mutant for m in matches if m.tensors == best.tensors and m.breaks == best.breaks]
        lessons = {m.name: m.lesson for m in equal if m.name not in look.refuted}
        if len(lessons) > 1:  # the numbers fit both: neither is the name
            either = f"either {', or '.join(sorted(lessons.values()))}"
            return _diagnosis(look, best.tensors, shown, pattern=either)
        follows = _follows(look, mutant, set(remaining) - set(best.tensors)) if 0 in best.tensors else ()
        named = {"mistake": mutant.name, "lesson": mutant.lesson, "breaks": mutant.breaks}
        return _diagnosis(look, best.tensors, shown, **named, follows=follows)
    return None


def _smallest(look: Look, match: Match) -> Answered | None:
    """The answer on the smallest case where the mutant is wrong and the answer is its own; None if refuted.

    Where the mutant is wrong, the outside implementation is called. A case without an answer is not used; an
    answer that is not the mutant's refutes the name.
    """
    operation, known, t = look.operation, match.known, match.tensors[0]
    agrees: list[bool] = []  # whether each answer was the mutant's, or there was none

    def separates(case: Case) -> bool:
        if len(agrees) >= MOST_ANSWERS or False in agrees:
            return False
        example = example_of(operation, case)
        mutant = known.separates(operation, example, t)
        if mutant is None:
            return False
        ours = answered(look.answer, example)
        triples = zip(ours.got, mutant.got, example.allowed, strict=True) if ours else ()
        agree = all(alike(*each) for k, each in enumerate(triples) if k in match.tensors)
        if agree or not example.degenerate:
            agrees.append(agree)
        return ours is not None and agree

    both = [a.example for case, a in look.answers.items() if case in known.answers
            and a.wrong[t] and known.answers[case].wrong[t]]  # fmt: skip
    both.sort(key=lambda example: volume(operation, example.case))
    start = next((example for example in both if known.separates(operation, example, t)), both[0])
    case = smallest(operation, start.case, separates)
    return None if False in agrees else answered(look.answer, example_of(operation, case))


def _follows(look: Look, mutant: Mutant, tensors: Iterable[int]) -> tuple[str, ...]:
    """The wrong gradients that are the derivative of the mutant's output: they are no further mistake."""
    plain = [a for a in look.answers.values() if a.example.case.inputs == "normal" and a.wrong[0]]
    plain.sort(key=lambda a: volume(look.operation, a.example.case))

    def is_derivative(a: Answered, t: int) -> bool:
        slope = derivative(a.example, mutant.forward, look.names[t][1:], STEP)
        return not a.misshapen(t) and not far(a.got[t], slope, SLOPE * (1 + largest(slope))).any()

    wrong = {t: [a for a in plain if a.wrong[t]][:4] for t in sorted(tensors)}
    return tuple(look.names[t] for t in wrong if wrong[t] and all(is_derivative(a, t) for a in wrong[t]))


def _unnamed(look: Look, t: int) -> Diagnosis:
    """The pattern of one tensor's errors, and a check case that shows them."""
    answers = look.answers.values()
    wrong = [a for a in answers if a.wrong[t]]
    best = min(
        wrong,
        key=lambda a: (not a.misshapen(t), not a.example.checked, volume(look.operation, a.example.case)),
    )
    words = _pattern(look, t)
    return _diagnosis(look, (t,), best, pattern=words, checked=best.example.checked)


def _pattern(look: Look, t: int) -> str:
    """What is true in every case, and in more of them: some sizes differ by chance in the few first ones."""
    answers = list(look.answers.values())
    for seed in FURTHER_SEEDS:
        further = (answered(look.answer, example, NEAR) for example in further_examples(look.operation, seed))
        answers += [each for each in further if each]
    answers = [a for a in answers if t == 0 or not a.misshapen(0)]
    shapes = [a.misshapen(t) for a in answers]
    if any(shapes):
        where = conditions(look.operation, [a.example for a in answers], shapes)
        return f"its shape is {where or 'wrong in some cases'}"
    compared = [Compared(a.example, t, a.got[t], a.wrong[t]) for a in answers]
    return pattern(look.operation, look.names[t], compared)


def _diagnosis(look: Look, tensors: Sequence[int], shown: Answered, **cause: Any) -> Diagnosis:
    """A diagnosis with this cause: it shows where the first of these tensors is worst in this case."""
    t = tensors[0]
    got, wanted = shown.got[t], np.asarray(shown.example.wanted[t], np.float64)
    if shown.misshapen(t):
        cause["shapes"] = (got.shape, wanted.shape)
        got, wanted = np.full((), np.nan), np.full((), np.nan)
    at = np.unravel_index(int(np.argmax(shares(got, wanted, 1.0))), got.shape)
    return Diagnosis(
        operation=look.operation.name,
        tensors=tuple(look.names[t] for t in tensors),
        case=shown.example.case,
        tensor=look.names[t],
        index=tuple(int(i) for i in at),
        got=float(got[at]),
        wanted=float(wanted[at]),
        cases=len(look.answers),
        picture=picture(look.names[t], got, wanted, at),
        **cause,
    )
