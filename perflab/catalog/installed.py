"""What installed packages add, by their entry points: operations, techniques, peers.

    perflab.operations   NAME                = a package with `operation = Operation(...)` and its techniques
    perflab.techniques   OPERATION.TECHNIQUE = a module with forward and backward
    perflab.peers        OPERATION.PROJECT   = a module with forward, backward, to_native, to_numpy

Read from the packages' metadata and the files' text: nothing of theirs is imported here. What does not hold
is told in one line by `broken`, and everything else goes on.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path

from perflab.errors import reason

OPERATIONS, TECHNIQUES, PEERS = "perflab.operations", "perflab.techniques", "perflab.peers"
PAIR = ("forward", "backward")
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
MODULE = re.compile(r"\w+(\.\w+)*")
COLUMN = re.compile(r"[A-Za-z][\w-]*", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One entry point that holds: who brings it, under which name, in which module and file.

    For an operation `file` is its folder. `operation` is the one that a technique or a peer belongs to.
    """

    distribution: str
    group: str
    name: str
    module: str
    file: Path
    operation: str

    @property
    def column(self) -> str:
        """The name of a technique or a peer."""
        return self.name.partition(".")[2]

    @property
    def told(self) -> str:
        """How a message names it."""
        return _told(self.distribution, self.group, self.name)


class Installed:
    """The entry points of perflab's groups that hold; those that do not, as lines in `broken`."""

    def __init__(
        self, techniques: Mapping[str, Collection[str]], peers: Mapping[str, Collection[str]]
    ) -> None:
        """`techniques` and `peers` give what is built in, by operation."""
        self.broken: list[str] = []
        self._points = list(_points(self.broken))
        self.operations: dict[str, Entry] = {}
        self.techniques: dict[str, dict[str, Entry]] = {}
        self.peers: dict[str, dict[str, Entry]] = {}
        for entry in self._of(OPERATIONS, ()):
            if entry.name in techniques:
                self.refuse(entry, "there is an operation of this name already")
            else:
                self.operations[entry.name] = entry
        files = dict(techniques) | {name: rungs(entry.file) for name, entry in self.operations.items()}
        for entry in self._of(PEERS, (*PAIR, "to_native", "to_numpy")):
            self._place(entry, files, peers.get(entry.operation, ()), self.peers)
        self.projects = {name for held in self.peers.values() for name in held}
        projects = self.projects.union(*peers.values())
        for entry in self._of(TECHNIQUES, PAIR):
            self._place(entry, files, projects, self.techniques)

    def refuse(self, entry: Entry, why: str) -> str:
        """Take an entry point for broken; the line that tells it."""
        if self.operations.get(entry.name) == entry:
            del self.operations[entry.name]
        self.broken.append(f"{entry.told}: {why}")
        return self.broken[-1]

    def _place(
        self,
        entry: Entry,
        files: Mapping[str, Collection[str]],
        taken: Collection[str],
        held: dict[str, dict[str, Entry]],
    ) -> None:
        """Give an entry its operation's column, unless there is no such operation or the name is taken."""
        if entry.operation not in files:
            self.refuse(entry, f"there is no operation {entry.operation}")
        elif entry.column in taken or entry.column in files[entry.operation]:
            self.refuse(entry, f"the name {entry.column} is taken already")
        else:
            held.setdefault(entry.operation, {})[entry.column] = entry

    def _of(self, group: str, functions: Collection[str]) -> Iterator[Entry]:
        """The entry points of a group whose module is there and has these functions, by name."""
        seen: set[str] = set()
        held = (point for point in self._points if point.group == group)
        for point in sorted(held, key=lambda point: (point.name, _distribution(point))):
            found = _find(point, group, functions)
            if isinstance(found, str):
                self.broken.append(f"{_told(_distribution(point), group, point.name)}: {found}")
            elif found.name in seen:
                self.refuse(found, "another package brings it already")
            else:
                seen.add(found.name)
                yield found


def _points(broken: list[str]) -> Iterator[EntryPoint]:
    """Every entry point of perflab's groups; a package that cannot tell its own goes to `broken`."""
    groups = (OPERATIONS, TECHNIQUES, PEERS)
    try:
        yield from [point for group in groups for point in entry_points(group=group)]
    except Exception:  # one package's broken metadata costs the others nothing
        for one in distributions():
            try:
                yield from [point for point in one.entry_points if point.group in groups]
            except Exception as error:
                if "[perflab." in (one.read_text("entry_points.txt") or ""):
                    broken.append(f"{one.name}: its entry points cannot be read: {error}")


def rungs(folder: Path) -> tuple[str, ...]:
    """The technique files of an operation's folder, by name."""
    return tuple(sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")))


def _find(point: EntryPoint, group: str, functions: Collection[str]) -> Entry | str:
    """An entry point as an entry, or in what it is wrong."""
    operation, _, column = point.name.partition(".")
    if group == OPERATIONS:
        if not NAME.fullmatch(point.name):
            return "wanted a name of letters, digits and underscores"
    elif not NAME.fullmatch(operation) or not COLUMN.fullmatch(column):
        return "wanted a name like OPERATION.NAME, of letters, digits, underscores and dashes"
    if not MODULE.fullmatch(point.value):
        return f"{point.value}: wanted the name of a module"
    try:
        file = _file(point.value)
    except Exception as error:  # a package's own finder may fail in any way
        return f"{point.value}: cannot be found: {reason(error)}"
    if file is None:
        return f"{point.value}: no such module"
    if group == OPERATIONS:
        if file.name != "__init__.py":
            return f"{point.value}: is no package; wanted a folder with an __init__.py"
        if not rungs(file.parent):
            return f"{point.value}: no technique lies in its folder"
        for name in rungs(file.parent):
            if missing := _missing(file.parent / f"{name}.py", PAIR):
                return f"{point.value}.{name}: {missing}"
        return Entry(_distribution(point), group, point.name, point.value, file.parent, operation)
    missing = _missing(file, functions)
    if missing:
        return f"{point.value}: {missing}"
    return Entry(_distribution(point), group, point.name, point.value, file, operation)


def _file(module: str) -> Path | None:
    """The file of a module, found without importing the packages above it; None where there is none."""
    first, *rest = module.split(".")
    spec: ModuleSpec | None = importlib.util.find_spec(first)
    name = first
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name += f".{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin).resolve()


def _missing(file: Path, functions: Collection[str]) -> str:
    """Which functions a file does not have at its top, or why that cannot be told; "" where all are there."""
    try:
        names = set(_bound(ast.parse(file.read_bytes()).body))
    except (OSError, SyntaxError, ValueError) as error:
        return f"cannot be read: {reason(error)}"
    missing = [] if "*" in names else [name for name in functions if name not in names]
    return f"no function {' and no function '.join(missing)}" if missing else ""


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that statements bind where they stand, those within `if` and `try` among them."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt):
                    yield from _bound([child])
                elif isinstance(child, ast.ExceptHandler):
                    yield from _bound(child.body)
                else:
                    yield from (
                        name.id
                        for name in ast.walk(child)
                        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
                    )


def _distribution(point: EntryPoint) -> str:
    return (point.dist.name if point.dist else "") or "a package without a name"


def _told(distribution: str, group: str, name: str) -> str:
    return f"{distribution}: entry point {name} of {group}"
