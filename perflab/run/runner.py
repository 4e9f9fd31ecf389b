"""Drives a plan: fresh processes, one after another, run the suite in `bench/` and append to the records."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from perflab import records
from perflab.catalog import sources
from perflab.catalog.find import prepare_numba_cache
from perflab.contract import CANNOT_RUN, NOT_SHOWN, NoSpaceLeft, PerflabError
from perflab.errors import reason
from perflab.machine import portable
from perflab.machine.system import cpu_ticks, steal_share
from perflab.machine.threads import cores
from perflab.records import Phase, Plan, Run, kinds
from perflab.run.compilation import compile_first, key, missing
from perflab.run.contest import EXIT_BROKEN, EXIT_NO_SPACE
from perflab.run.explaining import Explaining
from perflab.run.schedule import START_S, IsReady, next_part, pending, wishes
from perflab.run.turns import GOOD_EXITS, Child, Tell, measure_in_turn

COMPILE_SHARE = 0.25  # of a run's time at most
REPORT_SHARE, REPORT_S = 0.13, 30.0  # of the time, and at most so many seconds, are kept for the report


def run(folder: Path, plan: Plan, tell: Tell, for_s: float = 0.0) -> None:
    """Measure what the folder lacks, for `for_s` seconds, or for what is left of the run's time.

    `tell` gets every event. Raises KeyboardInterrupt after the measuring processes have ended, NoSpaceLeft
    and PerflabError with one line; the records written before stay in each case.
    """
    saved = records.read(folder)
    plan = saved.plan  # with the names as in the records
    if not any(isinstance(record, (kinds.Source, kinds.Timed)) for record in saved.records):
        records.save(folder, "source", sources.of_plan(plan))
    prepare_numba_cache()  # once for all measuring processes
    _Drive(folder, plan, tell, _until(saved, for_s)).all()


def _until(run: Run, for_s: float) -> float:
    """When measuring ends, on the monotonic clock: before the run's time does, so that a report is made."""
    if not (for_s or run.granted_s):
        return math.inf
    left_s = for_s or run.granted_s - run.spent_s
    return time.monotonic() + left_s - min(REPORT_S, REPORT_SHARE * left_s)


