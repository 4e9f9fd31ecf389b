"""Functions that changed sources call: what Python's syntax cannot say to Numba."""

# Numba's decorators have no types.
# mypy: disallow-untyped-decorators=False
from __future__ import annotations

import math
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload


def zero_of(value: Any) -> Any:
    """A zero of a scalar's dtype."""
    return type(value)(0)


@overload(zero_of, inline="always", strict=False)
def _zero_of(value: Any) -> Any:
    kind = types.unliteral(value)
    if isinstance(kind, types.Number):
        return lambda value: kind(0)
    return None


def unsigned(index: Any) -> Any:
    """An index without a sign: it does not count from the end. Slices and others stay as they are."""
    return index


@overload(unsigned, inline="always", strict=False)
def _unsigned(index: Any) -> Any:
    if isinstance(index, types.Integer):
        return lambda index: types.uintp(index)
    return lambda index: index


@intrinsic
def select(typing: Any, condition: Any, then: Any, otherwise: Any) -> Any:
    """One of two scalars, both computed, without a branch: LLVM's `select`."""
    kind = typing.unify_types(types.unliteral(then), types.unliteral(otherwise))

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        truth = context.cast(builder, args[0], signature.args[0], types.boolean)
        a, b = (context.cast(builder, args[at], signature.args[at], kind) for at in (1, 2))
        return builder.select(cgutils.is_not_null(builder, truth), a, b)

    return kind(condition, types.unliteral(then), types.unliteral(otherwise)), code


def reciprocal(divisor: Any) -> Any:
    """1 / divisor in the divisor's dtype; of a whole number in float64."""
    return 1 / divisor


@overload(reciprocal, inline="always", strict=False)
def _reciprocal(divisor: Any) -> Any:
    kind = types.unliteral(divisor)
    if isinstance(kind, types.Integer):
        return lambda divisor: 1.0 / divisor
    return lambda divisor: kind(1) / divisor


def quotient(value: Any, reciprocal: Any) -> Any:
    """The floor of value / divisor for whole numbers: exact while it stays below 2⁵⁰."""
    return math.floor((value + 0.5) * reciprocal)


@overload(quotient, inline="always", strict=False)
def _quotient(value: Any, reciprocal: Any) -> Any:
    return lambda value, reciprocal: types.int64(math.floor((value + 0.5) * reciprocal))


def remainder(value: Any, reciprocal: Any, divisor: Any) -> Any:
    """What remains of value by divisor for whole numbers."""
    return value - quotient(value, reciprocal) * divisor


@overload(remainder, inline="always", strict=False)
def _remainder(value: Any, reciprocal: Any, divisor: Any) -> Any:
    def whole(value: Any, reciprocal: Any, divisor: Any) -> Any:
        return value - types.int64(math.floor((value + 0.5) * reciprocal)) * divisor

    return whole
