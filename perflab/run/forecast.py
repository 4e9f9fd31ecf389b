"""Predictions: the seconds and the memory that a cell needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from perflab.catalog import inputs
from perflab.contract import Case, Implementation, Operation


def memory_needed(operation: Operation, case: Case, dtype: str, implementation: Implementation) -> int:
    """Bytes that verifying and timing an implementation on a case need at once, as far as known.

    The arrays twice, for the contender and for the copies, the reference and its bounds in float64, and the
    workspace that the technique declares.
    """
    sizes = operation.derive(case.sizes, inputs.pairs(operation, case))
    itemsize = np.dtype(dtype).itemsize
    shapes = [argument.shape for argument in operation.arguments.values() if argument.kind == "array"]
    given = sum(math.prod(sizes[axis] for axis in shape) for shape in shapes)
    results = math.prod(sizes[axis] for axis in operation.out_shape) + given
    workspace = implementation.workspace_bytes(sizes, itemsize) if implementation.workspace_bytes else 0
    return 2 * itemsize * (given + results) + 3 * 8 * results + workspace


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
        slope = float(np.clip(np.polyfit(log_flops, np.log(whole), 1)[0], 0.8, 1.3))
    _, largest, seconds = points[-1]
    scale = (flops / largest) ** slope
    predicted = {direction: seconds[direction] * scale for direction in ("forward", "backward")}
    predicted["step"] = whole[-1] * scale
    names = ", ".join(point[0] for point in points)
    return predicted, f"flops^{slope:.2f} from {names}"
