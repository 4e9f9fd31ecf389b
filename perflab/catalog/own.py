"""Operations of one's own: folders that a user names by their path, beside the built-in and installed ones.

Their paths are in a variable of the environment, so that every process that this one starts knows them too. A
folder is imported as the package `perflab_own.NAME`, from the text that its files have now: nothing is
written beside them.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

VARIABLE = "PERFLAB_OWN"
PACKAGE = "perflab_own"


def folders() -> dict[str, Path]:
    """The folders that were added, by the names of their operations."""
    paths = map(Path, filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))
    return {path.name: path for path in paths}


def is_own(name: str) -> bool:
    """Whether an operation is one of them."""
    return name in folders()


def typed(name: str) -> str:
    """What names an operation in a command: its name, or the path of the folder that was added, from here."""
    folder = folders().get(name)
    return name if folder is None else from_here(folder, "./")


def from_here(path: Path, before: str = "") -> str:
    """A path as it is typed in the working directory: below it without that, and with `before` in front."""
    here = Path.cwd()
    below = path.is_relative_to(here)
    return shlex.quote(f"{before}{path.relative_to(here).as_posix()}" if below else str(path))


def add(folder: Path) -> None:
    """Add a folder, given by its resolved path; its name is the operation's."""
    _save(folders() | {folder.name: folder})


def remove(name: str) -> None:
    """Forget a folder, and what was imported from it."""
    _save({other: folder for other, folder in folders().items() if other != name})
    package = f"{PACKAGE}.{name}"
    for module in [each for each in sys.modules if each == package or each.startswith(f"{package}.")]:
        del sys.modules[module]


def package(name: str) -> str:
    """The name under which an added folder can be imported."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    return f"{PACKAGE}.{name}"


def _save(added: dict[str, Path]) -> None:
    os.environ[VARIABLE] = os.pathsep.join(map(str, added.values()))


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        first, _, rest = fullname.partition(".")
        if first != PACKAGE:
            return None
        if not rest:
            return ModuleSpec(fullname, None, is_package=True)  # it has nothing but the folders below
        if folder := folders().get(rest):
            file = folder / "__init__.py"
            return importlib.util.spec_from_file_location(
                fullname, file, loader=_Loader(fullname, str(file)), submodule_search_locations=[str(folder)]
            )
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader, spec.cached = _Loader(fullname, spec.loader.path), None
        return spec


class _Loader(SourceFileLoader):
    """Runs a file's current text: bytecode that is as old as the text to the second may be of another one."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


_FINDER = _Finder()
