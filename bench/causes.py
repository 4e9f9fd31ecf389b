"""Twelve loops with one planted cause each, twelve where nothing can be gained: which causes are named?

    python bench/causes.py [NAME ...]

The loops are those of tests/evidence/loops, all or the named ones. Exits with 1 if fewer than WANTED of the
planted causes are named, or if one is named that was not planted, and with 2 for an unknown name.
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

import numpy as np  # noqa: E402

from perflab import oracle  # noqa: E402
from perflab.contract import Operation, PerflabError  # noqa: E402
from perflab.evidence.causes.building import Builder  # noqa: E402
from perflab.evidence.causes.trials import Subject, tested  # noqa: E402
from perflab.records.causes import Tested  # noqa: E402

LOOPS = Path(__file__).parents[1] / "tests" / "evidence" / "loops"
WANTED = 11


def subject_of(file: Path) -> tuple[str, Subject]:
    """The planted cause of a loop's file, and the loop on its inputs."""
    text = file.read_text("utf-8")
    held: dict[str, Any] = {"__name__": file.stem}
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


def row(name: str, found: Tested) -> str:
    """What was named of one loop, and all trials."""
    parts = [
        f"{trial.name} {trial.moved.share:+.0%}" if trial.moved else f"{trial.name}: {trial.status} {trial.note}"
        for trial in found.trials
    ]
    return f"{name}: {found.seconds * 1e6:.1f} µs, again {found.again.share:+.0%}; {', '.join(parts)}"


def main(words: Sequence[str]) -> int:
    """Print the table; the exit code."""
    files = sorted(LOOPS.glob("*.py"))
    if unknown := set(words) - {file.stem for file in files}:
        sys.stderr.write(f"causes: {', '.join(unknown)}: no such loop; wanted one of {LOOPS}\n")
        return 2
    right = wrong = planted = 0
    for file in files:
        if words and file.stem not in words:
            continue
        cause, subject = subject_of(file)
        try:
            with tempfile.TemporaryDirectory() as folder:
                found = tested(subject, Builder(Path(folder)))
        except PerflabError as error:
            sys.stdout.write(f"{file.stem}: {error}\n")
            continue
        named = [trial.cause for trial in found.named()]
        planted += bool(cause)
        right += named == [cause]
        wrong += any(name != cause for name in named)
        verdict = "right" if named == [cause] or not (named or cause) else "WRONG" if set(named) - {cause} else "missed"
        sys.stdout.write(f"{verdict:7}{row(file.stem, found)}\n       named: {'; '.join(named) or 'nothing'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{right} of {planted} planted causes named alone; {wrong} loops with a wrong one\n")
    return 0 if not wrong and (right >= WANTED or bool(words)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
