"""The processor's clock, without its counters: each step of a chain of integer additions takes one cycle."""

from __future__ import annotations

import time

STEPS = 2_000_000  # of an addition and an exclusive or: about a millisecond
ROUNDS = 12


def clock_hz() -> float:
    """Cycles a second at this moment, by the fastest of some rounds; it loads Numba."""
    from perflab.ops import _peak

    _peak.dependent(1, 3, 5, 8)
    best_s = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        _peak.dependent(1, 3, 5, STEPS)
        best_s = min(best_s, time.perf_counter() - began)
    return 2 * STEPS / best_s
