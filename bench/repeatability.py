"""The repeatability of two runs of one plan: the share of speed-ups whose 95 % intervals overlap.

    python bench/repeatability.py reports/ONE reports/OTHER

Exits with 1 if less than 95 % overlap, with 2 if a run cannot be read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from perflab import records, report
from perflab.contract import PerflabError

WANTED = 0.95


def overlap(first: report.Summary, second: report.Summary) -> tuple[int, int, list[str]]:
    """The number of overlapping speed-ups, the number in both runs, and the cells without overlap."""
    separate = []
    both = 0
    for cell, figure in first.figures.items():
        again = second.figures.get(cell)
        a, b = figure.speedup, again.speedup if again else None
        if cell.technique == "naive" or a is None or b is None:
            continue
        if a.low is None or a.high is None or b.low is None or b.high is None:
            continue
        both += 1
        if a.high < b.low or b.high < a.low:
            name = "/".join((cell.operation, cell.technique, cell.case, cell.dtype, cell.direction))
            separate.append(f"{name}: [{a.low:.3g}, {a.high:.3g}] against [{b.low:.3g}, {b.high:.3g}]")
    return both - len(separate), both, separate


def main(folders: Sequence[str]) -> int:
    """Print the share; the exit code."""
    try:
        first, second = (report.summarise(records.read(folder)) for folder in folders)
    except (PerflabError, ValueError) as wrong:
        sys.stderr.write(f"repeatability: {wrong}\n")
        return 2
    same, both, separate = overlap(first, second)
    for line in separate:
        sys.stdout.write(f"apart: {line}\n")
    share = same / both if both else 0.0
    sys.stdout.write(f"{same} of {both} speed-ups overlap: {share:.1%}\n")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
