"""Which causes are named of twelve loops with one planted cause each, and of twelve with nothing to gain.

    python bench/causes.py [NAME ...]

The loops are those of tests/evidence/loops, all or the named ones. Exits with 1 if fewer than WANTED of the
planted causes are named, or if one is named that was not planted, and with 2 for an unknown name. False
sharing shows itself only while two cores are free.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perflab.machine.threads import cores, pinned

os.environ.update(pinned(cores()))  # before NumPy

import numpy as np

from perflab import oracle, units
from perflab.contract import Operation, PerflabError
from perflab.evidence.causes.building import Builder
from perflab.evidence.causes.trials import Subject, tested
from perflab.records.causes import Tested

LOOPS = Path(__file__).parents[1] / "tests" / "evidence" / "loops"
WANTED = 11


def subject_of(file: Path) -> tuple[str, Subject]:
    """The planted cause of a loop's file, "" of one without, and the loop on its inputs."""
    text, held = file.read_text("utf-8"), dict[str, Any]()
    exec(compile(text, str(file), "exec"), held)  # its loop is compiled elsewhere, when it is called
    args = held["inputs"](np.random.default_rng(0))
    dtype = next(a.dtype.name for a in args if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    described = Operation(
        file.stem, file.stem, "", {}, (), (), held["definition"], lambda sizes, _: dict(sizes),
        lambda *_: {}, {}, {}, (), bound=held.get("bound"),
    )  # fmt: skip
    right = oracle.reference(described, args, np.ones((), dtype), dtype)
    name, threads = f"{file.stem}.py", cores() if "prange" in text else 1
    return held["CAUSE"], Subject({name: text}, name, "loop", args, lambda out: (out,), right, threads)


def row(found: Tested) -> str:
    """The time of one loop, and of all trials the share of it that they saved."""
    shares = [
        f"{trial.name} {trial.moved.share:+.0%}" if trial.moved else f"{trial.name}: {trial.note}"
        for trial in found.trials
    ]
    return f"{units.seconds(found.seconds)}; {', '.join([*shares, f'again {found.again.share:+.0%}'])}"


def main(words: Sequence[str]) -> int:
    """Print the table; the exit code."""
    files = {file.stem: file for file in sorted(LOOPS.glob("*.py"))}
    if not files:
        sys.stderr.write(f"causes: {LOOPS}: no loops there; wanted a checkout\n")
        return 2
    if unknown := set(words) - {*files}:
        sys.stderr.write(f"causes: {', '.join(unknown)}: no such loop; wanted one of {', '.join(files)}\n")
        return 2
    chosen = words or [*files]
    right = wrong = planted = 0
    for name in chosen:
        cause, subject = subject_of(files[name])
        try:
            with tempfile.TemporaryDirectory() as folder:
                found = tested(subject, Builder(Path(folder)))
        except PerflabError as error:
            sys.stderr.write(f"causes: {name}: {error}\n")
            return 2
        named = [trial.cause for trial in found.named()]
        false = [each for each in named if each != cause]
        planted, right, wrong = planted + bool(cause), right + (cause in named), wrong + bool(false)
        word = "WRONG" if false else "right" if bool(cause) == bool(named) else "missed"
        sys.stdout.write(f"{word:6} {name}: {'; '.join(named) or 'nothing'}\n         {row(found)}\n")
        sys.stdout.flush()
    sys.stdout.write(
        f"{right} of {planted} planted causes named; another named in {wrong} of {len(chosen)} loops\n"
    )
    return 0 if not wrong and (right >= WANTED or words) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
