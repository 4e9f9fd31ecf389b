"""Judges submissions, apart from the process that asks: which files, which functions, right or not, why not.

Plain JSON in and out, so that any process, on any machine that sees the files, may be asked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.contract import CANNOT_RUN, NOT_SHOWN, UNWRITTEN, PerflabError, Verdict
from perflab.errors import reason
from perflab.machine import process
from perflab.oracle import diagnosis
from perflab.oracle.diagnosis import Diagnosis
from perflab.oracle.sandbox.review import FileReview, Review, review
from perflab.run.grading import submissions
from perflab.run.grading.archives import unpack

KNOWN = re.compile(
    rb"(?:affine|linear|conv|pool|max_pool|rnn)_(?:forward|backward)\w*|softmax_loss\w*|forward|backward"
)
CLASS = re.compile(rb"[A-Z]\w*")
WHICH = "which operation do forward and backward implement?"
PAIR = {b"forward", b"backward"}
# How the sandbox says that a file ended its process, and how a reading says that something is not there.
ENDED, LACKS = "while it was loaded, ", ("no function ", "nothing in ", "nothing of ")


def serve() -> None:
    """Answer orders, the arguments of `judge`, from the standard input until it is closed."""
    requests, answers = process.private_streams()
    other = process.Messages(os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
    while True:
        try:
            order = json.loads(other.receive())
        except EOFError:
            return
        try:
            answer = judge(**order)
        except Exception as error:  # of ours: what a submission raises is in its grade
            answer = {"reason": f"perflab's own part failed: {reason(error)}"}
        other.send(json.dumps(answer).encode())


def judge(path: str, operation: str, limit_s: float, unpacked: str, scratch: str) -> dict[str, Any]:
    """The grade of one submission as fields: of one operation, or of all that it has if that is "".

    An archive is unpacked into the folder `unpacked`. Its code works in the folder `scratch`, which is
    deleted. A case may take `limit_s` seconds.
    """
    began = time.monotonic()
    place = Path(path)
    Path(scratch).mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = scratch
    os.chdir(scratch)
    try:
        if submissions.is_archive(place):
            shutil.rmtree(unpacked, ignore_errors=True)
            unpack(place, Path(unpacked))
            place = Path(unpacked)
        functions, notes = _functions(place, operation, limit_s)
    except PerflabError as error:
        functions, notes = [_unread(place, place.name, operation, str(error))], []
    finally:
        os.chdir("/")
        shutil.rmtree(scratch, ignore_errors=True)
    return {"functions": functions, "notes": notes, "took_s": time.monotonic() - began}


def failed(path: str, operation: str, why: str) -> dict[str, Any]:
    """The grade of a submission whose judging process ended, or gave no answer."""
    place = Path(path)
    names = submissions.defined(place) if place.suffix == ".py" and place.is_file() else ()
    functions = [_unread(place, place.name, operation or _named(place, names), why)]
    return {"functions": functions, "notes": [], "took_s": 0.0}


def _functions(place: Path, operation: str, limit_s: float) -> tuple[list[dict[str, Any]], list[str]]:
    """What every file gives that is loaded, each in a process of its own; and notes on files left out."""
    functions: list[dict[str, Any]] = []
    notes: list[str] = []
    unread: list[dict[str, Any]] = []
    # What a file only imports is seen where it is defined: such files are read if there are no others.
    files = sorted(submissions.to_load(place).items(), key=lambda each: not _has(each[1], KNOWN, CLASS))
    for file, names in files:
        if functions and not _has(names, KNOWN, CLASS):
            break
        named = operation or _named(file, names)
        shown = file.name if file == place else file.relative_to(place).as_posix()
        try:
            reviewed = review(file, named or None, limit_s=limit_s)
        except PerflabError as error:
            why = str(error).replace(f"{file}: ", "").replace(str(file), shown)
            if WHICH in why:
                why = f"{WHICH} wanted a file named for it, such as conv2d.py"
            if _has(names, KNOWN) and "; it has " not in why:
                functions.append(_unread(file, shown, named, why))
            else:
                unread.append(_unread(file, shown, named, why))
                notes.append(f"{shown}: {why}")
        else:
            functions += _reviewed(reviewed, file, shown, operation)
            notes += [f"{shown}: {note}" for note in reviewed.notes]
    if not functions:
        nothing = f"nothing of {operation} in it" if operation else "nothing in it that perflab knows"
        functions += unread if len(unread) == 1 else [_unread(place, place.name, operation, nothing)]
    return functions, notes


def _has(names: Iterable[bytes], *patterns: re.Pattern[bytes]) -> bool:
    """Whether one of the names that a file defines is of such a kind."""
    return any(pattern.fullmatch(name) for name in names for pattern in patterns)


def _named(file: Path, names: Iterable[bytes]) -> str:
    """The operation that a file with a plain `forward` or `backward` is named for; "" for none."""
    fitting = [op for op in catalog.operations() if file.stem == op or file.stem.startswith(f"{op}_")]
    return max(fitting, key=len, default="") if PAIR & {*names} else ""


def _unread(file: Path, shown: str, operation: str, why: str) -> dict[str, Any]:
    """A file that could not be read as any implementation, and why."""
    ended = why.startswith(ENDED)
    status = UNWRITTEN if why.startswith(LACKS) else NOT_SHOWN if ended else CANNOT_RUN
    return {"operation": operation, "technique": file.stem, "path": str(file), "file": shown,
            "status": status, "where": why}  # fmt: skip


def _reviewed(reviewed: FileReview, file: Path, shown: str, operation: str) -> Iterator[dict[str, Any]]:
    for each in reviewed.reviews:
        if operation in ("", each.implementation.operation):
            yield _function(each, file, shown)


def _function(each: Review, file: Path, shown: str) -> dict[str, Any]:
    column = each.implementation
    worst = max(each.verdicts, key=lambda verdict: verdict.gravity)
    notes = [*column.notes, *([each.unexplained] if each.unexplained else [])]
    notes += _left_out(each.verdicts)
    return {
        "operation": column.operation, "technique": column.technique, "path": str(file), "file": shown,
        "status": worst.status, "where": _where(worst) if not worst.ok else worst.where,
        "again": "" if worst.ok else _again(worst, shown), "notes": notes,
        "left_out": each.left_out or _unnamable(file),
        "remarks": [*dict.fromkeys(line for verdict in each.verdicts for line in verdict.remarks)],
        "mistakes": [_mistake(mistake, shown) for mistake in each.mistakes],
    }  # fmt: skip


def _left_out(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The cases that an interface cannot express, by the reason."""
    cases: dict[str, list[str]] = {}
    for line in dict.fromkeys(line for verdict in verdicts for line in verdict.left_out):
        case, _, why = line.partition(": ")
        cases.setdefault(why.partition(";")[0], []).append(case)
    yield from (f"left out {', '.join(names)}: {why}" for why, names in cases.items())


