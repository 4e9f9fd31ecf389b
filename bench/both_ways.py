"""Built-in techniques against themselves, raced as outside files: what the way of a race adds.

    python bench/both_ways.py fully_connected/vectorized conv2d/vectorized

Each technique is measured in perflab's own process and, from a file that takes its functions, in one of a
contestant. Prints the ratio of each cell with its interval, the geometric mean of all, and the cost of asking
as a share of a round. Exits with 1 where an interval does not meet [0.98, 1.02],
the mean is not between 0.99 and 1.01, or asking costs 1 % or more.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean, median

from perflab import machine, records
from perflab.catalog import cases
from perflab.records import Plan, kinds
from perflab.run import runner
from perflab.run.schedule import times_of
from perflab.statistics import ratio_of_turns

LEAST, MOST, MEAN_WITHIN, MOST_COST = 0.98, 1.02, 0.01, 0.01
PASSES, PROCESSES, BLOCK_S = 12, 3, 0.03
FILE = '''"""{name}, from outside."""

from perflab import catalog

THEIRS = catalog.raw("{op}", "{technique}")
forward, backward = THEIRS.forward, THEIRS.backward
'''


def plan_of(names: Sequence[str], folder: Path) -> Plan:
    """Each technique beside a file that takes its functions, on two cases in float32."""
    techniques: dict[str, tuple[str, ...]] = {}
    outside = {}
    for name in names:
        op, _, technique = name.partition("/")
        file = folder / op / f"outside_{technique}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(FILE.format(name=name, op=op, technique=technique), "utf-8")
        techniques[op] = (*techniques.get(op, ()), technique, file.stem)
        outside[f"{op}/{file.stem}"] = str(file)
    return Plan(
        preset="both ways", techniques=techniques, cases=dict.fromkeys(techniques, ("tiny", "digits")),
        dtypes=("float32",), threads=(1,), directions=("forward", "backward", "step"), processes=PROCESSES,
        passes=PASSES, block_s=BLOCK_S, budget_s=60.0, outside=outside, foreign=tuple(outside), explain=False,
    )  # fmt: skip


def main(names: Sequence[str]) -> int:
    """Measure and print; the exit code."""
    with tempfile.TemporaryDirectory(prefix="perflab-") as temporary:
        folder = Path(temporary)
        plan = plan_of(names or ["fully_connected/vectorized"], folder)
        records.begin(folder / "run", plan, cases.describe(plan), machine.environment())
        runner.run(folder / "run", plan, lambda event: None)
        run = records.read(folder / "run")
    for failure in run.of_kind(kinds.Failure):
        sys.stdout.write(f"failed: {failure.contender.name} on {failure.contender.case}: {failure.reason}\n")
    times, ratios, apart = times_of(run, 1), [], 0
    for cell, turns in times.items():
        outside = times.get(replace(cell, technique=f"outside_{cell.technique}"))
        ratio = ratio_of_turns(turns, outside) if outside else None
        if ratio is None or ratio.low is None or ratio.high is None:
            continue
        meets = ratio.low <= MOST and ratio.high >= LEAST
        apart += not meets
        ratios.append(ratio.value)
        interval = f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
        where = "/".join((cell.operation, cell.technique, cell.case, cell.direction))
        sys.stdout.write(f"{where}: {interval}{'' if meets else '  apart'}\n")
    asked = [b.way_s / (median(b.rounds_s) * b.iterations) for b in run.of_kind(kinds.Timed) if b.way_s]
    mean, cost = geometric_mean(ratios or [0.0]), median(asked or [1.0])
    sys.stdout.write(
        f"{len(ratios)} cells, {apart} apart; mean {mean:.3f}; asking takes {cost:.2%} of a round\n"
    )
    return int(bool(apart) or abs(mean - 1) > MEAN_WITHIN or cost >= MOST_COST or not ratios)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
