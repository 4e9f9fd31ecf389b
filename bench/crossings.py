"""The repeatability of a crossover: in how many pairs of sweeps its two 95 % intervals overlap.

    python bench/crossings.py FOLDER FOLDER [FOLDER FOLDER ...]

The folders are taken two by two. One that does not exist is measured first, in 50 s: `TARGETS` over `SWEEP`.
Each is a sweep in which the second of `PAIR` overtakes the first. Exits with 1 if less than 90 % overlap, and
with 2 if a run cannot be read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import perflab
from perflab import records, report
from perflab.contract import PerflabError
from perflab.report import sweep

TARGETS = ("fully_connected/jit", "fully_connected/vectorized")
SIZE, SWEEP = {"N": 8, "M": 8}, "D=4:256"
PAIR = ("jit", "vectorized")
WANTED = 0.9


def crossing(folder: Path) -> sweep.Overtaking:
    """The crossover of a saved run, on its first dtype, threads and in its last direction."""
    summary = report.summarise(records.read(folder))
    plan = summary.run.plan
    contest = (TARGETS[0].partition("/")[0], plan.dtypes[0], plan.threads[0], plan.directions[-1])
    for each in sweep.overtakings(summary, contest):
        if (each.overtaken, each.technique) == PAIR:
            return each
    raise PerflabError(f"{folder}: {PAIR[1]} does not overtake {PAIR[0]} in this sweep")


def measured(folder: Path) -> sweep.Overtaking:
    """The crossover of a folder, measured where there is no run yet."""
    if not folder.exists():
        perflab.run(*TARGETS, size=SIZE, sweep=SWEEP, out=folder, progress=False)
    return crossing(folder)


def overlap(first: sweep.Overtaking, second: sweep.Overtaking) -> bool:
    """Whether the intervals of two crossovers have a size in common."""
    a, b = first.passing, second.passing
    return a.earliest <= b.latest and b.earliest <= a.latest


def main(words: Sequence[str]) -> int:
    """Print each pair and the share that overlaps; the exit code."""
    folders = [*map(Path, words)]
    if len(folders) < 2 or len(folders) % 2:
        sys.stderr.write(f"crossings: {len(folders)} folders; wanted two or more, in pairs\n")
        return 2
    same = 0
    for one, other in zip(folders[::2], folders[1::2], strict=True):
        try:
            first, second = measured(one), measured(other)
        except (PerflabError, ValueError) as wrong:
            sys.stderr.write(f"crossings: {wrong}\n")
            return 2
        same += overlap(first, second)
        word = "overlap" if overlap(first, second) else "apart"
        sys.stdout.write(f"{one} {first.words}, {other} {second.words}: {word}\n")
    pairs = len(folders) // 2
    sys.stdout.write(f"{same} of {pairs} pairs overlap\n")
    return 0 if same >= WANTED * pairs else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