def _unnamable(file: Path) -> str:
    """Why a file cannot be named in the records of a race; "" where it can."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        return "its path is not UTF-8: checked, not raced"
    return ""


def _where(verdict: Verdict) -> str:
    """What is wrong and where, with the two values there."""
    failing = [check for check in verdict.checks if not check.ok and check.got]
    first = next((check for check in failing if check.where in verdict.where), None)
    return verdict.where + (f": got {first.got}, wanted {first.wanted}" if first else "")


def _again(verdict: Verdict, shown: str) -> str:
    """The command that shows it again."""
    case = next((check.case for check in verdict.checks if not check.ok), "").partition(" (seed ")
    words = f" --case {case[0]}" + (f" --seed {case[2].rstrip(')')}" if case[2] else "") if case[0] else ""
    return f"perflab verify {verdict.operation} --dtype {verdict.dtype}{words} --with {shown}"


def _mistake(mistake: Diagnosis, shown: str) -> dict[str, Any]:
    told: Sequence[str] = ()
    try:
        told = diagnosis.told(mistake, shown)
    except Exception as error:  # the verdict stands without its lines
        told = [f"not told: {reason(error)}"]
    at = f"[{', '.join(map(str, mistake.index))}]" if mistake.index else ""
    sizes = {**mistake.case.sizes, **mistake.case.parameters}
    return {
        "tensors": mistake.tensors, "name": mistake.mistake, "lesson": mistake.lesson,
        "breaks": mistake.breaks, "pattern": mistake.pattern, "told": told,
        "shown": ", ".join(f"{name} = {value}" for name, value in sizes.items()),
        "worst": f"{mistake.tensor}{at}: got {mistake.got:.6g}, wanted {mistake.wanted:.6g}",
    }  # fmt: skip
