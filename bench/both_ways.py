"""The same code raced as built in and as an outside file: what the way of a race adds.

    python bench/both_ways.py fully_connected/vectorized conv2d/vectorized
    python bench/both_ways.py honest

Each technique is measured as perflab's own and, from a file that takes its functions, in the process of a
contestant; so is each named file of the referee's honest corpus (`honest` for all), from two copies of
which one is taken for perflab's own. Prints the ratio of each cell with its interval, the geometric mean of
all, and the cost of asking as a share of a round. Exits with 1 where an interval does not meet [0.98,
1.02], the mean is not between 0.99 and 1.01, or asking costs 1 % or more.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean, median

from perflab import machine, records
from perflab.catalog.cases import describe
from perflab.records import Plan, Run, kinds
from perflab.run import runner
from perflab.run.referee import corpus
from perflab.run.schedule import times_of
from perflab.statistics import Ratio, ratio_of_turns

LEAST, MOST, MEAN_WITHIN, MOST_COST = 0.98, 1.02, 0.01, 0.01
PASSES, PROCESSES, BLOCK_S = 12, 3, 0.03
HONEST = "honest"
FILE = '''"""{name}, from outside."""

from perflab import catalog

THEIRS = catalog.raw("{op}", "{technique}")
forward, backward = THEIRS.forward, THEIRS.backward
'''


def pair_of(name: str, folder: Path) -> tuple[str, dict[str, str]]:
    """The operation of a technique, or of a file of the corpus; its two columns, the outside one last."""
    operation, slash, technique = name.partition("/")
    if not slash:
        operation, technique = corpus.OPERATION, name
    outside = folder / f"outside_{technique}.py"
    if slash:
        outside.write_text(FILE.format(name=name, op=operation, technique=technique), "utf-8")
        return operation, {technique: "", outside.stem: str(outside)}
    inside = folder / f"inside_{technique}.py"
    for file in (inside, outside):
        shutil.copy(corpus.kinds([name])[0].path, file)
    return operation, {inside.stem: str(inside), outside.stem: str(outside)}


def plan_of(operation: str, columns: dict[str, str]) -> Plan:
    """A technique beside the same from outside, on three cases in float32; a file on one of them."""
    files = {f"{operation}/{technique}": file for technique, file in columns.items() if file}
    cases = ("tiny", "digits", "large") if len(files) == 1 else ("digits",)
    return Plan(
        preset="both ways", techniques={operation: tuple(columns)}, cases={operation: cases},
        dtypes=("float32",), threads=(1,), directions=("forward", "backward", "step"), processes=PROCESSES,
        passes=PASSES, block_s=BLOCK_S, budget_s=60.0, outside=files, foreign=tuple(files)[-1:],
        explain=False,
    )  # fmt: skip


def measured(name: str, folder: Path) -> Run:
    """The records of a race of the two."""
    operation, columns = pair_of(name, folder)
    plan = plan_of(operation, columns)
    records.begin(folder / "run", plan, describe(plan), machine.environment())
    runner.run(folder / "run", plan, lambda event: None)
    return records.read(folder / "run")


def ratios_of(run: Run) -> Iterator[tuple[str, Ratio]]:
    """Of each cell, where it is and how many times as fast the outside call is."""
    times = times_of(run, 1)
    ((operation, (ours, outside)),) = run.plan.techniques.items()
    for cell, turns in times.items():
        if cell.technique == ours and (others := times.get(replace(cell, technique=outside))):
            ratio = ratio_of_turns(turns, others)
            if ratio is not None:
                yield f"{operation}/{ours}/{cell.case}/{cell.direction}", ratio


def main(names: Sequence[str]) -> int:
    """Measure and print; the exit code."""
    names = names or ["fully_connected/vectorized"]
    if HONEST in names:
        names = [name for name in names if name != HONEST] + [k.name for k in corpus.kinds() if k.honest]
    values, asked, apart, failed = [], [], 0, 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="perflab-") as folder:
            run = measured(name, Path(folder))
        for failure in run.of_kind(kinds.Failure):
            failed += 1
            sys.stdout.write(
                f"failed: {failure.contender.name} on {failure.contender.case}: {failure.reason}\n"
            )
        for where, ratio in ratios_of(run):
            if ratio.low is None or ratio.high is None:
                continue
            meets = ratio.low <= MOST and ratio.high >= LEAST
            apart += not meets
            values.append(ratio.value)
            interval = f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
            sys.stdout.write(f"{where}: {interval}{'' if meets else '  apart'}\n")
        asked += [b.way_s / (median(b.rounds_s) * b.iterations) for b in run.of_kind(kinds.Timed) if b.way_s]
    mean, cost = geometric_mean(values or [0.0]), median(asked or [1.0])
    sys.stdout.write(
        f"{len(values)} cells, {apart} apart; mean {mean:.3f}; asking takes {cost:.2%} of a round\n"
    )
    return int(bool(apart or failed) or abs(mean - 1) > MEAN_WITHIN or cost >= MOST_COST or not values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
