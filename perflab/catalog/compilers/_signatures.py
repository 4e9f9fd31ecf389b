"""The types of an operation's arguments and of its cache, as Pythran's export lines."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from perflab.catalog import find, inputs
from perflab.catalog.cases import costs
from perflab.contract import Case, Operation
from perflab.machine.extensions import Refused


def signatures(operation_name: str, dtype: str) -> str:
    """What `forward` is called with by the operation's description, and `backward` by what naive returns.

    The cache is in no description: the loops run once, in Python, on the check of the least work. Raises
    Refused for a cache that holds something without a type.
    """
    described = find.operation(operation_name)
    case = _least(described, dtype)
    naive = importlib.import_module(f"{find.package(operation_name)}.naive")
    args = inputs.make(described, case, dtype).values()
    _, cache = naive.forward(*args)
    lines = [f"export forward({', '.join(map(type_of, args))})"]
    if not described.forward_only:
        lines.append(f"export backward({type_of(inputs.upstream(described, case, dtype))}, {type_of(cache)})")
    return "\n".join(lines) + "\n"


def type_of(value: Any) -> str:
    """The type of a value in Pythran's words. Raises Refused for one that has none.

    >>> type_of((np.zeros((2, 3), np.float32), (1, 2), np.float64(0)))
    '(float32[:,:], (int, int), float64)'
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.dtype.name}[{','.join(':' * value.ndim)}]"
    if isinstance(value, np.ndarray | np.generic):
        return str(value.dtype.name)
    if isinstance(value, tuple):
        return f"({', '.join(map(type_of, value))}{',' if len(value) == 1 else ''})"
    if value is None or type(value) in (bool, int, float, complex, str):
        return "None" if value is None else type(value).__name__
    raise Refused(f"naive's cache holds a {type(value).__name__}, which has no type in a signature")


def _least(described: Operation, dtype: str) -> Case:
    """The case of the least work among an operation's checks and cases, of more than none."""
    cases = [*described.checks.values(), *described.cases.values()]
    work = {case.name: costs(described, case, dtype)["forward"].flops for case in cases}
    return min((case for case in cases if work[case.name]), key=lambda case: work[case.name])
