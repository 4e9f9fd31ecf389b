"""Why a rung is as fast as it is: the instructions it became, the memory it asks for, the steps it takes.

Gathered once a technique and dtype, in a process of its own, apart from the clock:

    evidence = gather("conv2d", "jit", "large", "float32")
    evidence.ways["forward"].code.hot.packed     # of the hot loop's arithmetic, the packed instructions
    evidence.ways["forward"].allocated           # bytes asked for in one call

Nothing is guessed: where a figure is missing, `no_code` and `memory` give the reason.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from perflab import catalog, machine
from perflab.catalog.cases import costs as costs_of
from perflab.catalog.cases import planned
from perflab.contract import Case, Implementation, Operation
from perflab.errors import reason
from perflab.evidence.code import code_of
from perflab.evidence.compiled import compiled_of
from perflab.evidence.lines import lines_of
from perflab.evidence.scene import Scene, fitting
from perflab.evidence.steps import MOST_NOTED, MOST_STEPS, Trace
from perflab.records import Plan, kinds
from perflab.records.evidence import Evidence, Way
from perflab.records.typed import Wrong

TRACED = "tracemalloc, to the byte: what NumPy and Numba ask for, with one thread; not a BLAS's own buffers"
UNTRACED = "not measured: Numba's threads, other than OpenMP's, would wait for Python's lock for ever"


def gather(
    operation: str, technique: str, case: str, dtype: str, *, outside: str | None = None,
    described: Operation | None = None,
) -> Evidence:  # fmt: skip
    """The evidence on one technique, by name; `outside` is the file of one that is not built in.

    `described` is the operation with the case, where that is not one of its own.
    Where Python interprets every operation, the operation's first case serves instead. Raises
    PerflabError for an unknown name.
    """
    described = described or catalog.operation(operation)
    implementation = catalog.column(operation, technique, outside)
    return examine(described, implementation, described.case(case), dtype)


def gather_all(plan: Plan, folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """The evidence on every technique of a plan except the peers', as fields of records, one after another.

    In the plan's first dtype: in another the same code works on numbers of another size. A technique that
    fails gives a `reason` in place of its figures. Earlier results on built-in techniques are read from, and
    new ones added to, `folder`, which is beside Numba's cache and so named by the content of the code. Files
    from outside are gathered by `evidence.outside`; another commit's techniques are perflab's own.
    """
    dtype, file = plan.dtypes[0], folder / "evidence.jsonl" if folder else Path(os.devnull)
    results = _earlier(file)
    for op, techniques in plan.techniques.items():
        described = planned(plan, op)
        case = fitting(described, plan.cases[op], dtype)
        for technique in techniques:
            outside = plan.outside.get(f"{op}/{technique}")
            if plan.homes.get(technique) or (outside and "@" not in technique):
                continue
            names = {"operation": op, "technique": technique, "dtype": dtype, "case": case}
            key = " ".join([machine.identity(), *names.values()])
            fields = None if outside else results.get(key)
            try:
                if fields is None:
                    found = gather(op, technique, case, dtype, outside=outside, described=described)
                    fields = found.plain()
                    line = json.dumps({"key": key, "fields": fields}) + "\n"
                    if not outside:  # in one piece: several processes may gather
                        with contextlib.suppress(OSError), file.open("ab", buffering=0) as opened:
                            opened.write(line.encode())
            except Exception as error:
                fields = {**names, "reason": reason(error)}
            yield fields


def _earlier(file: Path) -> dict[str, dict[str, Any]]:
    """Earlier results by key, as far as the file can be read; what is no evidence is gathered again."""
    results = {}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        for line in file.read_text("utf-8").splitlines():
            record = json.loads(line)
            fields = dict(record["fields"])
            with contextlib.suppress(Wrong):
                kinds.read_record({"kind": Evidence.kind, **fields})
                results[record["key"]] = fields
    return results


def examine(described: Operation, implementation: Implementation, case: Case, dtype: str) -> Evidence:
    """Call both functions on small batches, to see how steps grow with the work; then trace `case`."""
    first = next(iter(described.cases.values()))
    small = [Scene(described, implementation, first, dtype, samples) for samples in (2, 1)]
    small[0].call()  # compiled, or loaded
    costs = costs_of(described, first, dtype)
    several, few = (scene.traced(Trace, memory=False) for scene in small)
    kinds, predicted = {}, {}
    for name, function in (("forward", implementation.forward), ("backward", implementation.backward)):
        further = several[name].steps - few[name].steps
        operations = small[0].costs[name].flops - small[1].costs[name].flops
        kinds[name] = "interpreted" if further >= max(operations, 1) else "numpy"
        if compiled_of(function, dtype):
            kinds[name] = "compiled"
        # A batch of one may take another branch than all others: then the line through both is not valid.
        predicted[name] = max(few[name].steps + further * (first.sizes.get("N", 1) - 1), few[name].steps)
    interpreted = "interpreted" in kinds.values()
    scene = Scene(described, implementation, first if interpreted else case, dtype)
    if not interpreted:  # it is warm, but the workspace that it keeps has the size of another case
        Scene(described, implementation, case, dtype, 1).call()
    traces = scene.traced(partial(Trace, most=MOST_NOTED if interpreted else MOST_STEPS))
    ways = {}
    for name, trace in traces.items():
        code, no_code = code_of(getattr(implementation, name), dtype)
        ways[name] = Way(
            kind="compiled" if code else kinds[name],
            flops=scene.costs[name].flops,
            bytes=scene.costs[name].bytes,
            steps=predicted[name] if kinds[name] == "interpreted" else trace.steps,
            few=predicted[name],
            few_flops=costs[name].flops,
            whole=trace.steps <= MOST_NOTED,
            allocations=trace.allocations if trace.memory else None,
            allocated=trace.allocated if trace.memory else None,
            temporaries=max(trace.allocated - trace.retained, 0) if trace.memory else None,
            workspace=trace.after,
            peak=max(trace.peak - trace.outputs, 0) + trace.before if trace.memory else None,
            memory=TRACED if trace.memory else UNTRACED,
            code=code,
            no_code=no_code,
        )
    names = implementation.operation, implementation.technique, dtype, scene.case.name
    return Evidence(*names, *lines_of(implementation), ways)
