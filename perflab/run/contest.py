"""The contest of one measuring process: its blocks, its records, and its events to the parent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import pytest

from perflab import machine, records, units
from perflab.contract import (
    NOT_SHOWN,
    Cell,
    Contender,
    Implementation,
    NoSpaceLeft,
    NotApplicable,
    PerflabError,
)
from perflab.errors import first_line, reason
from perflab.machine import numba_cache
from perflab.records import Block, Plan, kinds
from perflab.records.roof import Ceilings
from perflab.run.referee import floor
from perflab.run.referee.findings import CannotRun, Rejected
from perflab.units import in_bytes

R = TypeVar("R", bound=kinds.Record)
# The fields of a record that the parent gets.
EVENT_FIELDS = (
    "operation", "case", "dtype", "threads", "technique", "direction", "reason", "process", "pass", "rounds_s"
)  # fmt: skip
GO, END = ".", "!"  # what a waiting process gets: its turn, or the end of the time
EXIT_NO_SPACE = 28
EXIT_BROKEN = 29
PARENT_GONE = "the run that started this process is gone"


def per_call(stats: Any, iterations: int) -> None:
    """Turn pytest-benchmark's seconds of rounds into those of a call: it calls what it times once a round."""
    stats.iterations = iterations
    stats.stats.data[:] = [seconds / iterations for seconds in stats.stats.data]


