"""Do the tests see a fault? Puts small faults into the source, one at a time, and runs the tests on each.

    python tests/faults.py [--seed 1] [--count 40] [--only 7 12] [--list] [--quick]

Each fault is one operator, number or condition of the door, the oracle, the records, the statistics, the
plan, the report or a kernel, drawn from the seed. A copy of the checkout is changed, never the checkout. The
quick tests of the touched street run first, then the other quick tests, then the slow ones; the first failure
ends a fault's turn.
Exit code 0 where every fault was found, 1 where one was not.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Of each area: how many of forty faults, the files they are put into, the tests that should see them.
AREAS = {
    "door": (5, ["perflab/catalog/door.py"], "tests/catalog"),
    "oracle": (8, ["perflab/oracle/*.py"], "tests/oracle"),
    "records": (6, ["perflab/records/*.py"], "tests/records"),
    "statistics": (5, ["perflab/statistics.py"], "tests/ground"),
    "plan": (
        4,
        ["perflab/run/presets.py", "perflab/catalog/cases.py", "perflab/records/plan.py"],
        "tests/run",
    ),
    "report": (6, ["perflab/report/*.py", "perflab/report/across/*.py"], "tests/report"),
    "kernels": (6, ["perflab/ops/*/*.py"], "tests/ops"),
}
COMPARISONS = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
TIMEOUT_S = 1500


@dataclass(frozen=True)
class Fault:
    """One change of one expression: the file, its line, the text before and after."""

    area: str
    file: str
    line: int
    start: int
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.area}: {self.file}:{self.line}: `{self.before}` became `{self.after}`"


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """The faulty forms of one expression."""
    new = copy.deepcopy(node)
    if isinstance(new, ast.Compare) and len(new.ops) == 1 and type(new.ops[0]) in COMPARISONS:
        new.ops = [COMPARISONS[type(new.ops[0])]()]
        yield new
    elif isinstance(new, ast.BinOp) and type(new.op) in ARITHMETIC:
        new.op = ARITHMETIC[type(new.op)]()
        yield new
    elif isinstance(new, ast.BoolOp):
        new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
        yield new
    elif isinstance(new, ast.UnaryOp) and isinstance(new.op, (ast.Not, ast.USub)):
        yield new.operand
    elif isinstance(new, ast.Constant) and type(new.value) in (int, float):
        new.value = new.value + 1
        yield new


def faults(area: str, path: Path) -> Iterator[Fault]:
    """Every fault that can be put into a file, except in constants, annotations, f-strings and docstrings."""
    source = path.read_text("utf-8")
    raw = source.encode()
    offsets = [0]
    for text in raw.split(b"\n"):
        offsets.append(offsets[-1] + len(text) + 1)
    skipped: set[int] = set()
    tree = ast.parse(source)
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in (*tree.body, *(inner for kind in classes for inner in kind.body)):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):  # sizes and limits: another one may be as good
            skipped |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(inner) for inner in ast.walk(node)}
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                skipped |= {id(inner) for inner in ast.walk(annotation)}
        if id(node) in skipped or not isinstance(node, ast.expr) or not hasattr(node, "lineno"):
            continue
        for new in changed(node):
            start = offsets[node.lineno - 1] + node.col_offset
            end = offsets[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            before, after = raw[start:end].decode(), f"({ast.unparse(new)})"
            if "\n" not in before and len(before) < 80:
                yield Fault(area, str(path.relative_to(ROOT)), node.lineno, start, end, before, after)


def drawn(seed: int, count: int) -> list[Fault]:
    """So many faults, an area's share of each, no two in one line."""
    rng = random.Random(seed)
    chosen: list[Fault] = []
    total = sum(share for share, _, _ in AREAS.values())
    for area, (share, patterns, _) in AREAS.items():
        files = sorted(
            path
            for pattern in patterns
            for path in ROOT.glob(pattern)
            if path.name not in ("__init__.py", "_mutants.py")
        )
        candidates = [fault for path in files for fault in faults(area, path)]
        rng.shuffle(candidates)
        lines: set[tuple[str, int]] = set()
        for fault in candidates:
            if len(lines) < round(share * count / total) and (fault.file, fault.line) not in lines:
                lines.add((fault.file, fault.line))
                chosen.append(fault)
    return chosen


def failure(copied: Path, *words: str) -> str:
    """The first test that fails on the copy, or that pytest ran out of time; empty where all pass."""
    environment = os.environ | {"PYTHONPATH": str(copied)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "auto", "--dist", "worksteal", *words]
    try:
        done = subprocess.run(
            command,
            cwd=copied,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "out of time"
    if done.returncode in (0, 5):  # all passed, or there was none
        return ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return lines[0].partition(" - ")[0] if lines else f"pytest ended with {done.returncode}"


def found_by(copied: Path, fault: Fault, quick: bool) -> str:
    """Which tests find a fault: of its street, quick ones, slow ones; "nothing" where none does."""
    street = AREAS[fault.area][2]
    others = [f"--ignore={street}", "tests", "perflab"]
    trials = [
        ("quick tests of its street", [street]),
        ("quick tests", others),
        ("slow tests of its street", [street, "-m", "slow"]),
        ("slow tests", [*others, "-m", "slow"]),
    ]
    for name, words in trials[:2] if quick else trials:
        if failed := failure(copied, *words):
            return f"{name}, {failed}"
    return "nothing"


def main() -> int:
    """Put the faults in, one after another, and say which tests found each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument(
        "--only", type=int, nargs="*", default=[], metavar="N", help="these faults of the list"
    )
    parser.add_argument("--list", action="store_true", help="name the faults and stop")
    parser.add_argument("--quick", action="store_true", help="leave out the slow tests")
    args = parser.parse_args()
    missed = 0
    for number, fault in enumerate(drawn(args.seed, args.count), 1):
        if args.only and number not in args.only:
            continue
        if args.list:
            print(f"{number:2} {fault}")
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            copied = Path(folder) / "copy"
            shutil.copytree(ROOT, copied, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__"))
            raw = (copied / fault.file).read_bytes()
            (copied / fault.file).write_bytes(raw[: fault.start] + fault.after.encode() + raw[fault.end :])
            by = found_by(copied, fault, args.quick)
        missed += by == "nothing"
        print(f"{number:2} {fault}: found by {by}, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
