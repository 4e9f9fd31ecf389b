"""Finds operations and techniques: the folder is the registry.

An operation is a folder with an `__init__.py` that describes it, in `ops/` or in an installed package; a
technique is a file in it. A name that begins with an underscore is no technique. An outside file is loaded
as one more column of the grid, and so is a technique that an installed package brings.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from perflab.catalog.door import checked
from perflab.catalog.installed import Entry, Installed, rungs
from perflab.contract import Implementation, Mutant, Native, Operation, PerflabError
from perflab.errors import first_line, reason, unknown
from perflab.machine import numba_cache

OPS = Path(__file__).parents[1] / "ops"
PEERS = Path(__file__).parents[1] / "peers"
ORDER = ("softmax_loss", "fully_connected", "conv2d", "max_pool2d", "rnn", "mlp")


def operations() -> tuple[str, ...]:
    """The names of the operations: the built-in ones first, then any other folder, then installed ones."""
    found = set(_built_in())
    known = [name for name in ORDER if name in found]
    return (*known, *sorted(found - set(known)), *_installed().operations)


def _built_in() -> list[str]:
    return sorted(folder.parent.name for folder in OPS.glob("*/__init__.py"))


@cache
def _installed() -> Installed:
    """What installed packages bring, read once."""
    built_in = _built_in()
    peers = {name: [path.parent.name for path in PEERS.glob(f"*/{name}.py")] for name in built_in}
    return Installed({name: rungs(OPS / name) for name in built_in}, peers)


def broken() -> list[str]:
    """One line for each entry point of an installed package that does not hold; the rest goes on.

    An operation's package is imported when it is asked for, so what only that shows is here afterwards.
    """
    return list(_installed().broken)


def folder(name: str) -> Path:
    """An operation's folder. Raises PerflabError for an unknown name, with the nearest ones."""
    if (OPS / name / "__init__.py").is_file():
        return OPS / name
    return _entry(name).file


def package(name: str) -> str:
    """The package that an operation's folder is. Raises PerflabError as `folder` does."""
    return f"perflab.ops.{name}" if (OPS / name / "__init__.py").is_file() else _entry(name).module


def _entry(name: str) -> Entry:
    held = _installed().operations
    if name not in held:
        wrong = [line for line in broken() if line.partition(":")[2].startswith(f" entry point {name} of ")]
        raise PerflabError(wrong[0] if wrong else unknown("operation", name, operations()))
    return held[name]


@cache
def operation(name: str) -> Operation:
    """The description of an operation, its ladder completed with every technique that there is of it.

    Raises PerflabError for an unknown name, with the nearest ones, and for an installed operation whose
    package does not describe it.
    """
    described = _described(name)
    return replace(described, ladder=techniques(name, described.ladder))


def _described(name: str) -> Operation:
    module = package(name)
    if name in _built_in():
        described: Operation = importlib.import_module(module).operation
        return described
    try:
        held = getattr(importlib.import_module(module), "operation", None)
    except (Exception, SystemExit) as error:
        why = f"{module}: cannot be imported: {reason(error)}"
    else:
        if isinstance(held, Operation) and held.name == name:
            return held
        why = f"{module}: its operation is named {held.name!r}" if isinstance(held, Operation) else (
            f"{module}: has no `operation = Operation(...)`"
        )  # fmt: skip
    raise PerflabError(_installed().refuse(_entry(name), why))


def techniques(name: str, ladder: Iterable[str] | None = None) -> tuple[str, ...]:
    """The names of an operation's techniques in ladder order, those of installed packages last."""
    if ladder is None:
        return operation(name).ladder
    found = set(rungs(folder(name)))
    placed = [technique for technique in ladder if technique in found]
    return (*placed, *sorted(found - set(placed)), *outsiders(name))


def outsiders(operation_name: str) -> dict[str, Path]:
    """The techniques that installed packages add to an operation, and their files: outside code."""
    held = _installed().techniques.get(operation_name, {})
    return {technique: entry.file for technique, entry in held.items()}


