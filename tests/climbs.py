"""Every exercise held to its promise: the lab's upper rung passes, the lower one does not, no cheat does.

    python tests/climbs.py [OP[/TECHNIQUE]...] [--cheats]

prints a row for each exercise: its case, the times of its two rungs here, and the share of the upper rung's
speed that each of them, given as a student's file, reached. With --cheats every cheat of the referee's corpus
is given as well, to exercises of fully_connected. The exit code is 1 where one does not hold. It decides by
measurement, a minute for ten exercises: that is why it is no test.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from perflab import catalog, units
from perflab.cli import climbing
from perflab.contract import PerflabError
from perflab.learn.climb import exercises
from perflab.records.climb import Climb
from perflab.run.referee import corpus

ROW = "{:<30} {:<10} {:>3} {:>9} {:>9} {:>7}  {:<22} {:<22} {:>6}"


def attempt(step, text, folder, name):
    """Whether a text is an attempt that passes, and in a few words why."""
    file = Path(folder) / f"{name}.py"
    file.write_text(text, "utf-8")
    try:
        tried, _, _ = climbing.judged(step, file)
    except PerflabError as error:
        return False, str(error)
    if tried.share is None:
        return False, f"{tried.status}: {tried.said}"
    return tried.passed, f"{tried.share:.0%} {tried.said}"


def exercise(operation, above, cheats, folder):
    """Hold one exercise to its promise: its row, and whether it holds."""
    began = time.monotonic()
    step = climbing.new_step(Climb(1), Path(folder), operation, above, climbing.quiet)
    if step.left_out:
        return f"{operation}/{above:<30} left out: {step.left_out}", True
    upper, said = attempt(step, exercises.written(operation, above), folder, "upper")
    lower, also = attempt(step, exercises.text(step), folder, "lower")
    row = [f"{operation}/{above}", step.case, step.threads]
    row += [units.seconds(step.below_s, 2), units.seconds(step.above_s, 2), f"{step.wanted:.0%}"]
    row += [f"{'passes' if upper else 'FAILS'} {said}", f"{'PASSES' if lower else 'fails'} {also}"]
    print(ROW.format(*row, f"{time.monotonic() - began:.0f} s"), flush=True)
    passed = []
    for kind in corpus.kinds() if cheats and operation == corpus.OPERATION else ():
        if not kind.honest:
            passes, why = attempt(step, kind.path.read_text("utf-8"), folder, f"cheat_{kind.name}")
            passed += [kind.name] if passes else []
            print(f"    {kind.name}: {'PASSES' if passes else 'does not pass'}: {why}"[:150], flush=True)
    if passed:
        print(f"    cheats that pass: {', '.join(passed)}")
    return "", upper and not lower and not passed


def main():
    """Hold the exercises that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="OP[/TECHNIQUE]")
    parser.add_argument("--cheats", action="store_true", help="give every cheat of the corpus as well")
    args = parser.parse_args()
    names = catalog.named(args.targets or catalog.operations())
    print(ROW.format("exercise", "case", "t", "below", "above", "wanted", "upper", "lower", ""))
    held = []
    for name in names:
        operation, _, only = name.partition("/")
        for above in exercises.ways(catalog.operation(operation)):
            if only in ("", above):
                with tempfile.TemporaryDirectory() as folder:
                    row, holds = exercise(operation, above, args.cheats, folder)
                if row:
                    print(row, flush=True)
                held.append(holds)
    print(f"{sum(held)} of {len(held)} hold")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
