"""The most memory that a call holds beyond its inputs and outputs, as the system counts pages touched.

For large cases, on any number of threads and with a BLAS's own buffers among it, where tracing every
allocation (see evidence.py) would be too slow or would wait for ever. In a process of its own:

    held = peak(grid.operation("conv2d"), grid.raw("conv2d", "simd"), case, "float32")
    held["backward"]      # bytes

Linux only; elsewhere `available` is false and nothing is told.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.catalog import inputs
from perflab.contract import Case, Contender, Implementation, Operation
from perflab.evidence.compiled import workspace
from perflab.records import Run, kinds

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
M_MMAP_THRESHOLD, PAGES = -3, 1 << 16


def available() -> bool:
    """Whether this system tells the most memory that a process held since a moment, and can be asked to."""
    try:
        CLEAR.write_text("5")  # the peak so far is forgotten
    except OSError:
        return False
    return sys.platform == "linux" and "VmHWM" in STATUS.read_text()


def gather(run: Run, threads: int) -> Iterator[dict[str, Any]]:
    """The peak of every technique of ours on every contest case of a run, as fields of records.

    This process's pools must have so many threads. What a run predicted, or did not show to be right, is not
    called, and nobody else's code.
    """
    if not available():
        return
    predicted = {r.contender.across("threads") for r in run.of_kind(kinds.Prediction)}
    right = {r.contender.across("threads") for r in run.of_kind(kinds.Judgement) if r.right}
    plan = run.plan
    for op, techniques in plan.techniques.items():
        described = catalog.operation(op)
        for case in (name for name in plan.cases[op] if name in described.contest):
            for technique in techniques:
                outside = plan.outside.get(f"{op}/{technique}")
                for dtype in plan.dtypes:
                    who = Contender(op, case, dtype, threads, technique)
                    known = technique not in plan.homes and who.name not in plan.foreign
                    if known and who.across("threads") in right - predicted:
                        implementation = catalog.column(op, technique, outside)
                        yield asdict(who) | peak(described, implementation, described.case(case), dtype)


def peak(described: Operation, held: Implementation, case: Case, dtype: str) -> dict[str, int]:
    """Bytes beyond inputs, output and gradients at the worst moment of a first call, forward and backward.

    What is returned is taken off, also where it was not made yet at that moment. A workspace that is kept
    from call to call counts, and so does what forward keeps for backward.
    """
    # From here on this process gives freed arrays back at once: a later call would find their pages touched.
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, PAGES)
    small = next(iter(described.cases.values()))
    _, kept = held.forward(*inputs.make(described, small, dtype).values())
    held.backward(inputs.upstream(described, small, dtype), kept)  # compiled or loaded, pools started
    args, dout = tuple(inputs.make(described, case, dtype).values()), inputs.upstream(described, case, dtype)
    del kept
    gc.collect()
    before = _resident("VmRSS") - max(workspace(f, dtype) for f in (held.forward, held.backward))
    CLEAR.write_text("5")
    out, kept = held.forward(*args)
    forward = _resident("VmHWM") - before - out.nbytes
    CLEAR.write_text("5")
    gradients = held.backward(dout, kept)
    backward = _resident("VmHWM") - before - out.nbytes - sum(g.nbytes for g in gradients)
    return {"forward": max(forward, 0), "backward": max(backward, 0)}


def _resident(what: str) -> int:
    """Bytes of pages that this process has touched: now (VmRSS) or at the most (VmHWM)."""
    found = re.search(rf"^{what}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
