"""The answers of known mistakes, compared with those of an outside implementation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from perflab import catalog
from perflab.contract import Array, Case, Mutant, Operation
from perflab.oracle.diagnosis.examples import Example, examples_of, far, largest
from perflab.oracle.observation import answer_of, fingerprint

ROUNDING = 8.0  # two wrong answers may differ by so many rounding bounds of the reference
ENOUGH = 4  # cases in which both are wrong alike, so that those that are peculiar need not count
RELATIVE = 1e-10  # and by this share of the largest value of the tensor
NEAR = 1e-9  # of the largest value: an answer so near is right, by another arithmetic
CLEAR = 1e-6  # a case separates a mistake from right only where they differ by this share

Answer = Callable[[Case], tuple[Array, ...] | None]


@dataclass(frozen=True)
class Answered:
    """An answer on one example: its tensors, and which of them are wrong, in a number or in their shape."""

    example: Example
    got: tuple[Array, ...]
    wrong: tuple[bool, ...]

    def misshapen(self, t: int) -> bool:
        """Whether a tensor has another shape than is wanted."""
        return self.got[t].shape != self.example.wanted[t].shape


Answers = dict[str, Answered]  # by case, without the examples that got no answer


@dataclass(frozen=True)
class Known:
    """A known mistake and its answers; `upon` has the forward whose cache the second of two mistakes uses."""

    mutant: Mutant
    answers: Answers
    upon: Mutant | None = None

    def separates(self, operation: Operation, example: Example, t: int) -> Answered | None:
        """Its answer, where tensor `t` is clearly wrong and not that of the first of two mistakes."""
        answer = answered(partial(answer_of, operation, functions=self.mutant), example, CLEAR)
        if answer is None or not answer.wrong[t]:
            return None
        first = answer_of(operation, example.case, self.upon) if self.upon else None
        apart = first is None or far(answer.got[t], first[t], CLEAR * largest(first[t])).any()
        return answer if apart else None


@dataclass
class Look:
    """The answers of the outside implementation on the examples; `names` are those of its tensors."""

    operation: Operation
    answer: Answer
    names: tuple[str, ...]
    answers: Answers
    refuted: set[str] = field(default_factory=set)

    @property
    def tensors(self) -> list[int]:
        """The tensors that are wrong; where some are wrong in ordinary cases, those alone."""
        ordinary = [a for a in self.answers.values() if not a.example.peculiar]
        wrong = [t for t in range(len(self.names)) if any(a.wrong[t] for a in ordinary)]
        every = [t for t in range(len(self.names)) if any(a.wrong[t] for a in self.answers.values())]
        return wrong or every


@dataclass(frozen=True)
class Match:
    """A known mistake, the wrong tensors that it explains, and how many right ones it would break."""

    known: Known
    tensors: tuple[int, ...]
    breaks: int


def match(look: Look, known: Known, remaining: Sequence[int]) -> Match | None:
    """Which of the remaining tensors a known mistake explains; None where none."""
    kinds = {t: _explains(look, known, t) for t in look.tensors}
    both = [known.answers[case] for case in look.answers.keys() & known.answers]
    breaks = sum(t not in kinds and any(a.wrong[t] for a in both) for t in range(len(look.names)))
    whole = not breaks and all(kinds.values())
    tensors = tuple(t for t in remaining if kinds[t] == "values" or (kinds[t] == "overflow" and whole))
    return Match(known, tensors, breaks) if tensors else None


def _explains(look: Look, known: Known, t: int) -> str:
    """Whether tensor `t` is the mutant's in every answer: by "values", by "overflow" alone, or "" for no.

    That two answers overflow at the same places says little, so it counts only where all else fits as well.
    Where the mutant has no answer nothing can be compared; that may be so in few of the wrong cases. Two
    programs with the same mistake may differ on an empty batch, on NaN or where exp overflows; and one of
    them may have a further fault where an axis has one element, or give another shape.
    """
    shared, apart, rare, finite = 0, 0, 0, False
    for case, ours in look.answers.items():
        mutant, example = known.answers.get(case), ours.example
        if mutant is None:
            apart += ours.wrong[t]
        elif not alike(ours.got[t], mutant.got[t], example.allowed[t]):
            if ours.misshapen(t) or ours.misshapen(0):
                continue  # as if there were no answer
            if not example.degenerate:
                return ""
            if example.peculiar:
                rare += 1
            else:
                apart += 1
        elif ours.wrong[t] and mutant.wrong[t]:
            shared += 1
            finite |= ours.misshapen(t)
            if not finite:
                mask = far(ours.got[t], example.wanted[t], example.allowed[t])
                finite |= bool((np.isfinite(mutant.got[t]) | ~np.isfinite(example.wanted[t]))[mask].any())
    plain = shared >= ENOUGH and shared > 2 * apart
    return "" if not (plain or shared > 2 * (apart + rare)) else "values" if finite else "overflow"


def alike(got: Array, mutant: Array, allowed: Array) -> bool:
    """Whether two answers agree within rounding. Overflow may give inf in one and NaN in the other."""
    if got.shape != mutant.shape:
        return False
    if got.shape != allowed.shape:  # both are of the same wrong shape
        return not bool(far(got, mutant, CLEAR * largest(mutant)).any())
    apart = far(got, mutant, ROUNDING * allowed + RELATIVE * largest(mutant))
    return not bool((apart & (np.isfinite(got) | np.isfinite(mutant))).any())


def known_mistakes(operation: Operation) -> list[Known]:
    """The operation's mutants with their answers, computed once per process; none where it has no list.

    A mutant whose answers change from call to call is excluded: its numbers do not show its mistake.
    """
    at = ("known", operation.name, operation.definition, operation.wrt)
    if at not in _KNOWN:
        try:
            mutants = _with_gradients(operation, catalog.mutants(operation.name))
        except ImportError:
            mutants = ()
        _KNOWN[at] = [_known(operation, mutant) for mutant in mutants if _is_steady(operation, mutant)]
    return _KNOWN[at]


def _with_gradients(operation: Operation, mutants: Sequence[Mutant]) -> Sequence[Mutant]:
    """Mutants that give the operation's gradients alone, where it has only some."""
    whole = catalog.operation(operation.name).wrt if operation.name in catalog.operations() else operation.wrt
    if operation.wrt == whole:
        return mutants
    at = [whole.index(name) for name in operation.wrt]

    def some(backward: Callable[..., Any]) -> Callable[..., Any]:
        def chosen(dout: Any, cache: Any) -> tuple[Array, ...]:
            gradients = backward(dout, cache)
            return tuple(gradients[i] for i in at)

        return chosen

    return [replace(mutant, backward=some(mutant.backward)) for mutant in mutants]


