"""One node's gradient held to central differences: the node is moved, and what follows computed again.

The step is, of many, the one at which halving it changes the quotient least, rounding counted in; how much it
still changes it is the tolerance. So it needs no guess of how steep the expression is.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping

from perflab.contract import PerflabError
from perflab.learn.chain_rule import circuit

AGREES, WRONG, CORNER, UNKNOWN = "agrees", "WRONG", "a corner", "cannot tell"


def check(
    nodes: tuple[circuit.Node, ...],
    values: Mapping[str, float],
    at: int,
    one: circuit.Passed,
    noise: float,
) -> tuple[float | None, str]:
    """The central difference of one node's value, and whether its gradient agrees with it.

    `noise` times a rounding is what the output may be off by.
    """

    def moved(by: float) -> tuple[float, float]:
        """The output where the node is moved, and by how much it was."""
        to = one.value + by
        return circuit.forward(nodes, values, {at: to})[0][-1], to - one.value

    def quotients(h: float) -> tuple[float, float, float]:
        """From both sides, from the right, from the left."""
        (up, above), (middle, _), (down, below) = moved(h), moved(0.0), moved(-h)
        return (up - down) / (above - below), (up - middle) / above, (middle - down) / -below

    best: tuple[float, float, float] | None = None
    for h in _steps(one.value):
        try:
            found = [quotients(h / share)[0] for share in (1, 2, 4)]
        except (PerflabError, ArithmeticError):
            continue
        spread = max(abs(found[0] - found[1]), abs(found[1] - found[2]))
        error = spread + 8 * sys.float_info.epsilon * noise / h
        if math.isfinite(error) and (best is None or error < best[0]):
            best = error, found[-1], h
    if best is None:
        return None, UNKNOWN
    error, difference, h = best
    size = max(abs(one.gradient), abs(difference))
    tolerance = 10 * error + 1e-9 * size
    if tolerance > 0.05 * size and tolerance > 1e-6:
        return difference, UNKNOWN
    if abs(one.gradient - difference) <= tolerance:
        return difference, AGREES
    sides = [quotients(h / share)[1:] for share in (1, 4)]
    wide, narrow = (abs(right - left) for right, left in sides)
    low, high = sorted(sides[-1])
    at_a_corner = narrow > 0.8 * wide > 0 and low - tolerance <= one.gradient <= high + tolerance
    return difference, CORNER if at_a_corner else WRONG


def _steps(value: float) -> Iterator[float]:
    """Steps to try: from a tenth of the value, or of one, down."""
    size = abs(value)
    yield from (10.0**-k * max(1.0, size) for k in range(1, 11))
    if 0 < size < 1e-2:
        yield from (10.0**-k * size for k in range(1, 8))