class Contest:
    """The state of one process: the plan, the stage, the records, the pipe to the parent."""

    def __init__(self, plan: Plan, folder: Path | None, parent: tuple[int, int] | None = None) -> None:
        """Start a plan; with a folder, continue from its records.

        `parent`, the process that started this one, grants turns through the first descriptor and gets the
        events through the second.
        """
        from perflab.run.referee.seats import Seats  # NumPy: the thread pools are pinned by now

        self.plan = plan
        run = records.read(folder) if folder else None
        self.history: list[kinds.Record] = list(run.records) if run else []
        self._predicted = run.predicted() if run else set()
        self._cell_s = run.cell_s if run else plan.budget_s
        self.writer = records.Writer(folder) if folder else None
        self._parent = parent
        self.places: dict[Block, int] = {}
        self._stage: Any = None
        self._pools_recorded = False
        self.seats = Seats(plan, folder)
        failures = self._past(kinds.Failure)
        self._excluded = {failure.contender.across("case"): failure.reason for failure in failures}

    def measure(self, block: Block, benchmark: Any) -> None:
        """Measure one block; skip it if predicted, fail it if it is not shown to be right."""
        from perflab.run.compilation import compilations

        cell = block.cell
        self._wait_for_turn(block)
        self.seats.look()
        if not self._pools_recorded:
            self._pools_recorded = True
            self.record("pools", process=block.process, threads=cell.threads, **machine.pools())
        self.tell("start", **asdict(cell), pass_=block.pass_)
        try:
            contender = self._contender(block, benchmark)
            if cell.threads > 1:
                machine.settle()
            benchmark.group = f"{cell.operation} {cell.case} {cell.dtype} {cell.direction} t{cell.threads}"
            turn = contender.turn(cell.direction, self.plan.block_s, benchmark.disabled)
            before = contender.compiled_by_peer()
            try:
                with turn.on_one_core(cell.threads), compilations() as compiled:
                    held = benchmark.pedantic(turn.play, setup=turn.between, rounds=turn.rounds)
            except CannotRun as why:  # it was verified: it can
                raise Rejected(why.why) from None
            except Rejected:
                raise
            except (Exception, SystemExit) as error:
                message = first_line(str(error))
                raise Rejected(f"it raised {type(error).__name__} while timed: {message}") from error
            if compiled.count or contender.compiled_by_peer() > before:
                raise Rejected("it compiled while it was timed")
            try:
                checked = turn.check(held)
            except (TypeError, ValueError, IndexError) as error:
                raise Rejected(f"a timed call returned something else: {error}") from error
            self.seats.check_files(cell)
            if benchmark.stats is not None:
                per_call(benchmark.stats, turn.iterations)
                self._check_floor(cell, median(benchmark.stats.stats.data))
        except Rejected as why:
            if self._stage is not None:
                self._stage.fill(self._stage.pristine)
            benchmark.has_error = True
            if benchmark.stats is not None:
                benchmark.stats.stats.data.clear()  # verified or no number
            self._excluded[cell.contender.across("case")] = str(why)
            self.record("failure", **asdict(cell), process=block.process, reason=str(why))
            pytest.fail(f"{cell.operation}/{cell.technique} on {cell.case}: {why}", pytrace=False)
        except Exception as error:  # an error of perflab itself: the run must not look complete
            if self.writer is None:
                raise
            pytest.exit(f"the harness failed at {block.name}: {reason(error)}", returncode=EXIT_BROKEN)
        benchmark.extra_info.update(verified=f"{contender.share:.3g} of its rounding bound", after=checked)
        if benchmark.stats is None:  # benchmarks are disabled: the block ran once, as a test
            return
        seconds = [float(f"{s:.6g}") for s in benchmark.stats.stats.data]
        contender.warm_s[cell.direction] = min(seconds)  # the next block is planned with it
        self.record(
            "block", **asdict(cell), process=block.process, **{"pass": block.pass_},
            iterations=turn.iterations, rounds_s=seconds, after=checked, **turn.fields,
        )  # fmt: skip

    def finish_stage(self) -> None:
        """Clear the stage; record a failure if its inputs are not bit for bit the verified ones."""
        stage, self._stage = self._stage, None
        own = not self.plan.foreign  # else contents change all the time, and each block was checked
        if own and stage is not None and stage.contenders and not stage.untouched():
            self.record("failure", operation=stage.operation.name, case=stage.case.name, dtype=stage.dtype,
                        threads=self._threads, technique="", process=self._process,
                        reason=f"{NOT_SHOWN}: the inputs changed while they were timed")  # fmt: skip

    def close(self) -> None:
        """Clear the stage, end the contestants' processes and close the records."""
        self.finish_stage()
        self.seats.close()
        if self.writer is not None:
            self.writer.close()

    def _wait_for_turn(self, block: Block) -> None:
        """Other processes may take turns with this one: wait until this block may be measured."""
        if self._parent is not None:
            self.tell("ready", place=self.places[block])
            word = os.read(self._parent[0], 1).decode()
            if word == END:
                pytest.exit("the time is spent", returncode=0)
            if not word:
                pytest.exit(PARENT_GONE, returncode=EXIT_BROKEN)

    def _contender(self, block: Block, benchmark: Any) -> Any:
        from perflab import oracle
        from perflab.catalog.cases import planned
        from perflab.run.forecast import forecast, memory_needed
        from perflab.run.stage import Stage

        cell = block.cell
        if self._stage is None or self._stage.group != (cell.operation, cell.case, cell.dtype):
            self.finish_stage()
            described = planned(self.plan, cell.operation)
            self._stage = Stage(
                described,
                described.case(cell.case),
                cell.dtype,
                arena=self.seats.arena if self.plan.foreign else None,
            )
            self._process, self._threads = block.process, cell.threads
        stage = self._stage
        excluded = self._excluded.get(cell.contender.across("case"))
        if excluded is not None:
            self._skip(block, benchmark, f"out of the contest: {excluded}")
        if cell.technique in stage.contenders and not stage.contenders[cell.technique].gone:
            return stage.contenders[cell.technique]
        turns = self.plan.turns
        if cell.contender in self._predicted:
            self._skip(block, benchmark, "predicted")
        verdicts = self._right(cell.contender, "case")
        is_new = all(verdict.contender != cell.contender for verdict in verdicts)
        if is_new:
            points = [(v.contender.case, v.flops, self._known_seconds(v)) for v in verdicts]
            seconds, basis = forecast(points, stage.costs["step"].flops)
            # A forecast from another size may be far too long: only what one call would exceed is not called.
            if seconds.get("step", 0.0) > self._cell_s:
                self._predict(block, benchmark, seconds, basis)
        self.tell("prepare", **asdict(cell.contender))
        try:
            implementation = self._implementation(cell)
            needed = memory_needed(stage.operation, stage.case, cell.dtype, implementation)
            if needed > machine.memory_available():
                self._predict(block, benchmark, {}, f"it needs about {in_bytes(needed)} of memory")
            if is_new and not verdicts and self._is_plain(cell):
                self._predict_if_far(block, benchmark, implementation)
            verdicts = [verdict for verdict in self._right(cell.contender, "threads") if verdict.digest]
            known = min(verdicts, key=lambda verdict: verdict.contender != cell.contender, default=None)
            with numba_cache.remarks() as remarks:
                contender = stage.enter(self._entrant(cell, implementation), known)
            too_slow = is_new and contender.call_s("step") * turns > 2 * self._cell_s
            if known is None and not too_slow:
                contender.check_other_contents()
        except NotApplicable as why:
            self._predict(block, benchmark, {}, str(why) or "its interface cannot say this case")
        except (Rejected, PerflabError) as error:
            rejected = error if isinstance(error, Rejected) else CannotRun(str(error))
            verdict = {"process": block.process, "status": rejected.status, "where": rejected.why}
            self.record("verdict", **asdict(cell.contender), **verdict)
            raise rejected from error
        self.record(
            "verdict", **asdict(cell.contender), process=block.process, status="right", share=contender.share,
            where=contender.where, precision=contender.precision, digest=contender.digest,
            remarks=oracle.merged((
                *oracle.remarks(stage.operation, implementation), *remarks, *contender.remarks,
            )),
            compile_s=contender.compile_s, cold_compile_s=contender.cold_compile_s, load_s=contender.load_s,
            first_s=dict(contender.first_s), warm_s=dict(contender.warm_s), flops=stage.costs["step"].flops,
            calls=contender.borrowed,
        )  # fmt: skip
        # A first call far above its forecast is not timed either: its one call shows how long it takes.
        if too_slow:
            del stage.contenders[cell.technique]
            seconds = {**contender.warm_s, "step": contender.call_s("step")}
            self._predict(block, benchmark, seconds, "one call, untimed rounds")
        return contender

    def _is_plain(self, cell: Cell) -> bool:
        """Whether it is one of perflab's own that is not compiled: its first call is like all others.

        Or the same loops through a compiler that may have left them slow.
        """
        from perflab.catalog.find import compilers
        from perflab.catalog.kernels import may_compile

        if cell.technique in compilers():
            return True
        own = self.plan.is_built_in(cell.operation, cell.technique)
        return own and not may_compile(cell.operation, cell.technique)

    def _predict_if_far(self, block: Block, benchmark: Any, implementation: Implementation) -> None:
        """Predict a contender that would take far too long on its first case: scalar loops on a large one."""
        from perflab.run.forecast import from_small_case

        stage = self._stage
        try:
            seconds, basis, least_s = from_small_case(
                stage.operation, stage.case, stage.dtype, implementation
            )
        except Exception:  # its verification says what is wrong
            return
        if least_s > 2 * self._cell_s:
            self._predict(block, benchmark, seconds, basis)

    def _implementation(self, cell: Cell) -> Implementation:
        """A cell's pair of functions: built in, from a peer, or from the plan's outside file.

        That of an unknown author is not loaded here, and cannot be called.
        """
        from perflab import catalog

        if file := self.plan.foreign_file(cell.operation, cell.technique):
            return catalog.elsewhere(cell.operation, cell.technique, file)
        return catalog.column(cell.operation, cell.technique, self.plan.outside.get(cell.contender.name))

    def _entrant(self, cell: Cell, implementation: Implementation) -> Any:
        """A contender of the stage; in a race with code from outside, one in another process."""
        from perflab.run.contender import Contender as Here
        from perflab.run.referee.elsewhere import Elsewhere
        from perflab.run.referee.outsider import Outsider

        if not self.plan.foreign or implementation.native:
            return Here(self._stage, implementation, far=bool(self.plan.foreign))
        entrant: Elsewhere
        if self.plan.foreign_file(cell.operation, cell.technique):
            guest = self.seats.guest(cell)
            entrant = Outsider(self._stage, implementation, guest=guest, threads=cell.threads)
        else:
            column = cell.operation, cell.technique, self.plan.outside.get(cell.contender.name)
            entrant = Elsewhere(
                self._stage, implementation, guest=self.seats.own(cell.threads), column=column
            )
        entrant.enter()
        return entrant

    def _predict(self, block: Block, benchmark: Any, seconds: Mapping[str, float], basis: str) -> None:
        who = block.cell.contender
        self._predicted.add(who)
        self.record("prediction", **asdict(who), seconds=dict(seconds), basis=basis, process=block.process)
        self._skip(block, benchmark, f"predicted: {basis}")

    def _skip(self, block: Block, benchmark: Any, why: str) -> None:
        self.tell("skip", **asdict(block.cell))
        benchmark.skipped = True
        pytest.skip(why)

    def _past(self, kind: type[R]) -> Iterator[R]:
        """The records of one kind so far."""
        return (record for record in self.history if isinstance(record, kind))

    def _right(self, contender: Contender, across: str) -> list[kinds.Judgement]:
        """Right verdicts on this contender so far, on every case or every number of threads."""
        like = contender.across(across)
        return [v for v in self._past(kinds.Judgement) if v.right and v.contender.across(across) == like]

    def _known_seconds(self, verdict: kinds.Judgement) -> dict[str, float]:
        """Seconds per call of a contender on a case: from its blocks, else from its verification."""
        seconds = dict(verdict.warm_s)
        for record in self._past(kinds.Timed):
            if record.contender == verdict.contender:
                seconds[record.direction] = min(record.rounds_s)
        return seconds

    def record(self, kind: str, **fields: Any) -> None:
        """Add a record to the history and to the run's folder, if any; send it to the parent."""
        self.seats.wrote_records()
        if self.writer is None:
            self.history.append(kinds.read_record(units.finite({"kind": kind, **fields})))
        else:
            try:
                self.history.append(self.writer.append(kind, **fields))
            except NoSpaceLeft as full:
                pytest.exit(str(full), returncode=EXIT_NO_SPACE)
            except PerflabError as broken:
                pytest.exit(str(broken), returncode=EXIT_BROKEN)
        self.seats.look()
        self.tell(kind, **{name: fields[name] for name in EVENT_FIELDS if name in fields})

    def _check_floor(self, cell: Cell, seconds: float) -> None:
        """Raise Rejected for a time that this machine cannot reach."""
        cost = self._stage.costs[cell.direction]
        for ceilings in self._past(Ceilings):
            why = floor.below(ceilings, cell.operation, cost, cell.dtype, cell.threads, seconds)
            if why:
                raise Rejected(why)

    def tell(self, event: str, **fields: Any) -> None:
        """Send one line to the parent; end this process if the parent is gone."""
        if self._parent is None:
            return
        try:
            os.write(self._parent[1], json.dumps({"event": event, **fields}).encode() + b"\n")
        except OSError:
            pytest.exit(PARENT_GONE, returncode=EXIT_BROKEN)
