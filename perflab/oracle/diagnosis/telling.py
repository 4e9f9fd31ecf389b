"""A diagnosis, and its lines for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perflab import catalog
from perflab.contract import Array, Case
from perflab.units import got_and_wanted

SIDE = 6  # rows and columns of the largest picture


@dataclass(frozen=True)
class Diagnosis:
    """One mistake of an outside implementation, by its name or by its pattern.

    `tensors` are wrong by it; `follows` are gradients of its wrong output, no further mistake. `mistake`,
    `lesson` and `breaks` are a mutant's, or empty; then `pattern` is what every error shares. `case` is the
    smallest one that shows it, `tensor` and `index` its worst element there, `picture` that tensor as got and
    as wanted. `cases` is how many were compared; `checked` says that `case` is a check case; `shapes` are the
    shape got and the one wanted, where that is what is wrong.
    """

    operation: str
    tensors: tuple[str, ...]
    case: Case
    tensor: str
    index: tuple[int, ...]
    got: float
    wanted: float
    cases: int
    mistake: str = ""
    lesson: str = ""
    breaks: str = ""
    pattern: str = ""
    follows: tuple[str, ...] = ()
    picture: tuple[str, ...] = ()
    checked: bool = False
    shapes: tuple[tuple[int, ...], ...] = ()


def told(
    diagnosis: Diagnosis, file: str = "FILE", plain: Callable[[str], str] = lambda latex: latex
) -> list[str]:
    """The diagnosis as plain lines for a terminal.

    `file` is used in the command that shows it again; `plain` writes a formula without LaTeX.
    """
    who = ", ".join(diagnosis.tensors)
    if diagnosis.mistake:
        lines = [f"{who}: {diagnosis.lesson} ({diagnosis.mistake})"]
        lines += [f"  it breaks    {plain(diagnosis.breaks)}"] if diagnosis.breaks else []
    else:
        lines = [f"{who}: no one known mistake gives these numbers"]
        count = f" ({diagnosis.cases} cases looked at)"
        lines += [f"  the pattern  {diagnosis.pattern}{count}"] if diagnosis.pattern else []
    if diagnosis.follows:
        lines += [f"  it follows   {', '.join(diagnosis.follows)}: the gradient of that output"]
    at = f"[{', '.join(map(str, diagnosis.index))}]" if diagnosis.index else ""
    lines += [
        f"  shown by     {_case_in_words(diagnosis.case)}",
        f"  worst there  {diagnosis.tensor}{at}: {_values(diagnosis)}",
        *(f"    {line}" for line in diagnosis.picture),
    ]
    only = f" --case {diagnosis.case.name}" if diagnosis.checked else ""
    target = catalog.typed(diagnosis.operation)
    return [*lines, f"  see again    perflab verify {target} --with {file}{only}"]


def _values(diagnosis: Diagnosis) -> str:
    if diagnosis.shapes:
        got, wanted = diagnosis.shapes
        return f"shape {got}, wanted {wanted}"
    return got_and_wanted(diagnosis.got, diagnosis.wanted, ".6g")


def picture(name: str, got: Array, wanted: Array, at: Sequence[Any]) -> tuple[str, ...]:
    """The matrix with the worst element, as got and as wanted, side by side; empty where large."""
    if got.ndim == 0 or max(got.shape[-2:]) > SIDE or got[at[:-2]].size < 2:
        return ()
    sides = [np.atleast_2d(side[tuple(at[:-2])]) for side in (got, wanted)]
    texts = [[[f"{value:.4g}" for value in row] for row in side] for side in sides]
    width = max(len(text) for side in texts for row in side for text in row)
    rows = [["  ".join(text.rjust(width) for text in row) for row in side] for side in texts]
    where = f"{name}[{', '.join(map(str, at[:-2]))}]" if len(at) > 2 else name
    label = f"{where} got"
    span = max(len(label), len(rows[0][0])) + 4
    return (f"{label.ljust(span)}wanted", *(f"{a.ljust(span)}{b}" for a, b in zip(*rows, strict=True)))


def _case_in_words(case: Case) -> str:
    parts = [f"{name} = {value}" for name, value in (*case.sizes.items(), *case.parameters.items())]
    return f"{', '.join(parts)}; inputs: {case.inputs}, seed {case.seed}"
