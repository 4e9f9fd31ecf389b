"""Predictions: the seconds and the memory that a cell needs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np

from perflab import machine
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.contract import Case, Implementation, Operation, PerflabError
from perflab.units import in_bytes

STEEPEST, FLATTEST = 1.3, 0.8  # exponents of time in work that a forecast assumes at most and at least
FAR = 4.0  # times the work of the small case: a case of less work is called without a forecast


def memory_needed(
    operation: Operation, case: Case, dtype: str, implementation: Implementation | None = None
) -> int:
    """Bytes that verifying and timing an implementation on a case need at once, as far as known.

    The arrays twice, for the contender and for the copies, the reference and its bounds in float64, and the
    workspace that the technique declares. Without an implementation: what any of them needs.
    """
    sizes = operation.derive(case.sizes, inputs.pairs(operation, case))
    itemsize = np.dtype(dtype).itemsize
    shapes = [argument.shape for argument in operation.arguments.values() if argument.kind == "array"]
    given = sum(math.prod(sizes[axis] for axis in shape) for shape in shapes)
    results = math.prod(sizes[axis] for axis in operation.out_shape) + given
    own = implementation.workspace_bytes if implementation else None
    workspace = own(sizes, itemsize) if own else 0
    return 2 * itemsize * (given + results) + 3 * 8 * results + workspace


def check_feasible(operation: Operation, case: Case, dtype: str, timed: bool) -> None:
    """Raise PerflabError for a case that does not fit into the free memory, or has nothing to be timed."""
    needed, free = memory_needed(operation, case, dtype), machine.memory_available()
    where = f"{operation.name}, {case.name}"
    if needed > free:
        raise PerflabError(f"{where}: needs about {in_bytes(needed)} of memory; {in_bytes(free)} are free")
    for direction, cost in costs(operation, case, dtype).items():
        if timed and cost.flops < 1:
            raise PerflabError(f"{where}: {direction} computes nothing; wanted a case with some arithmetic")


def from_small_case(
    operation: Operation, case: Case, dtype: str, implementation: Implementation
) -> tuple[dict[str, float], str, float]:
    """Seconds by direction, forecast from one call on the small case; on what; and the least of a step.

    For what nothing is compiled of; a peer's module is loaded before. Empty where the case has hardly more
    work than the small one. The least assumes that time grows as slowly with work as it may: calls on small
    arrays take long for their work.
    """
    small = operation.case(operation.small_case)
    work, least_work = (costs(operation, each, dtype)["step"].flops for each in (case, small))
    if work <= FAR * least_work:
        return {}, "", 0.0
    args, dout = inputs.make(operation, small, dtype).values(), inputs.upstream(operation, small, dtype)
    if implementation.native:
        implementation.forward(*args)
    began = time.perf_counter()
    _, cache = implementation.forward(*args)
    between = time.perf_counter()
    implementation.backward(dout, cache)
    seconds = {"forward": between - began, "backward": time.perf_counter() - between}
    predicted, basis = forecast([(small.name, least_work, seconds)], work)
    return predicted, basis, sum(seconds.values()) * (work / least_work) ** FLATTEST


def forecast(
    points: Sequence[tuple[str, float, Mapping[str, float]]], flops: float
) -> tuple[dict[str, float], str]:
    """Seconds per call at `flops` by direction, and the cases they are based on; both empty without points.

    The points are (case, flops, seconds by direction) of the same contender. A line on log axes through the
    largest one, with the slope of the least-squares fit, limited to 0.8 to 1.3; slope 1 for a single point.
    """
    if not points:
        return {}, ""
    points = sorted(points, key=lambda point: point[1])
    whole = [seconds["forward"] + seconds["backward"] for _, _, seconds in points]
    log_flops = np.log([point[1] for point in points])
    slope = 1.0
    if np.ptp(log_flops) > 0:
        slope = float(np.clip(np.polyfit(log_flops, np.log(whole), 1)[0], FLATTEST, STEEPEST))
    _, largest, seconds = points[-1]
    scale = (flops / largest) ** slope
    predicted = {direction: seconds[direction] * scale for direction in ("forward", "backward")}
    predicted["step"] = whole[-1] * scale
    names = ", ".join(point[0] for point in points)
    return predicted, f"flops^{slope:.2f} from {names}"
