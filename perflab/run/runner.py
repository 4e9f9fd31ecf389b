"""Drives a plan: fresh processes, one after another, run the suite in `bench/` and append to the records."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from perflab import records
from perflab.catalog import sources
from perflab.catalog.find import operation, prepare_numba_cache
from perflab.contract import NoSpaceLeft, PerflabError
from perflab.machine import portable
from perflab.machine.process import begin, finish
from perflab.machine.system import cpu_ticks, steal_share
from perflab.records import Plan, kinds
from perflab.run import presets
from perflab.run.compilation import compile_first, missing
from perflab.run.contest import EXIT_BROKEN, EXIT_NO_SPACE
from perflab.run.sampling import next_groups
from perflab.run.turns import GOOD_EXITS, Child, Tell, measure_in_turn, stop

GATHER_S = 180.0


def run(folder: Path, plan: Plan, tell: Tell) -> None:
    """Measure every block of the plan that is not in the folder yet.

    `tell` gets every event. Raises KeyboardInterrupt after the measuring processes have ended, NoSpaceLeft
    and PerflabError with one line; the records written before stay in each case.
    """
    run = records.read(folder)
    plan = run.plan  # with the names as in the records
    if not any(isinstance(record, (kinds.Source, kinds.Timed)) for record in run.records):
        records.save(folder, "source", sources.of_plan(plan))
    prepare_numba_cache()  # once for all measuring processes
    names = missing(plan.techniques, plan.dtypes)
    if names:
        began = time.time()
        compile_first(names, tell)
        records.save(folder, "compiled", [{"names": names, "wall_s": time.time() - began}])
    for threads in plan.threads:
        for process in _processes(folder, plan, threads):
            while homes := _pending(folder, plan, threads, process):
                began, ticks = time.time(), cpu_ticks()
                children = measure_in_turn(folder, plan, threads, process, list(homes), tell)
                _save_end(folder, process, threads, began, ticks, children, tell)
                for child in children:
                    if not child.died:
                        _raise_for(child.process.returncode, folder, "".join(child.printed))
                    elif not child.last:
                        raise PerflabError(f"the measuring process measured nothing: {child.cause}")
                if not any(child.died for child in children):
                    break
    if plan.explain and not any(records.read(folder).of_kind(kinds.Evidence)):
        tell({"event": "evidence"})
        _gather(folder, "evidence", 1)
    large = plan.preset != presets.OWN_PRESET and any(
        case in operation(op).contest for op, cases in plan.cases.items() for case in cases
    )
    for threads in plan.threads if large else ():
        if not any(r.contender.threads == threads for r in records.read(folder).of_kind(kinds.PeakMemory)):
            tell({"event": "memory"})
            _gather(folder, "memory", threads)


def _gather(folder: Path, kind: str, threads: int) -> None:
    """Gather evidence or memory in a separate process, untimed; a run is complete without them."""
    order = {"folder": str(folder.resolve()), "kind": kind, "threads": threads}
    child = begin("perflab.run.runner:gather", order, GATHER_S, threads, **portable.own_group())
    try:
        with contextlib.suppress(PerflabError):
            finish(child, GATHER_S)
    finally:
        stop(child)


def gather(folder: str, kind: str, threads: int) -> None:
    """In a separate process: save the evidence on each technique of a run, or its memory on each case."""
    from perflab import evidence
    from perflab.evidence import pages
    from perflab.evidence.outside import gather_all

    portable.keep_to_cores(threads)
    cache, run = Path(prepare_numba_cache()), records.read(folder)
    if kind == "memory":
        records.save(run.folder, kind, pages.gather(run, threads))
    else:
        records.save(run.folder, kind, evidence.gather_all(run.plan, cache))
        records.save(run.folder, kind, gather_all(run.plan, run.records))


def _processes(folder: Path, plan: Plan, threads: int) -> Iterator[int]:
    """The plan's processes, then further ones while ratios are not precise enough."""
    yield from range(plan.processes)
    for process in itertools.count(plan.processes):
        run = records.read(folder)
        if run.groups(threads, process) is None:
            groups = next_groups(run, threads)
            if not groups:
                return
            records.save(folder, "extension", [{"process": process, "threads": threads, "groups": groups}])
        yield process


def _save_end(
    folder: Path, process: int, threads: int, began: float, ticks: Mapping[str, int],
    children: Sequence[Child], tell: Tell,
) -> None:  # fmt: skip
    """Save the wall time and steal of a process, and the cells in which processes died."""
    for child in children:
        if child.died and child.last:
            failure = {**child.last, "reason": child.cause}
            records.save(folder, "failure", [{**failure, "process": process}])
            tell({"event": "failure", **failure})
    fields = {"process": process, "threads": threads, "wall_s": time.time() - began, "started": began}
    records.save(folder, "process", [{**fields, "steal": steal_share(ticks, cpu_ticks())}])


def outstanding(folder: Path, plan: Plan) -> int:
    """How many blocks are still to be measured."""
    processes = ((threads, process) for threads in plan.threads for process in range(plan.processes))
    return sum(_pending(folder, plan, *each).total() for each in processes)


def _pending(folder: Path, plan: Plan, threads: int, process: int) -> Counter[str]:
    """Blocks of one process without a record, prediction or failure, counted by their home."""
    run = records.read(folder)
    plan, done = run.plan, run.done()
    out = {record.contender for record in run.of_kind(kinds.Prediction)}
    out |= {r.contender.across("case") for r in run.of_kind(kinds.Failure) if r.contender.technique}
    return Counter(
        plan.home(block)
        for block in plan.blocks(threads, process, run.groups(threads, process))
        if block not in done and not {block.cell.contender, block.cell.contender.across("case")} & out
    )


def _raise_for(status: int, folder: Path, tail: str) -> None:
    if status in GOOD_EXITS:
        return
    if status == EXIT_NO_SPACE:
        raise NoSpaceLeft(f"{folder}: no space left; what was measured before is kept, go on with --resume")
    if status == EXIT_BROKEN:
        exits = [line.partition("!!")[2].strip(" !") or line for line in tail.splitlines() if "Exit:" in line]
        why = exits[-1].partition("Exit:")[2].strip() if exits else "the measuring process could not go on"
        raise PerflabError(f"{why}; what was measured before is kept in {folder}")
    if status in portable.INTERRUPTED:
        raise KeyboardInterrupt
    lines = reversed(tail.splitlines())
    why = next((line for line in lines if "Error" in line or "error" in line), "no message")
    raise PerflabError(f"the measuring process ended with status {status}: {why.strip()}")
