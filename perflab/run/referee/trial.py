"""perflab's judgement of one file: its review, and a race on one case, as a run makes them.

A race here has one measuring process, this one, and a clock of its own in the place of pytest-benchmark.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest

from perflab import records
from perflab.catalog import cases
from perflab.contract import DIRECTIONS, PerflabError
from perflab.machine import portable
from perflab.oracle.sandbox import review
from perflab.oracle.sandbox.sandbox import MOST_BYTES
from perflab.records import Plan, kinds
from perflab.run.contest import Contest
from perflab.run.referee.corpus import OPERATION

LIMIT_S = 15.0  # for a case of the review
BLOCK_S, PASSES, BUDGET_S = 0.01, 3, 4.0


@dataclass
class Clock:
    """Stands where a run has pytest-benchmark: it plays rounds, and keeps their seconds."""

    disabled: bool = False
    extra_info: dict[str, Any] = field(default_factory=dict)
    stats: Any = None

    def pedantic(self, play: Callable[[], Any], setup: Callable[[], None], rounds: int) -> Any:
        """Play so many rounds, each after its set-up; what the last one returned."""
        self.stats = SimpleNamespace(iterations=1, stats=SimpleNamespace(data=[]))
        held: Any = None
        for _ in range(rounds):
            setup()
            began = time.perf_counter()
            held = play()
            self.stats.stats.data.append(time.perf_counter() - began)
        return held


def judge(file: str, folder: str, case: str) -> dict[str, Any]:
    """Why a file gets no time, as `why`; else its `seconds` of a step, and what it `calls` of others."""
    try:
        for reviewed in review.review(Path(file), OPERATION, limit_s=LIMIT_S).reviews:
            if reviewed.reason:
                return {"why": reviewed.reason}
    except PerflabError as error:
        return {"why": str(error).removeprefix(f"{file}: ")}
    portable.adopt_orphans()
    return _race(Path(file), Path(folder) / "run", _plan(Path(file), case))


def _plan(file: Path, case: str) -> Plan:
    name = f"{OPERATION}/{file.stem}"
    return Plan(
        preset="referee", techniques={OPERATION: (file.stem,)}, cases={OPERATION: (case,)},
        dtypes=("float32",), threads=(1,), directions=DIRECTIONS, processes=1, passes=PASSES,
        block_s=BLOCK_S, budget_s=BUDGET_S, outside={name: str(file)}, foreign=(name,), explain=False,
    )  # fmt: skip


def _race(file: Path, folder: Path, plan: Plan) -> dict[str, Any]:
    records.begin(folder, plan, cases.describe(plan), {})
    contest = Contest(plan, folder)
    try:
        contest.seats.most_bytes = MOST_BYTES
        contest.seats.invite(str(file), 1)
        contest.places = {block: place for place, block in enumerate(plan.blocks(1, 0))}
        for block in contest.places:
            with suppress(pytest.fail.Exception, pytest.skip.Exception):
                contest.measure(block, Clock())
    finally:
        contest.close()
    return _found(contest.history)


def _found(history: Sequence[kinds.Record]) -> dict[str, Any]:
    """The first failure or prediction among the records of a race, or the time of a step."""
    for record in history:
        if isinstance(record, kinds.Failure):
            return {"why": record.reason}
        if isinstance(record, kinds.Prediction):
            return {"why": record.basis}
    timed = [record for record in history if isinstance(record, kinds.Timed)]
    steps = [record.median_s for record in timed if record.direction == "step"]
    if not steps:
        return {"why": "it was not raced"}
    judgements = (record for record in history if isinstance(record, kinds.Judgement))
    calls = dict.fromkeys(name for each in judgements for name in each.calls)
    return {"seconds": median(steps), "calls": list(calls)}
