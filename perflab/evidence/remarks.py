"""What LLVM said of a technique's loops, line by line, and what its hot loops could do at best.

    gathered = gather("conv2d", "jit", "float32")
    gathered.remarks[0].words, gathered.limits["forward"].chain

A process of its own compiles the technique once more, with line numbers and without any cache: what is loaded
from a cache is not compiled. Beside it another process has the code that is timed; where the two hold other
instructions, `differs` says so. Files from outside run in such processes only.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from perflab import catalog, machine
from perflab.catalog import kernels, sources
from perflab.contract import PerflabError
from perflab.errors import reason
from perflab.evidence import heard, limits, line_numbers, mca, permitted
from perflab.evidence.code import compile_on_cases, hottest
from perflab.evidence.profile import INSTALLED
from perflab.machine import numba_cache, process
from perflab.records.evidence import Code
from perflab.records.remarks import Remarks
from perflab.records.typed import read

SAVED = "remarks.jsonl"  # in the folder of Numba's cache
WAIT_S, WAIT_OUTSIDE_S = 600.0, 60.0
MOST_REMARKS = 2000  # of one technique
SILENT = "this Numba's LLVM gives no remarks"


def gather(operation: str, technique: str, dtype: str, outside: str | None = None) -> Remarks:
    """The remarks on a technique; on a built-in one as saved earlier on this machine, where they were.

    `outside` is the file of one that is not built in; a built-in one may be under a permission
    (`jit+reassociate`). Raises PerflabError for what is not compiled by Numba, and for what cannot be called.
    """
    technique, permission = permitted.split(technique) if outside is None else (technique, "")
    kept = outside is None and not permission
    if kept and (known := saved(operation, technique, dtype)):
        return known
    order = {"operation": operation, "technique": technique, "dtype": dtype, "outside": outside}
    limit_s = WAIT_OUTSIDE_S if outside else WAIT_S
    with tempfile.TemporaryDirectory(prefix="perflab-remarks-") as empty:
        here = "perflab.evidence.remarks:"
        variables = {numba_cache.VARIABLE: empty}
        compiled = order | {"permission": permission}
        with process.begin(f"{here}child", compiled, limit_s, variables=variables) as child:
            try:
                timed = process.call(f"{here}timed", order, limit_s)
                fields = _finished(child, limit_s, timed)
            except PerflabError as error:
                raise PerflabError(str(error).removeprefix("PerflabError: ")) from error
            finally:
                child.kill()
    found = _combined(order, timed, fields)
    if kept and not found.reason:
        file, key = _place(operation, technique, dtype)
        line = json.dumps({"key": key, "fields": found.plain()}) + "\n"
        with contextlib.suppress(OSError), file.open("ab", buffering=0) as opened:
            opened.write(line.encode())
    return found


def _finished(child: Any, limit_s: float, timed: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the process that listens; without remarks where it ended itself."""
    if not any(code for code, _ in timed["codes"].values()):
        raise PerflabError(f"{timed['name']}: {NOT_COMPILED[bool(timed['outside'])]}")
    try:
        answer: dict[str, Any] = process.finish(child, limit_s)
    except PerflabError as error:
        return {"reason": f"{SILENT}: {error}"}
    return answer


NOT_COMPILED = (
    "nothing of it is compiled by Numba; wanted a compiled rung, such as jit",
    "no function that Numba compiled was called; wanted @njit above the function with the loops",
)


def _combined(order: Mapping[str, Any], timed: Mapping[str, Any], fields: Mapping[str, Any]) -> Remarks:
    who = {name: order[name] for name in ("operation", "technique", "dtype")}
    differs = {}
    for direction, (code, _) in timed["codes"].items():
        other = fields.get("codes", {}).get(direction)
        if code and other and code != other[0]:
            differs[direction] = _difference(code, other[0])
    return read(Remarks, {
        **who, "case": timed["case"], "clock_hz": timed["clock_hz"], "differs": differs,
        **{name: value for name, value in fields.items() if name != "codes"},
    })  # fmt: skip


def _difference(timed: Mapping[str, Any], marked: Mapping[str, Any]) -> str:
    """How many arithmetic instructions each of two codes has, and in how many loops."""
    counts = (f"{each['whole']['arithmetic']} arithmetic instructions in {each['loops']} loops, "
              f"{each['whole']['packed']} packed" for each in (timed, marked))  # fmt: skip
    return "the code that is timed has {}; the code of the remarks {}".format(*counts)


def saved(operation: str, technique: str, dtype: str) -> Remarks | None:
    """The remarks on a built-in technique as this machine has them already; None where it has none."""
    file, key = _place(operation, technique, dtype)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, PerflabError):
        for line in reversed(file.read_text("utf-8").splitlines()):
            if key in line and (record := json.loads(line))["key"] == key:
                return read(Remarks, record["fields"])
    return None