def implementation(operation_name: str, technique: str) -> Implementation:
    """An implementation by name, behind the door: bad input is refused by name before a kernel sees it.

    Raises PerflabError for an unknown operation or technique, with the nearest names.
    """
    return checked(operation(operation_name), raw(operation_name, technique))


@cache
def raw(operation_name: str, technique: str) -> Implementation:
    """The two functions as the file defines them, without the door: what is verified and timed."""
    known = techniques(operation_name)
    if technique not in known and technique in peers(operation_name):
        return peer(operation_name, technique)
    if technique not in known:
        raise PerflabError(unknown("technique", f"{operation_name}/{technique}", known, technique))
    if technique in outsiders(operation_name):
        return load_raw(outsiders(operation_name)[technique], operation_name, technique)
    prepare_numba_cache()
    try:
        module = importlib.import_module(f"{package(operation_name)}.{technique}")
    except (Exception, SystemExit) as error:
        raise PerflabError(f"{operation_name}/{technique}: cannot be imported: {reason(error)}") from error
    pair = _pair(module, operation_name, technique, _file(operation_name, technique))
    # Only what lies in the operation's folder may have a bound of its own: an outside file would choose a
    # wide one.
    return replace(
        pair,
        bound=getattr(module, "bound", None),
        exact_on_integers=getattr(module, "exact_on_integers", True),
        workspace_bytes=getattr(module, "workspace_bytes", None),
    )


def peers(operation_name: str) -> tuple[str, ...]:
    """The projects that have this operation: by a file in `peers/`, or by an installed package."""
    found = {path.parent.name for path in PEERS.glob(f"*/{operation_name}.py")}
    return tuple(sorted(found | _installed().peers.get(operation_name, {}).keys()))


def _projects() -> set[str]:
    """Every column that a peer has anywhere."""
    built_in = {path.parent.name for path in PEERS.glob("[!_]*/*.py")}
    return built_in | _installed().projects


def columns_of_peers(operation_name: str, projects: Iterable[str]) -> tuple[str, ...]:
    """The columns of these projects for an operation: a project, and its layouts (`torch_channels_last`).

    Raises PerflabError for an unknown project, or one that is not installed.
    """
    known = sorted(set(map(home, _projects())))
    found: list[str] = []
    for project in projects:
        if project not in known:
            raise PerflabError(unknown("peer", project, known))
        here = project in _installed().projects or importlib.util.find_spec(project) is not None
        if not here:
            raise PerflabError(f"{project}: not installed; wanted: pip install 'perflab[{project}]'")
        found += [name for name in peers(operation_name) if home(name) == project]
    return tuple(dict.fromkeys(found))


def peer(operation_name: str, project: str) -> Implementation:
    """Another project's version of an operation, as an implementation from NumPy to NumPy.

    Its `native` pair is what is timed. Raises PerflabError where the project is not installed.
    """
    prepare_numba_cache()
    entry = _installed().peers.get(operation_name, {}).get(project)
    try:
        module = importlib.import_module(
            entry.module if entry else f"perflab.peers.{project}.{operation_name}"
        )
    except (Exception, SystemExit) as error:
        if entry:
            raise PerflabError(f"{entry.told}: cannot be imported: {reason(error)}") from error
        if not isinstance(error, ImportError):
            raise
        wanted = f"pip install 'perflab[{home(project)}]'"
        raise PerflabError(f"{project}: not installed ({error}); wanted: {wanted}") from None
    native = Native(module.forward, module.backward, module.to_native, module.to_numpy)

    def forward(*args: Any) -> tuple[Any, Any]:
        out, cache = native.forward(*map(native.to_native, args))
        return np_copy(native.to_numpy(out)), cache

    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        grads = native.backward(native.to_native(dout), cache)
        return tuple(np_copy(native.to_numpy(gradient)) for gradient in grads)

    path = _file(operation_name, project)
    return Implementation(
        operation_name, project, forward, backward, str(path), _first_line(path.read_text("utf-8")), native
    )


def np_copy(value: Any) -> Any:
    """An array of one's own: a peer's view of its tensor must not outlive the tensor's next use."""
    return value.copy() if hasattr(value, "copy") else value