_KNOWN: dict[tuple[Any, ...], list[Known]] = {}


def _is_steady(operation: Operation, mutant: Mutant) -> bool:
    def answer(example: Example) -> str:
        return fingerprint(answer_of(operation, example.case, mutant) or ())

    return all(answer(example) == answer(example) for example in examples_of(operation)[:2])


def mixed(look: Look, first: Known, known: Sequence[Known]) -> list[Known]:
    """The mistakes of backward alone, with the cache of the first mistake's forward."""
    return [
        _known(look.operation, replace(k.mutant, forward=first.mutant.forward), upon=first.mutant)
        for k in known
        if not any(a.wrong[0] for a in k.answers.values())
    ]


def _known(operation: Operation, mutant: Mutant, upon: Mutant | None = None) -> Known:
    return Known(mutant, answers_on(operation, partial(answer_of, operation, functions=mutant), CLEAR), upon)


def answers_on(operation: Operation, answer: Answer, share: float) -> Answers:
    """The answers on the examples, as `answered` gives them."""
    answers = (answered(answer, example, share) for example in examples_of(operation))
    return {each.example.case.name: each for each in answers if each}


def answered(answer: Answer, example: Example, share: float = 0.0) -> Answered | None:
    """An answer in float64; None where there is none.

    A tensor is wrong where its shape is, or where its error exceeds the rounding bound plus `share` of its
    largest value.
    """
    got = tuple(np.asarray(value, np.float64) for value in answer(example.case) or ())
    if len(got) != len(example.wanted):
        return None
    triples = list(zip(got, example.wanted, example.allowed, strict=True))
    if got[0].shape != example.wanted[0].shape:  # gradients of another output say nothing
        return Answered(example, got, (True, *(False for _ in got[1:])))
    return Answered(example, got, tuple(bool(far(a, b, c + share * largest(b)).any()) for a, b, c in triples))
