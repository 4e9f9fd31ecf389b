"""What is right by mathematics and not by perflab's own convention: of code from outside, a remark.

perflab's own techniques are not judged so, nor are its known mistakes: for them a convention is a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from perflab.contract import Array, Case, Operation
from perflab.oracle.references import Reference, shares

WIDER = "gives float64 for float32"
TIES = "not by perflab's rule for ties"
CLOSE = "right to 1e"
NEAR = {"float32": 1e-5, "float64": 1e-9}  # of a tensor's largest value: another arithmetic, no mistake
GUARDED = 1e-4  # of a loss: log(p + 1e-7) in the place of log(p), as a textbook has it


def peculiar(operation: Operation, case: Case) -> str:
    """The remark on what fails in a case whose inputs no course asks for; empty for all other cases."""
    if case.inputs == "nan":
        return "not where the input holds NaN"
    if case.inputs != "extreme":
        return ""
    has_labels = any(argument.kind == "labels" for argument in operation.arguments.values())
    return f"not at extreme {'scores' if has_labels else 'inputs'}"


def remark(
    operation: Operation, case: Case, right: Reference, name: str, got: Array, args: Sequence[Any], dout: Any
) -> str:
    """Why a tensor beyond its rounding bound is right all the same; empty where it is wrong."""
    wanted = right.values[right.names.index(name)]
    is_loss = operation.out_shape == () and name == "out" and "log" in operation.library
    largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=1 if is_loss else 0)
    error = float(shares(got, wanted, 1.0).max(initial=0)) / float(largest or 1)
    if 0 < error <= (GUARDED if is_loss else NEAR[right.dtype.name]):
        of = f"library {operation.library}" if operation.library else "sums in any order"
        return f"{CLOSE}{int(np.ceil(np.log10(error)))}, beyond the bound of {of}"
    eps = float(np.finfo(right.dtype).eps)
    is_free = operation.subgradient is not None and name == f"d{operation.wrt[0]}"
    if is_free and operation.subgradient(eps, got, dout, *args):  # type: ignore[misc]
        return TIES
    return peculiar(operation, case)


def merged(remarks: Iterable[str]) -> tuple[str, ...]:
    """Every remark once; of how close the numbers are, the worst.

    >>> merged(["right to 1e-15, beyond", "it warns", "right to 1e-13, beyond", "it warns"])
    ('right to 1e-13, beyond', 'it warns')
    """
    every = dict.fromkeys(remarks)
    close = [remark for remark in every if remark.startswith(CLOSE)]
    worst = max(close, key=lambda remark: int(remark[len(CLOSE) :].partition(",")[0]), default="")
    return tuple(dict.fromkeys(worst if remark in close else remark for remark in every))
