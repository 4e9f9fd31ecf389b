"""Why a rung is as fast as it is: the instructions it became, the memory it asks for, the steps it takes.

Gathered once a technique and dtype, in a process of its own, apart from the clock:

    evidence = gather("conv2d", "jit", "large", "float32")
    evidence.ways["forward"].code.hot.packed     # of the hot loop's arithmetic, the packed instructions
    evidence.ways["forward"].allocated           # bytes asked for in one call

What cannot be had is said, never guessed: `no_code` and `memory` hold the reason.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from perflab import catalog, machine
from perflab.catalog.cases import costs as costs_of
from perflab.contract import Case, Implementation, Operation
from perflab.errors import reason
from perflab.evidence.code import code_of
from perflab.evidence.compiled import dispatchers_of, signatures
from perflab.evidence.lines import lines_of
from perflab.evidence.scene import Scene, fitting
from perflab.evidence.steps import MOST_NOTED, MOST_STEPS, Trace
from perflab.records import Plan
from perflab.records.evidence import Evidence, Way

TRACED = "tracemalloc, to the byte: what NumPy and Numba ask for, with one thread; not a BLAS's own buffers"
UNTRACED = "not measured: Numba's threads, other than OpenMP's, would wait for Python's lock for ever"


def gather(
    operation: str,
    technique: str,
    case: str,
    dtype: str,
    *,
    outside: str | None = None,
    compile_s: float | None = None,
    load_s: float | None = None,
) -> Evidence:
    """The evidence on one technique, by name; `outside` is the file of one that is not built in.

    Where Python interprets every operation, the operation's first case serves instead. Raises
    PerflabError for an unknown name.
    """
    described = catalog.operation(operation)
    held = catalog.column(operation, technique, outside)
    found = examine(described, held, described.case(case), dtype)
    return replace(found, compile_s=compile_s, load_s=load_s)


def gather_all(plan: Plan, memory: Path | None = None) -> Iterator[dict[str, Any]]:
    """The evidence on every technique of a plan but the peers', as fields of records, one after another.

    In the plan's first dtype: in another the same code works on numbers of another size. A technique that
    fails gives a `reason` in place of its figures. In the folder `memory`, beside Numba's cache that is named
    by the code, what was gathered of built-in techniques is kept for the next run on this machine. Files from
    outside are left to `outside_evidence`; another commit's techniques are perflab's own.
    """
    dtype = plan.dtypes[0]
    held = _Memory(memory)
    for op, techniques in plan.techniques.items():
        case = fitting(catalog.operation(op), plan.cases[op], dtype)
        for technique in techniques:
            outside = plan.outside.get(f"{op}/{technique}")
            if plan.homes.get(technique) or (outside and "@" not in technique):
                continue
            names = {"operation": op, "technique": technique, "dtype": dtype, "case": case}
            known = None if outside else held.of(names)
            if known is not None:
                yield known
                continue
            try:
                found = gather(op, technique, case, dtype, outside=outside).plain()
            except Exception as error:
                yield {**names, "reason": reason(error)}
                continue
            if not outside:
                held.keep(names, found)
            yield found


class _Memory:
    """What was gathered before, one line each; a folder that cannot be written only forgets."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / "evidence.jsonl" if folder else None
        self._known: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            for line in self._file.read_text("utf-8").splitlines() if self._file else ():
                record = json.loads(line)
                self._known[record["key"]] = dict(record["fields"])

    def of(self, names: Mapping[str, str]) -> dict[str, Any] | None:
        return self._known.get(self._key(names))

    def keep(self, names: Mapping[str, str], fields: dict[str, Any]) -> None:
        line = json.dumps({"key": self._key(names), "fields": fields}) + "\n"
        if self._file:
            with contextlib.suppress(OSError), self._file.open("a", encoding="utf-8") as file:
                file.write(line)

    @staticmethod
    def _key(names: Mapping[str, str]) -> str:
        return " ".join([machine.identity(), *names.values()])


def examine(described: Operation, held: Implementation, case: Case, dtype: str) -> Evidence:
    """Call both functions: on small batches, to see how steps grow with work, then on `case`, traced."""
    first = next(iter(described.cases.values()))
    small = [Scene(described, held, first, dtype, samples) for samples in (2, 1)]
    small[0].call()  # compiled, or loaded
    costs = costs_of(described, first, dtype)
    several, few = (scene.traced(Trace, memory=False) for scene in small)
    kinds, foretold = {}, {}
    for name, function in (("forward", held.forward), ("backward", held.backward)):
        further = several[name].steps - few[name].steps
        operations = small[0].costs[name].flops - small[1].costs[name].flops
        kinds[name] = "interpreted" if further >= max(operations, 1) else "numpy"
        if any(signatures(dispatcher, dtype) for dispatcher in dispatchers_of(function)):
            kinds[name] = "compiled"
        # A batch of one may go another way than all others: then the line through both says nothing.
        foretold[name] = max(few[name].steps + further * (first.sizes.get("N", 1) - 1), few[name].steps)
    interpreted = "interpreted" in kinds.values()
    scene = Scene(described, held, first if interpreted else case, dtype)
    if not interpreted:  # warm, yet a workspace that it keeps from call to call does not fit the case
        Scene(described, held, case, dtype, 1).call()
    traces = scene.traced(partial(Trace, most=MOST_NOTED if interpreted else MOST_STEPS))
    ways = {}
    for name, trace in traces.items():
        code, no_code = code_of(dispatchers_of(getattr(held, name)), dtype)
        predicted = kinds[name] == "interpreted"
        ways[name] = Way(
            kind="compiled" if code else kinds[name],
            flops=scene.costs[name].flops,
            bytes=scene.costs[name].bytes,
            steps=foretold[name] if predicted else trace.steps,
            few=foretold[name],
            few_flops=costs[name].flops,
            whole=trace.steps <= MOST_NOTED,
            allocations=trace.allocations if trace.memory else None,
            allocated=trace.allocated if trace.memory else None,
            temporaries=max(trace.allocated - trace.kept, 0) if trace.memory else None,
            workspace=trace.after,
            peak=max(trace.peak - trace.outputs, 0) + trace.before if trace.memory else None,
            memory=TRACED if trace.memory else UNTRACED,
            code=code,
            no_code=no_code,
        )
    lines, imported = lines_of(held)
    return Evidence(held.operation, held.technique, dtype, scene.case.name, lines, imported, ways)
