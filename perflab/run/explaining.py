"""What explains a run's figures, gathered apart from the clock: ceilings, evidence, remarks, memory."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from perflab import records
from perflab.catalog.find import operation, prepare_numba_cache
from perflab.contract import PerflabError
from perflab.machine import portable
from perflab.machine.process import begin, finish
from perflab.machine.threads import cores
from perflab.records import Plan, Run, kinds
from perflab.records.file import NotWritten
from perflab.records.roof import Ceilings
from perflab.run import presets
from perflab.run.turns import Tell, stop

GATHER_S = 180.0
EVIDENCE_SHARE = 0.08  # of a run's time, before precision
REMARKS_S = 20.0  # in a run that compiles nothing but files from outside again
ANEW_S = 600.0  # a run with less time has of perflab's own rungs the remarks that this machine has already
LEAST_S = 1.0  # in less time nothing is begun
WHO = ("operation", "technique", "dtype", "case")  # of a record, also of one that only gives a reason


class Explaining:
    """The gathering for one run, until a time of the monotonic clock. A run is complete without it.

    `reserved_s` are the seconds that measuring leaves for the evidence, until that was gathered once.
    """

    def __init__(self, folder: Path, plan: Plan, tell: Tell, until: float) -> None:
        self._folder, self._plan, self._tell, self._until = folder, plan, tell, until
        left_s = until - time.monotonic()
        self.reserved_s = EVIDENCE_SHARE * left_s if plan.explain and left_s < math.inf else 0.0

    @property
    def _left_s(self) -> float:
        return min(self._until - time.monotonic(), GATHER_S)

    def of_the_machine(self) -> None:
        """The machine's ceilings, measured where none are saved, unless the preset answers at once."""
        from perflab.machine import ceilings

        known = any(records.read(self._folder).of_kind(Ceilings))
        if known or not measures_ceilings(self._plan) or self._left_s < LEAST_S:
            return
        self._tell({"event": "ceilings"})
        if (limits := ceilings.for_run(self._plan.threads)) is not None:
            records.save(self._folder, "ceilings", [limits])

    def of_the_techniques(self) -> None:
        """The evidence on the techniques that were measured and have none, on all cores: it is not timed.

        The fastest of each operation first, as the time may not suffice for all.
        """
        self.reserved_s = 0.0
        run = records.read(self._folder)
        names = lacking_evidence(run) if self._plan.explain else []
        if names:
            limit_s = EVIDENCE_SHARE * run.granted_s if run.granted_s else GATHER_S
            self._gather("evidence", limit_s, shares(names))
            run = records.read(self._folder)
            names = lacking_remarks(run)
            if names:
                self._gather("remarks", GATHER_S if _anew(run) else REMARKS_S, shares(names))

    def of_the_memory(self) -> None:
        """The memory that techniques need on the contest's cases."""
        run, plan = records.read(self._folder), self._plan
        large = plan.preset != presets.OWN_PRESET and any(
            case in operation(op).contest for op, cases in plan.cases.items() for case in cases
        )
        for threads in plan.threads if large else ():
            if not any(r.contender.threads == threads for r in run.of_kind(kinds.PeakMemory)):
                self._gather("memory", GATHER_S, [{"threads": threads}], threads)

    def _gather(self, kind: str, limit_s: float, orders: Sequence[dict[str, Any]], threads: int = 1) -> None:
        limit_s = min(limit_s, self._left_s)
        if limit_s >= LEAST_S:
            self._tell({"event": kind})
            for line in gather(self._folder, kind, limit_s, orders, threads):
                self._tell({"event": "unexplained", "reason": line})


def shares(names: Sequence[str]) -> list[dict[str, Any]]:
    """The orders for the evidence on these OP/TECHNIQUE: one for each core, at most."""
    count = min(cores(), len(names))
    return [{"names": names[place::count]} for place in range(count)]


def gather(
    folder: Path, kind: str, limit_s: float, orders: Sequence[Mapping[str, Any]], threads: int = 1
) -> list[str]:
    """Gather "evidence", "remarks" or "memory" in separate processes, one for each order, untimed.

    What is not there in time is given up. Returns a line for each record that was refused. Raises
    PerflabError where no process can be started.
    """
    until, children, refused = time.monotonic() + limit_s, [], list[str]()
    try:
        for order in orders:
            whole = {**order, "folder": str(folder.resolve())}
            function = f"perflab.run.explaining:gather_{kind}"
            children.append(begin(function, whole, limit_s, threads, **portable.own_group()))
        for child in children:
            with contextlib.suppress(PerflabError):
                refused += finish(child, max(until - time.monotonic(), 0.0))
    finally:
        for child in children:
            stop(child)
            for stream in filter(None, (child.stdin, child.stdout, child.stderr)):
                with contextlib.suppress(OSError):
                    stream.close()  # one that was given up still has its pipes
    return refused


