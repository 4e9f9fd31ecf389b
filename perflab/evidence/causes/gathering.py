"""The causes of one technique's time, by interventions, in a process of its own.

    causes = gather("conv2d", "jit", "float32")
    causes.ways["forward"].named()              # the interventions that moved the time, one for each cause

Both directions on one case, which compiled loops finish in some milliseconds.
"""

from __future__ import annotations

import ast
import sys
import tempfile
from pathlib import Path
from typing import Any

from perflab import catalog, oracle
from perflab.catalog import inputs, sources
from perflab.catalog.cases import costs
from perflab.contract import Contender, PerflabError
from perflab.errors import no_function, reason
from perflab.evidence.causes.building import Builder
from perflab.evidence.causes.trials import Subject, called, tested
from perflab.evidence.scene import fitting
from perflab.machine import process
from perflab.machine.threads import cores
from perflab.oracle.references import of_tensors
from perflab.records import typed
from perflab.records.causes import Causes, Tested

WAIT_S = 600.0
OWN = "own_file.py"
COMPILERS = ("njit", "jit", "vectorize", "guvectorize")
PARALLEL = "prange"


def gather(operation: str, technique: str, dtype: str, outside: str | None = None) -> Causes:
    """What interventions show of a technique; `outside` is the file of one that is not built in.

    Raises PerflabError, in one line, for a technique or file without compiled functions, and where nothing
    could be tried.
    """
    label = outside or f"{operation}/{technique}"
    texts, _ = files_of(operation, technique, outside)
    if not any(_compiles(text, label if outside else name) for name, text in texts.items()):
        wanted = (
            "a file with an @njit function" if outside else "a technique that Numba compiles, such as jit"
        )
        raise PerflabError(f"{label}: {'no @njit function' if outside else 'not compiled'}; wanted {wanted}")
    threads = cores() if any(PARALLEL in text for text in texts.values()) else 1
    order = {"operation": operation, "technique": technique, "dtype": dtype, "outside": outside,
             "threads": threads}  # fmt: skip
    try:
        fields = process.call("perflab.evidence.causes.gathering:child", order, WAIT_S, threads)
    except PerflabError as error:
        raise PerflabError(f"{label}: the interventions failed: {error}") from error
    causes = typed.read(Causes, fields)
    if not causes.ways:
        raise PerflabError(f"{label}: {'; '.join(dict.fromkeys(causes.lacking.values()))}")
    if not any(tried.trials for tried in causes.ways.values()):
        raise PerflabError(f"{label}: no intervention is applicable to its loops")
    return causes


def files_of(operation: str, technique: str, outside: str | None) -> tuple[dict[str, str], str]:
    """The text of a technique's file and of all that it imports, by name; and its own name.

    Raises PerflabError for a file that cannot be read, is not Python, or lacks a function.
    """
    file = outside or catalog.outsiders(operation).get(technique)
    if file is None:
        name = f"{operation}/{technique}.py"
        return {n: t for n, t in sources.installed([name]).items() if n.endswith(".py")}, name
    try:
        text = Path(file).read_text("utf-8")
        tree = ast.parse(text)
    except OSError as error:
        raise PerflabError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, SyntaxError) as error:
        raise PerflabError(f"{file}: not Python: {reason(error)}") from error
    wanted = ("forward",) if catalog.operation(operation).forward_only else ("forward", "backward")
    if missing := [name for name in wanted if name not in _defined(tree)]:
        raise PerflabError(f"{file}: {no_function(missing)}; wanted {' and '.join(wanted)}")
    return {OWN: text}, OWN


def _defined(tree: ast.Module) -> set[str]:
    """The names that a file defines, assigns or imports."""
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {
                n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _compiles(text: str, name: str) -> bool:
    """Whether a file names one of Numba's compilers."""
    try:
        nodes = [*ast.walk(ast.parse(text))]
    except SyntaxError as error:
        raise PerflabError(f"{name}: not Python: {reason(error)}") from error
    named = {getattr(node, "id", getattr(node, "attr", "")) for node in nodes}
    return bool(named & {*COMPILERS})


def child(operation: str, technique: str, dtype: str, outside: str | None, threads: int) -> dict[str, Any]:
    """In a process of its own: the fields of a record of kind "causes"."""
    described = catalog.operation(operation)
    case = described.case(fitting(described, tuple(described.cases), dtype))
    texts, file = files_of(operation, technique, outside)
    if file == OWN:
        sys.path.insert(0, str(Path(outside or catalog.outsiders(operation)[technique]).resolve().parent))
    args = tuple(inputs.make(described, case, dtype).values())
    dout = inputs.upstream(described, case, dtype)
    flops = costs(described, case, dtype)["forward"].flops
    right = oracle.reference(described, args, dout, dtype, flops)
    ways: dict[Any, Tested] = {}
    lacking: dict[Any, str] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        builder = Builder(Path(folder))
        subject = Subject(texts, file, "forward", args, _out, of_tensors(right, right.names[:1]), threads)
        try:
            _, cache = called(subject, builder)
            subjects = [subject]
            if not described.forward_only:
                of_gradients = of_tensors(right, right.names[1:])
                subjects.append(Subject(texts, file, "backward", (dout, cache), tuple, of_gradients, threads))
        except PerflabError as error:
            subjects, lacking["forward"] = [], str(error)
        for subject in subjects:
            try:
                ways[subject.name] = tested(subject, builder)
            except PerflabError as error:
                lacking[subject.name] = f"{subject.name}: {error}"
    return Causes(Contender(operation, case.name, dtype, threads, technique), ways, lacking).plain()


def _out(result: Any) -> tuple[Any, ...]:
    return (result[0],)
