"""Finds operations, techniques and peers by name: the folder is the registry.

An operation is a folder with an `__init__.py` that describes it, in `ops/`, in an installed package, or of
the user's own, named by its path (`admission`). A technique is a file in this folder; a name that begins with
an underscore is not a technique. Installed packages may add techniques and peers to an operation.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from perflab.catalog import own
from perflab.catalog.installed import PAIR, Entry, Installed, check_functions, rungs
from perflab.contract import Mutant, Operation, PerflabError
from perflab.errors import first_line, reason, unknown
from perflab.machine import lacking, numba_cache
from perflab.records import tree

OPS = Path(__file__).parents[1] / "ops"
PEERS = Path(__file__).parents[1] / "peers"
COMPILERS = Path(__file__).with_name("compilers")
SOURCE = "naive"  # the rung that a compiler is given
APART = {"torch_compile": "torch"}  # a column that no project brings along, and the library that it wants
ORDER = ("softmax_loss", "fully_connected", "conv2d", "max_pool2d", "rnn", "mlp")


def operations() -> tuple[str, ...]:
    """The names of the operations: those of `ORDER`, other built-in ones, installed ones, the user's own."""
    ours = built_in()
    ordered = [name for name in ORDER if name in ours]
    further = (name for name in ours if name not in ordered)
    return (*ordered, *further, *additions().operations, *own.folders())


def built_in() -> list[str]:
    """The names of perflab's own operations."""
    return sorted(file.parent.name for file in OPS.glob("*/__init__.py"))


@cache
def additions() -> Installed:
    """What installed packages add, read once."""
    ours = built_in()
    ladders = {name: rungs(OPS / name) for name in ours}
    return Installed(ladders, {name: _built_in_peers(name) for name in ours})


def broken() -> list[str]:
    """One line for each broken entry point of an installed package. All others can be used.

    An operation's package is imported on first use, so errors of its import are added to this list later.
    """
    return list(additions().broken)


def folder(name: str) -> Path:
    """An operation's folder. Raises PerflabError for an unknown name, with the nearest ones."""
    if name in built_in():
        return OPS / name
    return own.folders().get(name) or _entry(name).file


def package(name: str) -> str:
    """The importable name of an operation's folder. Raises PerflabError as `folder` does."""
    if name in built_in():
        return f"perflab.ops.{name}"
    return own.package(name) if name in own.folders() else _entry(name).module


def _entry(name: str) -> Entry:
    entries = additions().operations
    if name not in entries:
        label = f": entry point {name} of "
        problems = [line for line in broken() if label in line]
        raise PerflabError(problems[0] if problems else unknown("operation", name, operations()))
    return entries[name]


@cache
def operation(name: str) -> Operation:
    """The description of an operation, with all its techniques in the ladder.

    Raises PerflabError for an unknown name, with the nearest ones, and for an installed operation whose
    package does not describe it.
    """
    described = _description(name)
    cases = [*described.cases]
    return replace(
        described,
        ladder=techniques(name, described.ladder),
        since=described.since or tree.linear(described.ladder),
        study_case=described.study_case or cases[-1],
        small_case=described.small_case or cases[0],
    )


def _description(name: str) -> Operation:
    module = package(name)
    if name in built_in():
        ours: Operation = importlib.import_module(module).operation
        return ours
    from perflab.catalog import faults  # NumPy, as every operation

    try:
        described = getattr(importlib.import_module(module), "operation", None)
    except (Exception, SystemExit) as error:
        problem = f"cannot be imported: {reason(error)}"
    else:
        if not isinstance(described, Operation):
            problem = "has no `operation = Operation(...)`"
        elif described.name != name:
            problem = f"its operation is named {described.name!r}"
        elif fault := faults.of(described) or _fault_of_files(described):
            problem = fault
        else:
            return described
    if name in own.folders():
        raise PerflabError(f"{folder(name) / '__init__.py'}: {problem}")
    raise PerflabError(additions().refuse(_entry(name), f"{module}: {problem}"))


def _fault_of_files(described: Operation) -> str:
    """Which function a technique's file lacks; "" if none does."""
    for rung in rungs(folder(described.name)):
        try:
            check_functions(
                source_file(described.name, rung), rung, PAIR[: 1 if described.forward_only else 2]
            )
        except PerflabError as error:
            return str(error)
    return ""


def techniques(name: str, ladder: Iterable[str] | None = None) -> tuple[str, ...]:
    """The names of an operation's techniques in ladder order, those of installed packages last."""
    if ladder is None:
        return operation(name).ladder
    files = rungs(folder(name))
    placed = [technique for technique in ladder if technique in files]
    return (*placed, *(technique for technique in files if technique not in placed), *outsiders(name))


def outsiders(operation_name: str) -> dict[str, Path]:
    """The techniques that installed packages add to an operation, and their files: outside code."""
    entries = additions().techniques.get(operation_name, {})
    return {technique: entry.file for technique, entry in entries.items()}


