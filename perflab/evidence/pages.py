"""The peak of memory that a call uses beyond its inputs and outputs, from the pages that the system counts.

For large cases, any number of threads and a BLAS's own buffers, where tracing every allocation (`steps.py`)
would be too slow or would wait for ever. In a process of its own:

    bytes_used = peak(catalog.operation("conv2d"), catalog.raw("conv2d", "simd"), case, "float32")
    bytes_used["backward"]

Linux only; elsewhere `available` is false and nothing is measured.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.contract import Case, Contender, Implementation, Operation
from perflab.evidence.compiled import workspace
from perflab.evidence.scene import Scene
from perflab.machine.system import bytes_of
from perflab.records import Run, kinds

CLEAR = Path("/proc/self/clear_refs")
M_MMAP_THRESHOLD, PAGES = -3, 1 << 16


def available() -> bool:
    """Whether this system gives the peak of a process's memory and can reset it."""
    try:
        CLEAR.write_text("5")  # reset the peak
    except OSError:
        return False
    return _pages("VmHWM") > 0


def gather(run: Run, threads: int) -> Iterator[dict[str, Any]]:
    """The peak of every technique of ours on every contest case of a run, as fields of records.

    This process's pools must have so many threads. Only built-in techniques are called, and only where the
    run timed them and showed them to be right.
    """
    if not available():
        return
    predicted = {r.contender.across("threads") for r in run.of_kind(kinds.Prediction)}
    right = {r.contender.across("threads") for r in run.of_kind(kinds.Judgement) if r.right}
    plan = run.plan
    for op, techniques in plan.techniques.items():
        described = catalog.operation(op)
        cases = [name for name in plan.cases[op] if name in described.contest]
        for case, technique, dtype in product(cases, techniques, plan.dtypes):
            who = Contender(op, case, dtype, threads, technique)
            known = technique not in plan.homes and who.name not in plan.foreign
            if known and who.across("threads") in right - predicted:
                implementation = catalog.column(op, technique, plan.outside.get(who.name))
                yield asdict(who) | peak(described, implementation, described.case(case), dtype)


def peak(described: Operation, implementation: Implementation, case: Case, dtype: str) -> dict[str, int]:
    """Bytes beyond inputs, output and gradients at the peak of a first call, forward and backward.

    The size of the results is subtracted, also where they did not exist yet at the peak. A workspace that
    stays from call to call counts, and so does what forward saves for backward.
    """
    # From here on this process returns freed arrays at once: else a later call finds their pages touched.
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, PAGES)
    functions = implementation.forward, implementation.backward
    first = next(iter(described.cases.values()))
    Scene(described, implementation, first, dtype).call()  # compile, start pools
    scene = Scene(described, implementation, case, dtype)
    gc.collect()
    before = _pages("VmRSS") - max(workspace(function, dtype) for function in functions)
    CLEAR.write_text("5")
    out, cache = implementation.forward(*scene.args)
    forward = _pages("VmHWM") - before - out.nbytes
    CLEAR.write_text("5")
    gradients = implementation.backward(scene.dout, cache)
    backward = _pages("VmHWM") - before - out.nbytes - sum(g.nbytes for g in gradients)
    return {"forward": max(forward, 0), "backward": max(backward, 0)}


def _pages(name: str) -> int:
    """Bytes of pages that this process has touched: now (VmRSS) or at the peak (VmHWM)."""
    return bytes_of(name, "proc/self/status") or 0
