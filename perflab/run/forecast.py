"""Predictions: the seconds and the memory that a cell would take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perflab.catalog import inputs
from perflab.contract import Case, Implementation, Operation


def memory_needed(operation: Operation, case: Case, dtype: str, implementation: Implementation) -> int:
    """Bytes that verifying and timing an implementation on a case take at once, as far as they are told.

    The arrays twice over for the caller and the copies that heal it, the reference and its bounds in
    float64, and the workspace that the technique says it needs.
    """
    sizes = operation.derive(case.sizes, inputs.pairs(operation, case))
    itemsize = np.dtype(dtype).itemsize
    shapes = [argument.shape for argument in operation.arguments.values() if argument.kind == "array"]
    given = sum(math.prod(sizes[axis] for axis in shape) for shape in shapes)
    made = math.prod(sizes[axis] for axis in operation.out_shape) + given
    workspace = implementation.workspace_bytes(sizes, itemsize) if implementation.workspace_bytes else 0
    return 2 * itemsize * (given + made) + 3 * 8 * made + workspace


@dataclass(frozen=True)
class Forecast:
    """Seconds a call, per direction, for a case that was not run; and what they were taken from."""

    seconds: Mapping[str, float]
    basis: str


def forecast(points: Sequence[tuple[str, float, Mapping[str, float]]], flops: float) -> Forecast | None:
    """Seconds a call at `flops` from (case, flops, seconds by direction) of the same contender.

    A straight line on log axes through the points, laid through the largest of them; its slope is kept
    between 0.8 and 1.3, and is 1 where there is only one point. None without points.
    """
    points = sorted(points, key=lambda point: point[1])
    whole = [seconds["forward"] + seconds["backward"] for _, _, seconds in points]
    if not points:
        return None
    slope = 1.0
    if len(points) > 1:
        x = np.log([point[1] for point in points])
        y = np.log(whole)
        if np.ptp(x) > 0:
            slope = float(np.clip(np.polyfit(x, y, 1)[0], 0.8, 1.3))
    _, largest, seconds = points[-1]
    scale = (flops / largest) ** slope
    predicted = {direction: seconds[direction] * scale for direction in ("forward", "backward")}
    predicted["step"] = whole[-1] * scale
    names = ", ".join(point[0] for point in points)
    return Forecast(predicted, f"flops^{slope:.2f} from {names}")
