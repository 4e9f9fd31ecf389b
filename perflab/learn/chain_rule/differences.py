"""A node's gradient compared with central differences: the node is moved, and what follows is computed again.

Of many steps, the one is taken at which halving it changes the quotient least, with the rounding error added.
The change that remains is the tolerance. So no guess is needed of how steep the expression is.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping

from perflab.contract import PerflabError
from perflab.learn.chain_rule.circuit import Node, NodeTrace, forward

AGREES, WRONG, CORNER, UNKNOWN = "agrees", "WRONG", "a corner", "cannot tell"


def check(
    nodes: tuple[Node, ...], values: Mapping[str, float], at: int, traced: NodeTrace, noise: float
) -> tuple[float | None, str]:
    """The central difference at node `at`, and whether the gradient in `traced` agrees with it.

    The rounding error of the output is at most `noise` times the machine epsilon.
    """

    def moved(by: float) -> tuple[float, float]:
        """The output when the node is moved, and by how much it really was moved."""
        to = traced.value + by
        return forward(nodes, values, {at: to})[0][-1], to - traced.value

    def quotients(h: float) -> tuple[float, float, float]:
        """From both sides, from the right, from the left."""
        (up, above), (middle, _), (down, below) = moved(h), moved(0.0), moved(-h)
        return (up - down) / (above - below), (up - middle) / above, (middle - down) / -below

    best: tuple[float, float, float] | None = None
    for h in _steps(traced.value):
        try:
            whole, half, quarter = (quotients(h / share)[0] for share in (1, 2, 4))
        except (PerflabError, ArithmeticError):
            continue
        error = max(abs(whole - half), abs(half - quarter)) + 8 * sys.float_info.epsilon * noise / h
        if math.isfinite(error) and (best is None or error < best[0]):
            best = error, quarter, h
    if best is None:
        return None, UNKNOWN
    error, difference, h = best
    size = max(abs(traced.gradient), abs(difference))
    tolerance = 10 * error + 1e-9 * size
    if tolerance > 0.05 * size and tolerance > 1e-6:
        return difference, UNKNOWN
    if abs(traced.gradient - difference) <= tolerance:
        return difference, AGREES
    sides = [quotients(h / share)[1:] for share in (1, 4)]
    wide, narrow = (abs(right - left) for right, left in sides)
    low, high = sorted(sides[-1])
    at_a_corner = narrow > 0.8 * wide > 0 and low - tolerance <= traced.gradient <= high + tolerance
    return difference, CORNER if at_a_corner else WRONG


def _steps(value: float) -> Iterator[float]:
    """Steps to try: from a tenth of the value, or of 1, downwards."""
    size = abs(value)
    yield from (10.0**-k * max(1.0, size) for k in range(1, 11))
    if 0 < size < 1e-2:
        yield from (10.0**-k * size for k in range(1, 8))
