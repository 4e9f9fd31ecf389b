"""Over which technique the ratios of a contest are shown."""

from __future__ import annotations

from collections.abc import Mapping


def chosen(seconds: Mapping[str, float], wanted: str) -> str:
    """The `wanted` technique if it was measured, else the slowest that was; "" without any.

    `seconds` are the measured times by technique, never predicted ones: no prediction enters a ratio.

    >>> chosen({"vectorized": 2e-3, "jit": 5e-3}, "naive"), chosen({"naive": 0.1, "jit": 5e-3}, "naive")
    ('jit', 'naive')
    """
    return wanted if wanted in seconds else max(seconds, key=lambda name: seconds[name], default="")
