"""The answers of known mistakes, compared with those of an outside implementation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from perflab import catalog
from perflab.contract import Array, Case, Mutant, Operation
from perflab.oracle.diagnosis.examples import Example, examples_of, far, largest, roughly
from perflab.oracle.observation import answer_of

ROUNDING = 8.0  # two wrong answers may differ by so many rounding bounds of the reference
RELATIVE = 1e-10  # and by this share of the largest value of the tensor
CLEAR = 1e-6  # a case separates a mistake from right only where they differ by this share

Given = tuple[Array, ...] | None
Answer = Callable[[Case], Given]


@dataclass(frozen=True)
class Known:
    """A known mistake: its answers on every example, and where each tensor of them is wrong.

    Where it is the second of two mistakes, `upon` has the forward whose cache it uses.
    """

    mutant: Mutant
    answers: tuple[Given, ...]
    wrong: tuple[tuple[bool, ...], ...]
    upon: Mutant | None = None

    @property
    def name(self) -> str:
        """The mutant's name."""
        return self.mutant.name

    def separates(self, operation: Operation, case: Case, t: int) -> bool:
        """Whether tensor `t` is clearly wrong here, and differs from that of the first of two mistakes."""
        answer = answer_of(operation, case, self.mutant)
        if answer is None or not far(answer[t], *roughly(operation, case, t, CLEAR)).any():
            return False
        first = answer_of(operation, case, self.upon) if self.upon else None
        return first is None or bool(far(answer[t], first[t], CLEAR * largest(first[t])).any())


@dataclass
class Look:
    """The answers of the outside implementation on every example, tensor by tensor."""

    operation: Operation
    answer: Answer
    examples: tuple[Example, ...]
    answers: list[Given]
    names: tuple[str, ...]
    wrong: list[tuple[bool, ...]]
    refuted: set[str] = field(default_factory=set)

    @property
    def answered(self) -> list[int]:
        """The examples with an answer."""
        return [i for i, got in enumerate(self.answers) if got is not None]

    @property
    def tensors(self) -> list[int]:
        """The tensors that are wrong anywhere."""
        return [t for t in range(len(self.names)) if any(self.wrong[i][t] for i in self.answered)]


@dataclass(frozen=True)
class Match:
    """A known mistake, the wrong tensors that it explains, and how many right ones it would break."""

    known: Known
    tensors: tuple[int, ...]
    breaks: int


def match(look: Look, known: Known, remaining: Sequence[int]) -> Match | None:
    """Which of the remaining tensors a known mistake explains; None where none."""
    if known.name in look.refuted:
        return None
    kinds = {t: _explains(look, known, t) for t in look.tensors}
    breaks = sum(
        t not in kinds and any(known.wrong[i][t] for i in look.answered) for t in range(len(look.names))
    )
    whole = not breaks and all(kinds.values())
    tensors = tuple(t for t in remaining if kinds[t] == "values" or (kinds[t] == "overflow" and whole))
    return Match(known, tensors, breaks) if tensors else None


def _explains(look: Look, known: Known, t: int) -> str:
    """Whether tensor `t` is the mutant's in every answer: by "values", by "overflow" alone, or "" for no.

    That two answers overflow at the same places says little, so it counts only where all else fits as well.
    Where the mutant has no answer nothing can be compared; that may be so in few of the wrong cases. Two
    programs with the same mistake may differ on an empty batch, on NaN or where exp overflows.
    """
    shared, apart, finite = 0, 0, False
    for i in look.answered:
        got, mutant, example = look.answers[i], known.answers[i], look.examples[i]
        assert got is not None
        if mutant is None:
            apart += look.wrong[i][t]
        elif not alike(got[t], mutant[t], example.allowed[t]):
            if not example.peculiar:
                return ""
            apart += 1
        elif look.wrong[i][t] and known.wrong[i][t]:
            shared += 1
            mask = far(got[t], example.wanted[t], example.allowed[t])
            finite |= bool((np.isfinite(mutant[t]) | ~np.isfinite(example.wanted[t]))[mask].any())
    return "" if shared <= 2 * apart else "values" if finite else "overflow"


def alike(got: Array, mutant: Array, allowed: Array) -> bool:
    """Whether two answers agree within rounding. Overflow may give inf in one and NaN in the other."""
    apart = far(got, mutant, ROUNDING * allowed + RELATIVE * largest(mutant))
    return not bool((apart & (np.isfinite(got) | np.isfinite(mutant))).any())


def known_mistakes(operation: Operation) -> list[Known]:
    """The operation's mutants with their answers, computed once per process; none where it has no list.

    A mutant whose answers change from call to call is excluded: its numbers do not show its mistake.
    """
    at = ("known", operation.name, operation.definition)
    if at not in _KNOWN:
        try:
            mutants = catalog.mutants(operation.name)
        except ImportError:
            mutants = ()
        examples = examples_of(operation)[:2]
        _KNOWN[at] = [
            _answers(operation, mutant)
            for mutant in mutants
            if all(_same(answer_of(operation, e.case, mutant), answer_of(operation, e.case, mutant))
                   for e in examples)
        ]  # fmt: skip
    return _KNOWN[at]


_KNOWN: dict[tuple[Any, ...], list[Known]] = {}


def mixed(look: Look, first: Known, known: Sequence[Known]) -> list[Known]:
    """The mistakes of backward alone, with the cache of the first mistake's forward."""
    return [
        replace(_answers(look.operation, replace(k.mutant, forward=first.mutant.forward)), upon=first.mutant)
        for k in known
        if not any(wrong[0] for wrong in k.wrong)
    ]


def _answers(operation: Operation, mutant: Mutant) -> Known:
    examples = examples_of(operation)
    answers = tuple(answer_of(operation, e.case, mutant) for e in examples)
    return Known(mutant, answers, tuple(wrongs(a, e, CLEAR) for a, e in zip(answers, examples, strict=True)))


def _same(a: Given, b: Given) -> bool:
    if a is None or b is None:
        return a is b
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def given(answer: Given, example: Example) -> Given:
    """An answer as float64 arrays; None where its shapes are wrong."""
    if answer is None or len(answer) != len(example.wanted):
        return None
    got = tuple(np.asarray(value, np.float64) for value in answer)
    return got if all(a.shape == b.shape for a, b in zip(got, example.wanted, strict=True)) else None


def wrongs(got: Given, example: Example, share: float) -> tuple[bool, ...]:
    """By tensor: whether its error exceeds the rounding bound plus `share` of its largest value."""
    if got is None:
        return (False,) * len(example.wanted)
    triples = zip(got, example.wanted, example.allowed, strict=True)
    return tuple(
        bool(far(tensor, right, bound + share * largest(right)).any()) for tensor, right, bound in triples
    )
