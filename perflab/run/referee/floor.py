"""A physical floor: a time below it cannot be, whoever measured it, and gets no number."""

from __future__ import annotations

from perflab import units
from perflab.contract import Cost
from perflab.records.roof import Ceilings, bandwidth, peak

MARGIN = 1.5  # over the best that was measured here
FEWER_MULTIPLICATIONS = {"conv2d": 6.0}  # times the peak, instead: Winograd's algorithms multiply less


def below(ceilings: Ceilings, operation: str, cost: Cost, dtype: str, threads: int, seconds: float) -> str:
    """Why a call cannot take so few seconds; empty where it can, or where nothing was measured."""
    flops_s, bytes_s = peak(ceilings, dtype, threads), bandwidth(ceilings, threads, cost.bytes)
    times = FEWER_MULTIPLICATIONS.get(operation, MARGIN)
    arithmetic_s = cost.flops / (flops_s * times) if flops_s else 0.0
    memory_s = cost.bytes / (bytes_s * MARGIN) if bytes_s else 0.0
    if seconds >= max(arithmetic_s, memory_s):
        return ""
    least = f"at {times:g} times the measured peak its arithmetic needs {units.seconds(arithmetic_s)}"
    if memory_s > arithmetic_s:
        least = f"at {MARGIN:g} times the measured bandwidth its bytes need {units.seconds(memory_s)}"
    return f"{units.seconds(seconds)} a call cannot be: {least}"
