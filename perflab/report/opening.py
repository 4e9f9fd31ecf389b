"""The head of a report: where it was measured, how fit the machine was, and how much is done."""

from __future__ import annotations

import time
from collections.abc import Mapping

from perflab import units
from perflab.records import kinds
from perflab.report import tables
from perflab.report.summary import Summary

SPENT = 0.5  # of a run's time, by compiling and measuring


def facts(summary: Summary) -> list[tuple[str, str]]:
    """Where and with what the figures were measured; "not recorded" for what the run does not say."""
    environment = summary.run.environment
    versions, blas = environment.get("versions"), environment.get("blas")
    numba = versions.get("numba", "") if isinstance(versions, Mapping) else ""
    library = blas[0] if isinstance(blas, list) and blas and isinstance(blas[0], Mapping) else {}
    memory = environment.get("memory_bytes")
    cores = [str(environment.get("cores_allowed", "?"))]
    cores += [units.in_bytes(memory)] if isinstance(memory, int) else []
    for name in ("hypervisor", "container"):
        kind = environment.get(name)
        if kind not in (None, "", "no"):
            cores.append("virtual machine" if kind == "yes" else str(kind))
    facts = {
        "CPU": environment.get("cpu"),
        "Cores": ", ".join(cores),
        "NumPy": environment.get("numpy"),
        "Numba": numba,
        "BLAS": " ".join(str(library.get(name, "")) for name in ("name", "version", "kernel")).strip(),
        "Python": environment.get("python"),
        "Commit": str(environment.get("commit") or "")[:12],
        "Measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(summary.run.started)),
    }
    return [(name, str(value or "not recorded")) for name, value in facts.items()]


def fitness(summary: Summary) -> tuple[str, str]:
    """The result of the self-check: "fit", "noisy", "unfit" or "not checked", and a sentence about it."""
    results = list(tables.fitness(summary)) or [("", "no self-check is recorded with this run")]
    state, line = next((result for result in results if result[0] == "unfit"), results[-1])
    return (state if state in ("fit", "noisy", "unfit") else "not checked"), line


def counts(summary: Summary) -> dict[str, int]:
    """How many cells were planned, measured and predicted, failed, and are left to be measured.

    `turns` counts the outstanding turns of cells that have some turns already.
    """
    cells = list(summary.run.plan.cells())
    predicted = sum(f.predicted for f in summary.figures.values())
    findings = {(f.operation, f.technique, f.case, f.dtype) for f in summary.findings}
    failed = sum(
        (c.operation, c.technique, c.case, c.dtype) in findings and c not in summary.figures for c in cells
    )
    return {
        "planned": len(cells), "measured": len(summary.figures) - predicted, "predicted": predicted,
        "failed": failed, "left": max(0, summary.outstanding - failed), "turns": _turns_left(summary),
    }  # fmt: skip


def is_spent(summary: Summary) -> bool:
    """Whether a run had its time: then what is left was not reached, and the run is not cut short.

    What remains of the time is for evidence and report; a run that was interrupted has more.
    """
    return 0 < SPENT * summary.run.granted_s <= summary.run.spent_s


def _turns_left(summary: Summary) -> int:
    """Turns of measured cells without a record: the run was interrupted before them.

    None in a run of phases, which gives each cell as many as its precision wants.
    """
    run = summary.run
    if run.plan.phases:
        return 0
    done = run.done()
    failed = {record.contender.across("threads") for record in run.of_kind(kinds.Failure)}
    return sum(
        not {contender.across("threads"), contender.across("threads", "technique")} & failed
        for threads in run.plan.threads
        for process in range(run.plan.processes)
        for block in run.plan.blocks(threads, process)
        if block.cell in summary.turns and block not in done and (contender := block.cell.contender)
    )
