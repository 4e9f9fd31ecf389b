"""What explains a run's figures, gathered apart from the clock: ceilings, evidence, memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from perflab import records
from perflab.catalog.find import operation, prepare_numba_cache
from perflab.contract import PerflabError
from perflab.machine import portable
from perflab.machine.process import begin, finish
from perflab.records import Plan, Run, kinds
from perflab.records.roof import Ceilings
from perflab.run import presets
from perflab.run.turns import Tell, stop

GATHER_S = 180.0
LEAST_S = 1.0  # in less time nothing is begun


class Explaining:
    """The gathering for one run, until a time of the monotonic clock. A run is complete without it."""

    def __init__(self, folder: Path, plan: Plan, tell: Tell, until: float) -> None:
        self._folder, self._plan, self._tell, self._until = folder, plan, tell, until

    @property
    def _left_s(self) -> float:
        return min(self._until - time.monotonic(), GATHER_S)

    def of_the_machine(self) -> None:
        """The machine's ceilings: the saved ones, else measured, unless the preset answers at once."""
        from perflab.machine import ceilings

        if any(records.read(self._folder).of_kind(Ceilings)):
            return
        plan, measured = self._plan, False
        if plan.explain and plan.preset != presets.OWN_PRESET and self._left_s > LEAST_S:
            self._tell({"event": "ceilings"})
            measured = True
        if (limits := ceilings.for_run(plan.threads, measure_missing=measured)) is not None:
            records.save(self._folder, "ceilings", [limits])

    def of_the_techniques(self) -> None:
        """The evidence on every technique that was measured and has none."""
        if self._plan.explain and lacking_evidence(records.read(self._folder)).techniques:
            self._gather("evidence", 1)

    def of_the_memory(self) -> None:
        """The memory that techniques need on the contest's cases."""
        run, plan = records.read(self._folder), self._plan
        large = plan.preset != presets.OWN_PRESET and any(
            case in operation(op).contest for op, cases in plan.cases.items() for case in cases
        )
        for threads in plan.threads if large else ():
            if not any(r.contender.threads == threads for r in run.of_kind(kinds.PeakMemory)):
                self._gather("memory", threads)

    def _gather(self, kind: str, threads: int) -> None:
        """Gather in a separate process, untimed."""
        if self._left_s < LEAST_S:
            return
        self._tell({"event": kind})
        order = {"folder": str(self._folder.resolve()), "kind": kind, "threads": threads}
        child = begin("perflab.run.explaining:gather", order, self._left_s, threads, **portable.own_group())
        try:
            with contextlib.suppress(PerflabError):
                finish(child, self._left_s)
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
        plan = lacking_evidence(run)
        records.save(run.folder, kind, evidence.gather_all(plan, cache))
        records.save(run.folder, kind, gather_all(plan, run.records))


def lacking_evidence(run: Run) -> Plan:
    """The plan, with those techniques alone that were measured and have no evidence."""
    known = {record.contender.name for record in run.of_kind(kinds.Evidence)}
    tried = {record.contender.name for record in _judged(run)} - known
    techniques = {
        op: tuple(name for name in names if f"{op}/{name}" in tried)
        for op, names in run.plan.techniques.items()
    }
    return replace(run.plan, techniques={op: names for op, names in techniques.items() if names})


def _judged(run: Run) -> Iterator[kinds.Judgement | kinds.Failure]:
    return (r for r in run.records if isinstance(r, (kinds.Judgement, kinds.Failure)))
