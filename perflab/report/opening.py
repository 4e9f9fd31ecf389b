"""What a reader must know first: where it was measured, how fit that machine was, and how far it came."""

from __future__ import annotations

import time
from collections.abc import Mapping

from perflab import units
from perflab.records import kinds
from perflab.report import tables
from perflab.report.summary import Summary


def facts(summary: Summary) -> list[tuple[str, str]]:
    """Where and on what the figures were measured, in few words; what no record holds is said."""
    held = summary.run.environment
    versions = held.get("versions")
    versions = versions if isinstance(versions, Mapping) else {}
    found = held.get("blas")
    blas = found[0] if isinstance(found, list) and found and isinstance(found[0], Mapping) else {}
    library = " ".join(str(blas.get(name, "")) for name in ("name", "version", "kernel")).strip()
    memory = held.get("memory_bytes")
    cores = held.get("cores_allowed", "?")
    where = [
        str(held[name]) for name in ("hypervisor", "container") if held.get(name) not in (None, "", "no")
    ]
    virtual = ["virtual machine" if word == "yes" else word for word in where]
    room = f", {units.in_bytes(memory)}" if isinstance(memory, int) else ""
    return [
        ("CPU", str(held.get("cpu", "not recorded"))),
        ("Cores", f"{cores}{room}" + "".join(f", {word}" for word in virtual)),
        ("NumPy", str(held.get("numpy", "not recorded"))),
        ("Numba", str(versions.get("numba", "not recorded"))),
        ("BLAS", library or "not recorded"),
        ("Python", str(held.get("python", "not recorded"))),
        ("Commit", str(held.get("commit") or "not recorded")[:12]),
        ("Measured", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(summary.run.started))),
    ]  # fmt: skip


def fitness(summary: Summary) -> tuple[str, str]:
    """What the latest self-check said of the machine: "fit", "noisy", "unfit" or "not checked", and why."""
    told = list(tables.fitness(summary))
    if not told:
        return "not checked", "no self-check is recorded with this run"
    state, line = next((one for one in told if one[0] == "unfit"), told[-1])
    return (state if state in ("fit", "noisy", "unfit") else "not checked"), line


def counts(summary: Summary) -> dict[str, int]:
    """How many cells were planned, measured, predicted, are outstanding, and gave no valid figure.

    `turns` are those that are still to be taken by cells of which some were.
    """
    whole = sum(1 for _ in summary.run.plan.cells())
    measured = sum(not f.predicted for f in summary.figures.values())
    predicted = len(summary.figures) - measured
    failed = {(f.operation, f.technique, f.case, f.dtype) for f in summary.findings}
    void = sum(
        1
        for cell in summary.run.plan.cells()
        if cell not in summary.figures and (cell.operation, cell.technique, cell.case, cell.dtype) in failed
    )
    left, turns = max(0, summary.outstanding - void), _turns_left(summary)
    return {
        "planned": whole, "measured": measured, "predicted": predicted, "failed": void, "left": left,
        "turns": turns,
    }  # fmt: skip


def _turns_left(summary: Summary) -> int:
    """Turns of measured cells that no record stands for: the run was interrupted before them."""
    run = summary.run
    done = run.done()
    failed = {record.contender.across("threads") for record in run.of_kind(kinds.Failure)}
    return sum(
        block not in done
        and block.cell in summary.turns
        and not {who.across("threads"), who.across("threads", "technique")} & failed
        for threads in run.plan.threads
        for process in range(run.plan.processes)
        for block in run.plan.blocks(threads, process)
        if (who := block.cell.contender)
    )