def _place(operation: str, technique: str, dtype: str) -> tuple[Path, str]:
    """The file of saved remarks, and by what those on this code, of this machine and llvm-mca are known."""
    folder = Path(catalog.prepare_numba_cache())
    words = (
        machine.identity(),
        operation,
        technique,
        dtype,
        kernels.digest(operation, technique),
        mca.found(),
    )
    return folder / SAVED, " ".join(words)


# ---------------------------------------------------------------------------------- in processes of their own


def timed(operation: str, technique: str, dtype: str, outside: str | None) -> dict[str, Any]:
    """The instructions of the code as it is timed, and the processor's clock, as plain JSON."""
    from perflab.machine.clock import clock_hz

    implementation = catalog.column(operation, technique, outside)
    case, codes = compile_on_cases(catalog.operation(operation), implementation, dtype)
    name = Path(outside).name if outside else f"{operation}/{technique}"
    compiled = any(code for code, _ in codes.values())
    return {
        "case": case, "codes": _plain(codes), "clock_hz": clock_hz() if compiled else None,
        "name": name, "outside": outside,
    }  # fmt: skip


def child(operation: str, technique: str, dtype: str, outside: str | None, permission: str) -> dict[str, Any]:
    """Compile with line numbers while listening; the remarks and the limits of hot loops as plain JSON."""
    try:
        heard.ask()
    except Exception as error:
        return {"reason": f"{SILENT}: {reason(error)}"}
    line_numbers.mark()
    permitted.give(permission)
    with heard.listening() as lines:
        implementation = catalog.column(operation, technique, outside)
        described = catalog.operation(operation)
        _, codes = compile_on_cases(described, implementation, dtype)
    found = _placed(heard.parsed(lines), _Names(operation, technique, outside))
    found["codes"], found["limits"] = _plain(codes), {}
    for name, (code, _) in codes.items():
        loop = hottest(getattr(implementation, name), dtype) if code else None
        if loop is not None:
            found["limits"][name] = asdict(limits.of_loop(loop, _processor()))
    if not lines and any(code for code, _ in codes.values()):
        found["reason"] = SILENT
    return found


class _Names:
    """The names of the files that are of interest: those of operations, and a file from outside."""

    def __init__(self, operation: str, technique: str, outside: str | None) -> None:
        self._outside = Path(outside).resolve() if outside else None
        self._own = f"{operation}/{technique}.py"
        self._folders = [catalog.folder(name) for name in catalog.operations()]
        self._known: dict[str, str] = {}

    def of(self, file: str) -> str:
        """A file's name as in the records of sources; "" for a file of Numba's, or of no one's."""
        if file not in self._known:
            self._known[file] = self._named(Path(file))
        return self._known[file]

    def _named(self, path: Path) -> str:
        if not path.is_file():
            return ""
        if self._outside:
            if path.resolve() == self._outside:
                return self._own
            if path.is_relative_to(self._outside.parent) and not {*INSTALLED} & {*path.parts}:
                return path.name
        own = any(folder in path.parents or path.parent == folder.parent for folder in self._folders)
        return sources.name_of(path) if own else ""


def _placed(remarks: Mapping[heard.Heard, int], names: _Names) -> dict[str, Any]:
    """Remarks on files of interest by line; how many have no line, and how many are on other files."""
    rows, unplaced, elsewhere = [], 0, 0
    for each, times in remarks.items():
        name = names.of(each.file)
        if name and each.line:
            rows.append({"file": name, "line": each.line, "words": each.words, "times": times})
        elif each.line:
            elsewhere += times
        else:
            unplaced += times
    loops = sorted((names.of(file), line) for file, line in line_numbers.marked if names.of(file))
    rows.sort(key=lambda row: (row["file"], row["line"], row["words"]))
    return {
        "remarks": rows[:MOST_REMARKS], "unplaced": unplaced, "elsewhere": elsewhere,
        "loops": [{"file": name, "line": line} for name, line in loops],
    }  # fmt: skip


def _plain(codes: Mapping[str, tuple[Code | None, str]]) -> dict[str, Any]:
    """Codes as plain JSON, with what is compared."""
    kept = ("whole", "loops", "hot")
    return {
        name: ({field: asdict(code)[field] for field in kept} if code else None, why)
        for name, (code, why) in codes.items()
    }


def _processor() -> str:
    """The processor that Numba compiles for, as LLVM names it."""
    import llvmlite.binding as llvm
    from numba import config

    return str(os.environ.get("NUMBA_CPU_NAME") or config.CPU_NAME or llvm.get_host_cpu_name())


def or_reason(operation: str, technique: str, dtype: str, outside: str | None = None) -> Remarks:
    """As `gather`, with the reason in place of remarks where there are none."""
    try:
        return gather(operation, technique, dtype, outside)
    except Exception as error:
        why = str(error) if isinstance(error, PerflabError) else reason(error)
        return replace(Remarks(operation, technique, dtype), reason=why)