def peers(operation_name: str) -> tuple[str, ...]:
    """The peers that have this operation, compilers of its naive loops and installed ones among them."""
    return tuple(sorted(_built_in_peers(operation_name) | additions().peers.get(operation_name, {}).keys()))


def compilers() -> tuple[str, ...]:
    """The columns that are naive loops through another compiler than Numba, by their names."""
    return tuple(sorted(file.stem for file in COMPILERS.glob("[!_]*.py")))


def _built_in_peers(operation_name: str) -> set[str]:
    compiled = compilers() if (folder(operation_name) / f"{SOURCE}.py").is_file() else ()
    return {path.parent.name for path in PEERS.glob(f"*/{operation_name}.py")}.union(compiled)


def _columns() -> set[str]:
    """Every column that a peer has for any operation."""
    built_in = {path.parent.name for path in PEERS.glob("[!_]*/*.py")}
    return built_in | additions().projects | {*compilers()}


def columns_of_peers(operation_name: str, projects: Iterable[str]) -> tuple[str, ...]:
    """The columns of these projects for an operation: a project, and its layouts (`torch_channels_last`).

    Without those that cannot run here, which `lacking_peers` names. Raises PerflabError for an unknown one.
    """
    here = {project for project in projects if not lacking_peers([project])}
    columns = [name for project in projects for name in peers(operation_name) if home(name) == project]
    return tuple(dict.fromkeys(column for column in columns if home(column) in here))


def lacking_peers(projects: Iterable[str]) -> list[str]:
    """A line for each of these projects that is not installed, or lacks a compiler: what, and what is wanted.

    Raises PerflabError for an unknown project.
    """
    known = sorted(set(map(home, _columns())))
    lines = []
    for project in dict.fromkeys(projects):
        if project not in known:
            raise PerflabError(unknown("peer", project, known))
        if project not in additions().projects and (line := lacking_peer(project)):
            lines.append(line)
    return lines


def lacking_peer(project: str) -> str:
    """What a built-in peer lacks here, in one line; "" if it has all that it wants."""
    if project in compilers():
        from perflab.catalog import compilers as through  # NumPy

        return through.missing_of(project)
    library = APART.get(project, project)
    if importlib.util.find_spec(library) is None:
        of = "" if library == project else f"{library} is "
        return f"{project}: {of}not installed; wanted: pip install 'perflab[{library}]'"
    without = lacking.system_compiler("C++") if project in APART else ""
    return f"{project}: {without}" if without else ""


def home(technique: str) -> str:
    """In whose process a column is measured: a peer's project, or "" for perflab's own."""
    columns, project = _columns(), technique.partition("_")[0]
    if technique not in columns:
        return ""
    return project if project in columns and technique not in APART else technique


def summary(operation_name: str, technique: str) -> str:
    """The first line of a technique file's docstring, read without importing it."""
    text = source_file(operation_name, technique).read_text("utf-8")
    return first_line(ast.get_docstring(ast.parse(text)) or "", "")


def source_file(operation_name: str, technique: str) -> Path:
    """The file of a column's code: in the operation's folder, in an installed package, or a peer's."""
    file = folder(operation_name) / f"{technique}.py"
    if file.is_file():
        return file
    if technique in compilers():
        return file.with_stem(SOURCE)
    added = additions()
    entries = added.techniques.get(operation_name, {}) | added.peers.get(operation_name, {})
    return entries[technique].file if technique in entries else PEERS / technique / f"{operation_name}.py"


def mutants(operation_name: str) -> tuple[Mutant, ...]:
    """The known mistakes of an operation, which the oracle must catch; an installed one may have none."""
    if not (folder(operation_name) / "_mutants.py").is_file():
        return ()
    return tuple(importlib.import_module(f"{package(operation_name)}._mutants").mutants)


def targets(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`OP` and `OP/TECHNIQUE` words as operation -> techniques, all of them where none is named.

    Raises PerflabError for an unknown one, with the nearest names.
    """
    chosen: dict[str, set[str]] = {}
    for name in names or _usable():
        op, _, technique = name.partition("/")
        ladder = operation(op).ladder
        if technique and technique not in ladder:
            raise PerflabError(unknown("technique", name, ladder, technique))
        chosen.setdefault(op, set()).update([technique] if technique else ladder)
    ordered = (op for op in operations() if op in chosen)
    return {op: tuple(name for name in operation(op).ladder if name in chosen[op]) for op in ordered}


def _usable() -> Iterator[str]:
    """Every operation that can be imported; `broken` names the others."""
    for name in operations():
        try:
            yield operation(name).name
        except PerflabError:
            continue


@cache
def prepare_numba_cache() -> str:
    """Point Numba at the cache folder of today's operations, all that are known; its path."""
    installed = (entry.file for entry in additions().operations.values())
    return numba_cache.prepare((OPS, *installed, *own.folders().values()))