def measures_ceilings(plan: Plan) -> bool:
    """Whether a run of this plan measures the ceilings that are not saved on this machine."""
    return plan.explain and plan.preset != presets.OWN_PRESET


def saved_ceilings(plan: Plan) -> dict[str, Any] | None:
    """The machine's ceilings for a plan as saved; None where the run is to measure some of them."""
    from perflab.machine import ceilings

    limits = ceilings.for_run(plan.threads, measure_missing=False)
    known = {row["threads"] for row in limits["measured"]} if limits else set()
    return None if measures_ceilings(plan) and {*plan.threads} - known else limits


def _save(folder: Path, kind: str, rows: Iterable[Mapping[str, Any]], reasons: bool = True) -> list[str]:
    """Append records as `records.save` does; a line for each that is refused: the others are saved.

    With `reasons`, a record that says why takes the place of a refused one.
    """
    refused = []
    for fields in rows:
        try:
            records.save(folder, kind, [fields])
        except NotWritten as why:
            refused.append(f"{fields['operation']}/{fields['technique']}: {why}")
            if reasons:
                known = {name: fields[name] for name in WHO if name in fields}
                records.save(folder, kind, [{**known, "reason": str(why)}])
    return refused


def gather_memory(folder: str, threads: int) -> list[str]:
    """In a separate process: save the memory of the techniques on the contest's cases; what was refused."""
    from perflab.evidence import pages

    portable.keep_to_cores(threads)
    prepare_numba_cache()
    return _save(Path(folder), "memory", pages.gather(records.read(folder), threads), reasons=False)


def gather_evidence(folder: str, names: Sequence[str]) -> list[str]:
    """In a separate process: save the evidence on these OP/TECHNIQUE, one by one; what was refused."""
    from perflab import evidence
    from perflab.evidence.outside import gather_all

    portable.keep_to_cores(1)
    cache, run = Path(prepare_numba_cache()), records.read(folder)
    refused: list[str] = []
    for name in names:
        op, technique = name.split("/")
        plan = replace(run.plan, techniques={op: (technique,)})
        refused += _save(run.folder, "evidence", evidence.gather_all(plan, cache))
        refused += _save(run.folder, "evidence", gather_all(plan, run.records))
    return refused


def gather_remarks(folder: str, names: Sequence[str]) -> list[str]:
    """In a separate process: save what LLVM said of these OP/TECHNIQUE, one by one; what was refused."""
    from perflab.evidence import remarks

    run = records.read(folder)
    compiled, anew = _compiled(run), _anew(run)

    def rows() -> Iterator[dict[str, Any]]:
        for op, technique in (name.split("/") for name in names):
            dtype, outside = compiled[f"{op}/{technique}"], run.plan.outside.get(f"{op}/{technique}")
            if outside or anew:
                yield remarks.or_reason(op, technique, dtype, outside).plain()
            elif saved := remarks.saved(op, technique, dtype):
                yield saved.plain()

    return _save(run.folder, "remarks", rows())


def _compiled(run: Run) -> dict[str, str]:
    """The dtype of the evidence by OP/TECHNIQUE, of what Numba compiles; another commit's are left out."""
    return {
        each.contender.name: each.dtype
        for each in run.of_kind(kinds.Evidence)
        if "@" not in each.technique and any(way.kind == "compiled" for way in each.ways.values())
    }


def _anew(run: Run) -> bool:
    """Whether a run has the time to compile perflab's own rungs once more, for what LLVM says of them."""
    return not run.granted_s or run.granted_s >= ANEW_S


def lacking_remarks(run: Run) -> list[str]:
    """The OP/TECHNIQUE that Numba compiles and LLVM was not asked of: files from outside first."""
    known = {record.contender.name for record in run.of_kind(kinds.Remarks)}
    names = [name for name in _compiled(run) if name not in known]
    return sorted(names, key=lambda name: name not in run.plan.outside)


def lacking_evidence(run: Run) -> list[str]:
    """The OP/TECHNIQUE that were measured and have no evidence: of each operation the fastest first."""
    known = {record.contender.name for record in run.of_kind(kinds.Evidence)}
    least: dict[str, float] = {}  # seconds for each operation of arithmetic
    for record in run.records:
        if isinstance(record, kinds.Judgement) and record.right:
            name = record.contender.name
            rate = sum(record.warm_s.values()) / max(record.flops, 1)
            least[name] = min(least.get(name, math.inf), rate)
        elif isinstance(record, kinds.Failure) and record.contender.technique:
            least.setdefault(record.contender.name, math.inf)
    every = [f"{op}/{name}" for op, names in run.plan.techniques.items() for name in names]
    places: Counter[str] = Counter()
    ranked = []
    for name in sorted((name for name in every if name in least), key=lambda name: least[name]):
        op = name.partition("/")[0]
        ranked.append((places[op], name))
        places[op] += 1
    return [name for _, name in sorted(ranked, key=lambda each: each[0]) if name not in known]
