"""A run in the format of pytest-benchmark, for the tools that read that format."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from statistics import fmean
from typing import Any

from pytest_benchmark import __version__ as format_version
from pytest_benchmark.stats import Stats

from perflab.contract import Cell
from perflab.records import kinds
from perflab.report import words
from perflab.report.summary import Summary


def benchmark_json(summary: Summary) -> dict[str, Any]:
    """One benchmark a measured cell, its rounds over all processes and passes in order."""
    run = summary.run
    rounds: dict[Cell, list[float]] = defaultdict(list)
    iterations: dict[Cell, int] = {}
    for record in run.of_kind(kinds.Timed):
        if record.cell in summary.figures:
            rounds[record.cell] += record.rounds_s
            iterations[record.cell] = record.iterations
    started = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(run.started))
    return {
        "machine_info": {key: value for key, value in run.environment.items() if key != "commit"},
        "commit_info": {"id": run.environment.get("commit", ""), "project": "perflab"},
        "benchmarks": [_benchmark(cell, rounds[cell], iterations[cell]) for cell in rounds],
        "datetime": started,
        "version": format_version,
    }


def _benchmark(cell: Cell, seconds: list[float], iterations: int) -> dict[str, Any]:
    stats = Stats()
    stats.data = seconds
    # Its own mean and deviation use exact fractions: much slower, the same but for the last two digits.
    stats.mean = fmean(seconds)
    stats.stddev = math.sqrt(math.fsum((s - stats.mean) ** 2 for s in seconds) / max(len(seconds) - 1, 1))
    name = words.name(cell)
    return {
        "group": f"{cell.operation} {cell.case} {cell.dtype} {cell.direction} t{cell.threads}",
        "name": f"test_block[{name}]",
        "fullname": f"bench/test_grid.py::test_block[{name}]",
        "params": {"block": name},
        "param": name,
        "extra_info": {},
        "options": {"disable_gc": True, "timer": "perf_counter", "warmup": False},
        "stats": stats.as_dict() | {"data": seconds, "iterations": iterations},
    }
