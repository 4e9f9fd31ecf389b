"""What people use today to judge an implementation: three habits, each as one would write it.

They load the file into their own process, as their users do, and give the seconds of a step.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perflab import catalog
from perflab.catalog import inputs
from perflab.run.referee.corpus import OPERATION

CALLS = 20  # that are timed
LOOSE = 1e-2  # the tolerance of "verify once, then time", relative and absolute: that of KernelBench's first
SEEDS = range(1, 6)  # of its inputs
MOST_S = 0.05  # of pytest-benchmark, in the place of its second
TEST = """from pathlib import Path

from perflab.run.referee import habits


def test_step(benchmark):
    module, args, dout = habits.load(Path({file!r})), *habits.drawn({case!r})
    benchmark(habits.step, module, args, dout)
    Path({seconds!r}).write_text(repr(benchmark.stats.stats.mean))
"""
Found = dict[str, Any]


def stopwatch(file: str, folder: str, case: str) -> Found:
    """Call it once, compare with `np.allclose`, then take the time of some calls."""
    module, (args, dout) = load(Path(file)), drawn(case)
    if not _close(step(module, args, dout), right(args, dout)):
        return {"why": "np.allclose says no"}
    return {"seconds": _timed(module, args, dout)}


def benchmark_alone(file: str, folder: str, case: str) -> Found:
    """A test that hands the call to pytest-benchmark."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    test, seconds = Path(folder) / "test_step.py", Path(folder) / "seconds"
    test.write_text(TEST.format(file=file, case=case, seconds=str(seconds)), "utf-8")
    words = ["-q", "-c", os.devnull, f"--rootdir={folder}", "-p", "pytest_benchmark.plugin"]
    words += ["-p", "no:cacheprovider", f"--benchmark-max-time={MOST_S}", "--benchmark-quiet", str(test)]
    if pytest.main(words) or not seconds.exists():
        return {"why": "the test does not pass"}
    return {"seconds": float(seconds.read_text())}


def verify_once(file: str, folder: str, case: str) -> Found:
    """Compare on inputs of five seeds, with a loose tolerance; then take the time on the case."""
    module = load(Path(file))
    for seed in SEEDS:
        args, dout = drawn(case, seed)
        if not _close(step(module, args, dout), right(args, dout), LOOSE, LOOSE):
            return {"why": "its numbers are not close"}
    args, dout = drawn(case)
    step(module, args, dout)
    return {"seconds": _timed(module, args, dout)}


def load(file: Path) -> Any:
    """The file as a module."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(name: str, seed: int | None = None) -> tuple[list[Any], Any]:
    """The arguments of forward and the upstream gradient of a case in float32, from its seed or another."""
    described = catalog.operation(OPERATION)
    case = described.cases[name]
    if seed is not None:
        case = replace(case, seed=seed)
    args = [*inputs.make(described, case, "float32").values()]
    return args, inputs.upstream(described, case, "float32")


def step(module: Any, args: Sequence[Any], dout: Any) -> tuple[Any, ...]:
    """Out and gradients."""
    out, cache = module.forward(*args)
    return (out, *module.backward(dout, cache))


def right(args: Sequence[Any], dout: Any) -> tuple[Any, ...]:
    """What is wanted, in the textbook's lines."""
    x, w, b = args
    return x @ w + b, dout @ w.T, x.T @ dout, dout.sum(axis=0)


def _close(got: Sequence[Any], wanted: Sequence[Any], rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    return all(np.allclose(one, other, rtol=rtol, atol=atol) for one, other in zip(got, wanted, strict=True))


def _timed(module: Any, args: Sequence[Any], dout: Any) -> float:
    """The mean seconds of a step."""
    began = time.perf_counter()
    for _ in range(CALLS):
        step(module, args, dout)
    return (time.perf_counter() - began) / CALLS
