"""The races of a climb: two neighbouring rungs alone, or a file between them; each is a run of seconds.

Whoever asks names the folder and reads the records: a race decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab import records
from perflab.catalog.kernels import uses_threads
from perflab.contract import DIRECTIONS
from perflab.machine import cores
from perflab.records import Plan, Run
from perflab.run import presets, request, selfcheck
from perflab.run.compilation import missing
from perflab.run.explaining import gather, shares

if TYPE_CHECKING:
    from perflab.oracle.sandbox.review import FileReview

EVIDENCE_S, EXPLAINED_PASSES = 30.0, 2
# A call on several threads may wait for a core on which another process runs: one call is no block.
THREADED_BLOCK_S = 0.04


def unfit() -> str:
    """Why this machine is unfit to measure, as its last self-check said; "" where it did not."""
    fitness = selfcheck.stored()
    if fitness["state"] != "unfit":
        return ""
    return "this machine is unfit to measure: " + "; ".join(fitness["reasons"])


def several(operation: str, technique: str) -> int:
    """The threads on which a rung may do what it cannot on one; 1 where there are none."""
    return cores() if uses_threads(operation, technique) else 1


def compiles(operation: str, rungs: Sequence[str], dtype: str, threads: int) -> bool:
    """Whether a race of these rungs has to compile something first, which may take a minute."""
    return bool(missing({operation: tuple(rungs)}, (dtype,), threads))


def rungs(folder: Path, operation: str, rungs: Sequence[str], cases: Sequence[str], threads: int) -> Run:
    """Race rungs of the ladder on these cases; a rung that would take long on one is predicted there."""
    return _measured(folder, _plan({operation: tuple(rungs)}, cases, threads))


def file(
    folder: Path, reviewed: FileReview, rungs: Sequence[str], case: str, dtype: str, threads: int,
    alone: bool = False, explain: bool = False,
) -> Run:  # fmt: skip
    """Race the one right implementation of a file against rungs of its operation, turn by turn.

    `alone`, or to `explain` it, it is called in every direction, else in the one that decides; to explain it,
    in fewer turns, and the evidence on all of them is gathered.
    """
    (review,) = reviewed.reviews
    op, technique = review.implementation.operation, review.implementation.technique
    name = f"{op}/{technique}"
    plan = _plan(
        {op: (*rungs, technique)}, (case,), threads, dtypes=(dtype,),
        outside={name: str(Path(review.implementation.source).resolve())}, foreign=(name,),
    )  # fmt: skip
    if not (alone or explain):
        return _measured(folder, plan, reviewed)
    directions = DIRECTIONS if plan.directions == presets.STEP else plan.directions
    passes = EXPLAINED_PASSES if explain else plan.passes
    run = _measured(folder, replace(plan, passes=passes, directions=directions), reviewed)
    if alone:
        return run
    gather(folder, "evidence", EVIDENCE_S, shares([f"{op}/{name}" for name in (technique, *rungs)]))
    return records.read(run.folder)


def again(run: Run) -> Run:
    """Race once more in a further process: each has its own memory layout, worth up to 10 %."""
    plan = run.plan
    (threads,), ((operation, cases),) = plan.threads, plan.cases.items()
    groups = [(operation, *of) for of in product(cases, plan.dtypes)]
    further = {"process": max(run.parts(threads)) + 1, "threads": threads, "groups": groups}
    records.save(run.folder, "extension", [further])
    return _measured(run.folder, run.plan, resume=True)


def _plan(chosen: Mapping[str, tuple[str, ...]], cases: Sequence[str], threads: int, **more: Any) -> Plan:
    plan = presets.make(chosen, presets.CLIMB_PRESET, cases=cases, threads=(threads,), **more)
    return plan if threads == 1 else replace(plan, block_s=THREADED_BLOCK_S)


def _measured(folder: Path, plan: Plan, reviewed: FileReview | None = None, resume: bool = False) -> Run:
    with request.opened(folder, plan, reviewed, resume) as measure:
        measure(lambda _: None)
    return records.read(folder)