def home(technique: str) -> str:
    """In whose process a column is measured: a peer's project, or "" for perflab's own."""
    projects = _projects()
    base = technique.partition("_")[0]
    return "" if technique not in projects else base if base in projects else technique


def summary(operation_name: str, technique: str) -> str:
    """The first line of a technique file's docstring, read without importing it."""
    return _first_line(_file(operation_name, technique).read_text("utf-8"))


def _file(operation_name: str, technique: str) -> Path:
    """Where a column's code lies: the operation's own, an installed package's, a peer's."""
    own = folder(operation_name) / f"{technique}.py"
    if own.is_file():
        return own
    held = _installed()
    entries = held.techniques.get(operation_name, {}) | held.peers.get(operation_name, {})
    if technique in entries:
        return entries[technique].file
    return PEERS / technique / f"{operation_name}.py"


def load(path: str | os.PathLike[str], operation: str, technique: str | None = None) -> Implementation:
    """An implementation from an outside file that defines `forward` and `backward`, behind the door.

    `technique` names its column; the file's stem by default. Raises PerflabError where the file is
    missing, does not import, or lacks one of the two functions.
    """
    described = globals()["operation"](operation)
    return checked(described, load_raw(path, described.name, technique))


def load_raw(
    path: str | os.PathLike[str], operation_name: str, technique: str | None = None
) -> Implementation:
    """As `load`, without the door."""
    from perflab.catalog import outside

    prepare_numba_cache()
    return outside.column(path, operation_name, technique, operations())


def column(operation_name: str, technique: str, file: str | None) -> Implementation:
    """A plan's column, as it is verified and timed: from its outside file where it has one, else by name."""
    if file is None:
        return raw(operation_name, technique)
    if "@" in technique:  # another commit's, with the files beside it
        prepare_numba_cache()
        return _pair(_in_package(Path(file)), operation_name, technique, Path(file))
    return load_raw(file, operation_name, technique)


def _in_package(file: Path) -> ModuleType:
    """Import a file of an operation's folder elsewhere, with its siblings, under a package of its own."""
    folder = file.resolve().parent
    package = "perflab_elsewhere_" + hashlib.blake2b(str(folder.parent).encode(), digest_size=6).hexdigest()
    if package not in sys.modules:
        holder = ModuleType(package)
        holder.__path__ = [str(folder.parent)]
        sys.modules[package] = holder
    try:
        return importlib.import_module(f"{package}.{folder.name}.{file.stem}")
    except (Exception, SystemExit) as error:
        raise PerflabError(f"{file}: cannot be imported: {reason(error)}") from error


def mutants(operation_name: str) -> tuple[Mutant, ...]:
    """The known mistakes of an operation, which the oracle must catch; an installed one may have none."""
    if not (folder(operation_name) / "_mutants.py").is_file():
        return ()
    found: tuple[Mutant, ...] = importlib.import_module(f"{package(operation_name)}._mutants").mutants
    return found


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
    return {
        op: tuple(t for t in operation(op).ladder if t in chosen[op]) for op in operations() if op in chosen
    }


def _usable() -> Iterator[str]:
    """Every operation but those of packages that turn out broken: `broken` tells of these."""
    for name in operations():
        try:
            yield operation(name).name
        except PerflabError:
            continue


@lru_cache(maxsize=1)
def prepare_numba_cache() -> str:
    """Point Numba at the cache folder of today's operations, installed ones among them; its path."""
    return numba_cache.prepare((OPS, *(entry.file for entry in _installed().operations.values())))


def _pair(module: ModuleType, operation_name: str, technique: str, file: Path) -> Implementation:
    missing = [name for name in ("forward", "backward") if not callable(getattr(module, name, None))]
    if missing:
        raise PerflabError(f"{file}: no function {' and no function '.join(missing)}; wanted both")
    return Implementation(
        operation=operation_name,
        technique=technique,
        forward=module.forward,
        backward=module.backward,
        source=str(file),
        summary=first_line(module.__doc__ or "", ""),
    )


def _first_line(source: str) -> str:
    return first_line(ast.get_docstring(ast.parse(source)) or "", "")
