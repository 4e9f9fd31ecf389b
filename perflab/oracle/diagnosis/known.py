"""Known mistakes as numbers, and whether they are the numbers that an outside implementation gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from perflab import catalog
from perflab.contract import Array, Case, Mutant, Operation
from perflab.oracle.diagnosis import witness
from perflab.oracle.diagnosis.witness import Witness, far, largest

ROUNDING = 8.0  # two wrong answers may each be this share of the right one's bound apart
RELATIVE = 1e-10  # and as far from each other as this share of the tensor's largest value
CLEAR = 1e-6  # a case separates a mistake from right only where they differ by this share

Given = tuple[Array, ...] | None
Answer = Callable[[Case], Given]


@dataclass(frozen=True)
class Known:
    """A known mistake as numbers: its answers on every witness, and where each tensor of them is wrong.

    `upon` is the mistaken forward whose cache it works on, where it is the second of two.
    """

    mutant: Mutant
    answers: tuple[Given, ...]
    wrong: tuple[tuple[bool, ...], ...]
    upon: Mutant | None = None

    @property
    def name(self) -> str:
        """The mutant's."""
        return self.mutant.name

    def separates(self, operation: Operation, case: Case, t: int) -> bool:
        """Whether this mistake makes tensor `t` clearly wrong here, and other than the first of two did."""
        theirs = witness.run(operation, case, self.mutant)
        if theirs is None or not far(theirs[t], *witness.roughly(operation, case, t, CLEAR)).any():
            return False
        first = witness.run(operation, case, self.upon) if self.upon else None
        return first is None or bool(far(theirs[t], first[t], CLEAR * largest(first[t])).any())


@dataclass
class Look:
    """What the outside implementation gave on every witness, tensor by tensor."""

    operation: Operation
    answer: Answer
    witnesses: tuple[Witness, ...]
    answers: list[Given]
    names: tuple[str, ...]
    wrong: list[tuple[bool, ...]]
    refuted: set[str] = field(default_factory=set)

    @property
    def answered(self) -> list[int]:
        """The witnesses with an answer."""
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
    Where the mutant's own shapes do not fit, nothing can be said; that may be so in few of the wrong cases.
    Nor does it take the name away that two programs part on an empty batch, on NaN or past exp's range.
    """
    shared, apart, finite = 0, 0, False
    for i in look.answered:
        got, theirs, held = look.answers[i], known.answers[i], look.witnesses[i]
        assert got is not None
        if theirs is None:
            apart += look.wrong[i][t]
        elif not alike(got[t], theirs[t], held.allowed[t]):
            if not held.peculiar:
                return ""
            apart += 1
        elif look.wrong[i][t] and known.wrong[i][t]:
            shared += 1
            mask = far(got[t], held.wanted[t], held.allowed[t])
            finite |= bool((np.isfinite(theirs[t]) | ~np.isfinite(held.wanted[t]))[mask].any())
    return "" if shared <= 2 * apart else "values" if finite else "overflow"


def alike(got: Array, theirs: Array, allowed: Array) -> bool:
    """Two answers that rounding may keep apart. What overflows may end as inf in one and NaN in the other."""
    apart = far(got, theirs, ROUNDING * allowed + RELATIVE * largest(theirs))
    return not bool((apart & (np.isfinite(got) | np.isfinite(theirs))).any())


def known_mistakes(operation: Operation) -> list[Known]:
    """The operation's mutants with their answers, made once per process; none where it has no list.

    One whose answers change from call to call is left out: what it teaches is not in the numbers.
    """
    at = ("known", operation.name, operation.definition)
    if at not in _KEPT:
        try:
            mutants = catalog.mutants(operation.name)
        except ImportError:
            mutants = ()
        held = witness.witnesses(operation)[:2]
        _KEPT[at] = [
            _answers(operation, mutant)
            for mutant in mutants
            if all(_same(witness.run(operation, w.case, mutant), witness.run(operation, w.case, mutant))
                   for w in held)
        ]  # fmt: skip
    return _KEPT[at]


_KEPT: dict[tuple[Any, ...], list[Known]] = {}


def mixed(look: Look, first: Known, known: Sequence[Known]) -> list[Known]:
    """The mistakes of backward alone, made upon the cache of a forward that is itself mistaken."""
    return [
        replace(_answers(look.operation, replace(k.mutant, forward=first.mutant.forward)), upon=first.mutant)
        for k in known
        if not any(wrong[0] for wrong in k.wrong)
    ]


def _answers(operation: Operation, mutant: Mutant) -> Known:
    held = witness.witnesses(operation)
    answers = tuple(witness.run(operation, w.case, mutant) for w in held)
    return Known(mutant, answers, tuple(wrongs(a, w, CLEAR) for a, w in zip(answers, held, strict=True)))


def _same(a: Given, b: Given) -> bool:
    if a is None or b is None:
        return a is b
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def given(answer: Given, held: Witness) -> Given:
    """An answer as float64 arrays; None where its form is not the wanted one after all."""
    if answer is None or len(answer) != len(held.wanted):
        return None
    got = tuple(np.asarray(value, np.float64) for value in answer)
    return got if all(a.shape == b.shape for a, b in zip(got, held.wanted, strict=True)) else None


def wrongs(got: Given, held: Witness, share: float) -> tuple[bool, ...]:
    """By tensor: is it further off than rounding leads; with `share`, than this part of its largest value."""
    if got is None:
        return (False,) * len(held.wanted)
    triples = zip(got, held.wanted, held.allowed, strict=True)
    return tuple(bool(far(mine, right, room + share * largest(right)).any()) for mine, right, room in triples)
