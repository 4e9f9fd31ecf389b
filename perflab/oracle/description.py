"""Is an operation's own description right? Its gradient and its costs, against its definition.

The built-in operations are compared in the tests. One that the user has written is compared before it is
used: everything else is compared with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from perflab import catalog
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.contract import Case, Operation, PerflabError
from perflab.errors import reason
from perflab.oracle import estimate, references
from perflab.oracle.noise import Noise
from perflab.oracle.observation import Expected, Problem
from perflab.oracle.references import judge, on_case

DTYPE, ROUNDOFF = "float64", 2.0**-53
# How many times the operations of a cost may be those of the definition, or the other way round. The
# definition's gradient makes forward's once more, which an implementation need not.
MOST_TIMES = {"forward": 2.0, "backward": 4.0, "step": 4.0}


def faults(operation: Operation) -> Iterator[str]:
    """What is wrong with a description, a line each with its file: at most one of each kind."""
    file = catalog.folder(operation.name) / "__init__.py"
    every, small = [*operation.checks.values()], _small_cases(operation)
    for check, cases in ((_of_gradient, every), (_of_bytes, every), (_of_flops, small)):
        if fault := _first(check, operation, cases):
            yield f"{file}: {fault}"


def check_form(operation: Operation) -> None:
    """Raise PerflabError, with its file, where definition and gradient do not give what is described."""
    if fault := _first(_of_form, operation, operation.checks.values()):
        raise PerflabError(f"{catalog.folder(operation.name) / '__init__.py'}: {fault}")


def _first(check: Callable[[Operation, Case], str], operation: Operation, cases: Iterable[Case]) -> str:
    """The first fault that a check finds in these cases of an operation; "" if there is none."""
    for case in cases:
        try:
            fault = check(operation, case)
        except Exception as error:  # its functions may fail in any way
            fault = f"case {case.name}: {reason(error)}"
        if fault:
            return fault
    return ""


def _small_cases(operation: Operation) -> list[Case]:
    """The check cases and the smallest case, in which no axis is degenerate; those of ones say little."""
    cases = [case for case in operation.checks.values() if min(case.sizes.values(), default=1) > 1]
    return [*cases, operation.case(operation.small_case)]


def _of_form(operation: Operation, case: Case) -> str:
    """Whether definition and gradient give what `out_shape` and `wrt` say."""
    args, dout = Problem(operation, case, DTYPE).arguments()
    of = dict(zip(operation.arguments, args, strict=True))
    names = ("out", *(f"d{name}" for name in operation.wrt))
    shapes = (np.shape(dout), *(np.shape(of[name]) for name in operation.wrt))
    out = np.asarray(operation.definition(*args))
    fault = Expected(names[:1], shapes[:1], np.dtype(DTYPE)).wrong((out,))
    if not fault and operation.gradient is not None:
        gradients = operation.gradient(dout, *args)
        if not isinstance(gradients, tuple):
            return f"gradient returns a {type(gradients).__name__}; wanted a tuple of gradients"
        fault = Expected(names, shapes, np.dtype(DTYPE)).wrong((out, *gradients))
    return f"case {case.name}: {fault}" if fault else ""


def _of_gradient(operation: Operation, case: Case) -> str:
    """Whether the gradient is the definition's derivative, by central differences of every element."""
    if not references.differentiable(operation, case):
        return ""
    right = on_case(references.of_case, operation, case, DTYPE)
    differences = on_case(references.differences, operation, case, DTYPE)
    for worst in judge(differences, right.values[1:]):
        if worst.share > 1:
            return (
                f"gradient is not the derivative of definition: case {case.name}: {worst.where} is"
                f" {worst.got}, central differences give {worst.wanted}"
            )
    return ""


def _of_bytes(operation: Operation, case: Case) -> str:
    """Whether the bytes of the forward direction are those of its arrays: inputs read, output written."""
    sizes = inputs.output_sizes(operation, case)
    arrays = [a for a in operation.arguments.values() if a.kind in ("array", "labels")]
    bytes_of = {a.name: 8 * math.prod(sizes[axis] for axis in a.shape) for a in arrays}
    out = 8 * math.prod(sizes[axis] for axis in operation.out_shape) if operation.out_shape else 0
    wanted, given = sum(bytes_of.values()) + out, costs(operation, case, DTYPE)["forward"].bytes
    if abs(given - wanted) > 64 + wanted // 100:  # numbers beside the arrays may be counted or not
        return (
            f"cost is wrong: case {case.name}, {DTYPE}: forward has {given:,} bytes; inputs and output have"
            f" {wanted:,}"
        )
    return ""


def _of_flops(operation: Operation, case: Case) -> str:
    """Whether the operations of both directions are about those that the definition makes."""
    cost = costs(operation, case, DTYPE)
    args, dout = Problem(operation, case, DTYPE).arguments()
    forward, backward = estimate.run(operation, args, dout, Noise(0, ROUNDOFF))[0]
    counted = {"forward": forward}
    if operation.wrt:
        counted |= {"backward": backward, "step": forward + backward}
    for direction, count in counted.items():
        given, times = cost[direction].flops, MOST_TIMES[direction]
        least = (
            0 if operation.kinks and direction != "forward" else count / times
        )  # it may search, not compute
        if not least <= given <= times * count:
            return (
                f"cost is wrong: case {case.name}: {direction} has {given:,} operations; the definition makes"
                f" about {count:,}"
            )
    return ""
