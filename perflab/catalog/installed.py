"""What installed packages add, by their entry points: operations, techniques, peers.

    perflab.operations   NAME                = a package with `operation = Operation(...)` and its techniques
    perflab.techniques   OPERATION.TECHNIQUE = a module with forward and backward
    perflab.peers        OPERATION.PROJECT   = a module with forward, backward, to_native, to_numpy

Read from the packages' metadata and the files' text: nothing of these packages is imported here. A broken
entry point is reported in one line of `broken`; all others can be used.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path
from symtable import symtable

from perflab.contract import PerflabError
from perflab.errors import no_function, reason

OPERATIONS, TECHNIQUES, PEERS = "perflab.operations", "perflab.techniques", "perflab.peers"
PAIR = ("forward", "backward")
FUNCTIONS = {OPERATIONS: (), TECHNIQUES: PAIR, PEERS: (*PAIR, "to_native", "to_numpy")}
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
MODULE = re.compile(r"\w+(\.\w+)*")
COLUMN = re.compile(r"[A-Za-z][\w-]*", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """A valid entry point: the name of its module, and its file, which for an operation is its folder.

    `column` is empty for an operation; `label` names the entry in messages.
    """

    operation: str
    column: str
    module: str
    label: str
    file: Path


Names = Mapping[str, Collection[str]]  # by operation
Columns = dict[str, dict[str, Entry]]  # by operation and column


class Installed:
    """The valid entry points of perflab's groups; the others are lines in `broken`."""

    def __init__(self, techniques: Names, peers: Names) -> None:
        """`techniques` and `peers` give what is built in, by operation."""
        self.broken: list[str] = []
        self._points = list(_points(self.broken))
        self.operations: dict[str, Entry] = {}
        self.techniques: Columns = {}
        self.peers: Columns = {}
        for entry in self._entries(OPERATIONS):
            self.operations[entry.operation] = entry
            if entry.operation in techniques:
                self.refuse(entry, "there is an operation of this name already")
        files = dict(techniques) | {name: rungs(entry.file) for name, entry in self.operations.items()}
        for entry in self._entries(PEERS):
            self._add(entry, files, peers.get(entry.operation, ()), self.peers)
        self.projects = {project for entries in self.peers.values() for project in entries}
        projects = self.projects.union(*peers.values())
        for entry in self._entries(TECHNIQUES):
            self._add(entry, files, projects, self.techniques)

    def refuse(self, entry: Entry, problem: str) -> str:
        """Take an entry point for broken; the line that reports it."""
        if self.operations.get(entry.operation) == entry:
            del self.operations[entry.operation]
        self.broken.append(f"{entry.label}: {problem}")
        return self.broken[-1]

    def _add(self, entry: Entry, files: Names, taken: Collection[str], columns: Columns) -> None:
        """Add an entry to its operation's columns, unless the operation is unknown or the name is taken."""
        if entry.operation not in files:
            self.refuse(entry, f"there is no operation {entry.operation}")
        elif entry.column in taken or entry.column in files[entry.operation]:
            self.refuse(entry, f"the name {entry.column} is taken already")
        else:
            columns.setdefault(entry.operation, {})[entry.column] = entry

    def _entries(self, group: str) -> Iterator[Entry]:
        """The entry points of a group whose module exists and has the group's functions, by name."""
        names: set[str] = set()
        points = (point for point in self._points if point.group == group)
        for point in sorted(points, key=lambda point: (point.name, _distribution(point))):
            label = f"{_distribution(point)}: entry point {point.name} of {group}"
            operation, _, column = point.name.partition(".")
            try:
                file = _checked_file(point, operation, column)
            except PerflabError as error:
                self.broken.append(f"{label}: {error}")
                continue
            if point.name in names:
                self.broken.append(f"{label}: another package brings it already")
            else:
                names.add(point.name)
                yield Entry(operation, column, point.value, label, file)


def _points(broken: list[str]) -> Iterator[EntryPoint]:
    """Every entry point of perflab's groups; a package whose metadata cannot be read goes to `broken`."""
    try:
        yield from [point for group in FUNCTIONS for point in entry_points(group=group)]
    except Exception:  # one package's broken metadata must not hide the other packages
        for distribution in distributions():
            try:
                yield from [point for point in distribution.entry_points if point.group in FUNCTIONS]
            except Exception as error:
                if "[perflab." in (distribution.read_text("entry_points.txt") or ""):
                    broken.append(f"{distribution.name}: its entry points cannot be read: {error}")


def rungs(folder: Path) -> tuple[str, ...]:
    """The technique files of an operation's folder, by name."""
    return tuple(sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")))


def _checked_file(point: EntryPoint, operation: str, column: str) -> Path:
    """The file of an entry point, for an operation its folder. Raises PerflabError with what is wrong."""
    module, is_operation = point.value, point.group == OPERATIONS
    if is_operation and not NAME.fullmatch(point.name):
        raise PerflabError("wanted a name of letters, digits and underscores")
    if not is_operation and not (NAME.fullmatch(operation) and COLUMN.fullmatch(column)):
        raise PerflabError("wanted a name like OPERATION.NAME, of letters, digits, underscores and dashes")
    if not MODULE.fullmatch(module):
        raise PerflabError(f"{module}: wanted the name of a module")
    try:
        file = _file(module)
    except Exception as error:  # a package's own finder may fail in any way
        raise PerflabError(f"{module}: cannot be found: {reason(error)}") from error
    if file is None:
        raise PerflabError(f"{module}: no such module")
    if not is_operation:
        check_functions(file, module, FUNCTIONS[point.group])
        return file
    if file.name != "__init__.py":
        raise PerflabError(f"{module}: is no package; wanted a folder with an __init__.py")
    if not rungs(file.parent):
        raise PerflabError(f"{module}: no technique in its folder")
    for rung in rungs(file.parent):  # whether it needs a backward is in the description
        check_functions(file.with_name(f"{rung}.py"), f"{module}.{rung}", PAIR[:1])
    return file.parent


def _file(module: str) -> Path | None:
    """The file of a module, found without importing the packages above it; None where there is none."""
    name, *rest = module.split(".")
    spec: ModuleSpec | None = importlib.util.find_spec(name)
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name += f".{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin).resolve()


def check_functions(file: Path, module: str, functions: Collection[str]) -> None:
    """Raise PerflabError where a file's text cannot be read, or does not define these names at its top."""
    try:
        with tokenize.open(file) as opened:
            text = opened.read()
        imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
        symbols = symtable(text, str(file), "exec").get_symbols()
    except (OSError, SyntaxError, ValueError) as error:
        raise PerflabError(f"{module}: cannot be read: {reason(error)}") from error
    names = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    missing = [name for name in functions if name not in names]
    if missing and not any(alias.name == "*" for node in imports for alias in node.names):
        raise PerflabError(f"{module}: {no_function(missing)}")


def _distribution(point: EntryPoint) -> str:
    return (point.dist and point.dist.name) or "a package without a name"