class _Drive:
    """One call of `run`: what it measures, and until when."""

    def __init__(self, folder: Path, plan: Plan, tell: Tell, until: float) -> None:
        self.folder, self.plan, self.tell, self._end = folder, plan, tell, until
        self.explaining = Explaining(folder, plan, tell, until)

    @property
    def until(self) -> float:
        """When measuring ends for now."""
        return self._end - self.explaining.reserved_s

    @property
    def left_s(self) -> float:
        """The seconds that are left for measuring."""
        return self.until - time.monotonic()

    def all(self) -> None:
        """Phase by phase, compile and measure; explain what was measured when the first figures stand."""
        plan = self.plan
        if self.left_s < math.inf:
            self.tell({"event": "time", "left_s": self.left_s})
        for threads in plan.threads if not plan.phases else ():
            self.compile(missing(plan.techniques, plan.dtypes, threads), threads)
        parts = {threads: records.read(self.folder).parts(threads) for threads in plan.threads}
        if not plan.phases:
            left = (
                _pending(self.folder, threads, process) for threads in parts for process in parts[threads]
            )
            self.tell({"event": "blocks", "total": sum(each.total() for each in left)})
        for threads, processes in parts.items():
            for process in processes:  # all of the plan, or those that were interrupted
                self.measure(threads, process)
        for place, phase in enumerate(plan.phases):
            self.phase(phase)
            if place > 0:
                self.explain(self.explaining.of_the_machine)
            if phase.most > phase.least:
                self.explain(self.explaining.of_the_techniques)
        self.explain(self.explaining.of_the_machine)
        self.explain(self.explaining.of_the_techniques)
        self.explain(self.explaining.of_the_memory)

    def explain(self, gather: Callable[[], None]) -> None:
        """Gather what explains the figures; they stand without it."""
        try:
            gather()
        except NoSpaceLeft:
            raise
        except Exception as error:
            self.tell({"event": "unexplained", "reason": reason(error)})

    def phase(self, phase: Phase) -> None:
        """Measure a phase as far as the time reaches."""
        for threads in self.plan.threads:
            self.compile(self.lacking(phase, threads), threads)
            while self.left_s > START_S:
                run = records.read(self.folder)
                part = next_part(run, phase, threads, _ready(run, threads), self.left_s)
                if part is None:
                    break
                process = max(run.parts(threads), default=-1) + 1
                records.save(self.folder, "part", [{"process": process, "threads": threads, **asdict(part)}])
                self.measure(threads, process)
                if _settled(records.read(self.folder)) == _settled(run):
                    break  # it measured nothing: neither would the next

    def lacking(self, phase: Phase, threads: int) -> list[str]:
        """The kernels that a phase needs on so many threads and that are not compiled."""
        run = records.read(self.folder)
        wanted = {
            key(wish.group[0], technique, wish.group[2])
            for wish in wishes(run, phase, threads)
            for technique in wish.techniques
        }
        ready = _ready(run, threads)
        names = missing(phase.techniques, phase.dtypes, threads)
        return [name for name in names if name in wanted and not ready(*name.split("/"))]

    def compile(self, names: Sequence[str], threads: int) -> None:
        """Compile kernels for so many threads, within their share of the time."""
        if not names:
            return
        run = records.read(self.folder)
        spent_s = sum(record.wall_s for record in run.of_kind(kinds.Compiled))
        share_s = COMPILE_SHARE * run.granted_s - spent_s if run.granted_s else math.inf
        began, left = time.monotonic(), dict[str, float]()
        called = compile_first(names, self.tell, min(self.left_s, share_s), threads, left=left)
        known = {name for record in run.of_kind(kinds.Compiled) for name in record.left}
        if called or left.keys() - known:
            wall_s = time.monotonic() - began
            fields = {"names": called, "wall_s": wall_s, "threads": threads, "left": left}
            more_s = _more_s(left, spent_s + wall_s, run.granted_s) if left else 0.0
            records.save(self.folder, "compiled", [{**fields, "more_s": more_s}])

    def measure(self, threads: int, process: int) -> None:
        """Measure the blocks of one process that have no record yet."""
        folder, plan, tell = self.folder, self.plan, self.tell
        while self.left_s > 0 and (homes := _pending(folder, threads, process)):
            began, ticks = time.time(), cpu_ticks()
            children = measure_in_turn(folder, plan, threads, process, list(homes), tell, self.until)
            _save_end(folder, plan, process, threads, began, ticks, children, tell)
            for child in children:
                if not child.died:
                    _raise_for(child.process.returncode, folder, "".join(child.printed))
                elif not child.last:
                    raise PerflabError(f"the measuring process measured nothing: {child.cause}")
            if not any(child.died for child in children):
                break


def _more_s(left: Mapping[str, float], spent_s: float, granted_s: float) -> float:
    """The further seconds of a run whose share would suffice to compile what is left, on all cores."""
    needed_s = max(sum(left.values()) / cores(), *left.values(), 0.0)
    return max(spent_s + needed_s - COMPILE_SHARE * granted_s, needed_s) / COMPILE_SHARE


def _ready(run: Run, threads: int) -> IsReady:
    """Whether a technique can be measured without compiling: it was compiled, or an attempt failed."""
    plan = run.plan
    compiled = (record for record in run.of_kind(kinds.Compiled) if record.threads == threads)
    lacking = {*missing(plan.techniques, plan.dtypes, threads)} - {n for each in compiled for n in each.names}
    return lambda op, technique, dtype: key(op, technique, dtype) not in lacking


def _settled(run: Run) -> int:
    """How much of a run is measured, predicted or failed."""
    return sum(isinstance(record, (kinds.Timed, kinds.Prediction, kinds.Failure)) for record in run.records)


def _save_end(
    folder: Path, plan: Plan, process: int, threads: int, began: float, ticks: Mapping[str, int],
    children: Sequence[Child], tell: Tell,
) -> None:  # fmt: skip
    """Save the wall time and steal of a process, and the cells in which processes died."""
    for child in children:
        if child.died and child.last:
            name = f"{child.last['operation']}/{child.last['technique']}"
            status = NOT_SHOWN if name in plan.foreign else CANNOT_RUN
            failure = {**child.last, "reason": f"{status}: {child.cause}"}
            records.save(folder, "failure", [{**failure, "process": process}])
            tell({"event": "failure", **failure})
    fields = {"process": process, "threads": threads, "wall_s": time.time() - began, "started": began}
    records.save(folder, "process", [{**fields, "steal": steal_share(ticks, cpu_ticks())}])


def _pending(folder: Path, threads: int, process: int) -> Counter[str]:
    """The blocks of one process that are still to be measured, counted by their home."""
    run = records.read(folder)
    return Counter(map(run.plan.home, pending(run, threads, process)))


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
