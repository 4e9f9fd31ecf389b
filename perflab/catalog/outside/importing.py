"""Imports an outside file with the files beside it, under private module names.

A folder that files are taken from gets a private package, so that two files of one name from two folders
cannot be confused. `sys.path` is not changed: an absolute import of a file beside the importing one, or of
the package that it belongs to, is given its private name in the import itself. No bytecode is read or
written.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader, all_suffixes
from io import StringIO
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from perflab.catalog.outside.absent import Absent, of_python_2
from perflab.contract import PerflabError
from perflab.errors import first_line, reason

Scope = Mapping[str, Any] | None
Names = Sequence[str] | None
PREFIX = "perflab_outside_"
Asked = tuple[str, str, int]  # importer, name and level of an import

_roots: dict[str, Path] = {}  # private package -> its folder
_texts: dict[str, tuple[Path, bytes]] = {}  # module -> its file, and a hash of the text that was run
_imported: dict[str, set[str]] = {}  # module -> what it imported from beside it
_printed: dict[str, str] = {}  # module -> the first line that it printed
_absent: dict[Asked, str] = {}  # imports in whose place an empty module stands, and why
MOST_PRINTED, MOST_ABSENT = 10_000, 20  # characters, modules
ASKED = "perflab_asked"  # an exception's attribute: the import that raised it


def load(file: Path) -> ModuleType:
    """The module of a file; its packages and siblings are imported as it imports them.

    A file that was loaded already is run again only when it, or a file that it imported, has changed. An
    import that ends it is replaced by an empty module, whose names raise Lacking when they are called. Raises
    PerflabError, in one line, where the file is missing or does not import.
    """
    if not file.is_file() or file.suffix != ".py":
        problem = "not a Python file" if file.is_file() else "no such file"
        raise PerflabError(f"{file}: {problem}; wanted a Python file with forward and backward")
    if any(not path.is_file() or _hash(path.read_bytes()) != digest for path, digest in _texts.values()):
        _forget(name for name in [*sys.modules, *_texts] if _is_private(name))
        _absent.clear()
    _beside.cache_clear()
    importlib.invalidate_caches()
    path = file.resolve()
    name = _name(path)
    before = set(sys.modules)
    while name not in sys.modules:
        try:
            with redirect_stdout(_Beginning()) as output:
                _run(name, path)
            _printed[name] = first_line(output.getvalue(), "")
        except (Exception, SystemExit) as error:
            problem, asked = _failure_line(path, error), getattr(error, ASKED, None)
            _forget(name for name in set(sys.modules) - before if _is_private(name))
            if asked is None or asked in _absent or len(_absent) >= MOST_ABSENT:
                raise PerflabError(f"{file}: cannot be imported: {problem}") from error
            _absent[asked] = problem
    return sys.modules[name]


def absent(path: Path) -> tuple[str, ...]:
    """Why modules that a loaded file imports, or files beside it, could not be imported."""
    names = _read_for(_name(path.resolve()))
    return tuple(dict.fromkeys(why for (importer, _, _), why in _absent.items() if importer in names))


def files_read(path: Path) -> tuple[Path, ...]:
    """A loaded file, then every file beside it that was imported for it, directly or not."""
    names = _read_for(_name(path.resolve()))
    files = {Path(sys.modules[name].__file__ or "") for name in names & _texts.keys() & sys.modules.keys()}
    return (path.resolve(), *sorted(files - {path.resolve()}))


def _read_for(name: str) -> set[str]:
    """A module, the packages that it is in, and what was imported for these from beside them."""
    pending, names = [name], set[str]()
    while pending:
        name = pending.pop()
        if name and name not in names:
            names.add(name)
            pending += [name.rpartition(".")[0], *_imported.get(name, ())]
    return names


def printed(module: ModuleType) -> str:
    """The first line that a file, or its imports, printed when it was loaded: it is not printed elsewhere."""
    return _printed.get(module.__name__, "")


def _run(name: str, path: Path) -> None:
    parent, _, last = name.rpartition(".")
    importlib.import_module(parent)
    if name in sys.modules:  # its package has imported it
        return
    loader = _Loader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    setattr(sys.modules[parent], last, module)


def _name(path: Path) -> str:
    """The private name of a file: of the folder above its packages, then of these, then its own."""
    inner = [] if path.stem == "__init__" else [path.stem.replace(".", "_")]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name and "." not in folder.name:
        inner.insert(0, folder.name)
        folder = folder.parent
    return ".".join([_package(folder), *inner])


def _package(folder: Path) -> str:
    name = PREFIX + _hash(str(folder).encode()).hex()
    if name not in sys.modules:
        _roots[name] = folder
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [str(folder)]
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    return name


def _forget(names: Iterable[str]) -> None:
    for name in set(names) - _roots.keys():
        for modules in (sys.modules, _texts, _imported):
            modules.pop(name, None)


def _is_private(name: str) -> bool:
    return name.partition(".")[0] in _roots


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=6).digest()


class _Beginning(StringIO):
    """Stores the beginning of what is printed."""

    def write(self, text: str) -> int:
        if self.tell() < MOST_PRINTED:
            super().write(text[:MOST_PRINTED])
        return len(text)


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Names, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if path and _is_private(fullname) else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
            spec.cached = None
        return spec


class _Loader(SourceFileLoader):
    """Runs a file's current text: bytecode beside it may be stale, and nothing is written to the folder."""

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path)
        _texts[fullname] = (Path(self.path), _hash(text))
        return self.source_to_code(text, self.path)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": _import}
        super().exec_module(module)


_FINDER = _Finder()


def _import(
    name: str, globals: Scope = None, locals: Scope = None, fromlist: Names = (), level: int = 0
) -> ModuleType:
    """The `import` statement of outside files; an exception notes which import raised it."""
    asked = ((globals or {}).get("__name__") or "", name, level)
    if asked in _absent:
        return Absent(name, _absent[asked])
    try:
        return _found(name, globals, locals, fromlist, level)
    except Exception as error:
        if asked[0] and not hasattr(error, ASKED):
            setattr(error, ASKED, asked)
        raise


def _found(name: str, globals: Scope, locals: Scope, fromlist: Names, level: int) -> ModuleType:
    """The module of an import: files beside the importing one are found under their private names."""
    importer, package = ((globals or {}).get(key) or "" for key in ("__name__", "__package__"))
    if level:
        target = importlib.util.resolve_name("." * level + name, package)
    elif name in ("past", "past.builtins") and not _is_installed("past"):
        return _past(name, fromlist)
    else:
        target = _beside(name, importer, package) or ""
    if not _is_private(target):
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    asked = name if level else target
    try:
        module = builtins.__import__(asked, globals, locals, fromlist or (), level)
    except ModuleNotFoundError as error:
        if error.name and _is_private(error.name):  # name it as the file does
            outer, _, rest = error.name.partition(".")
            plain = name if error.name == target and not level else rest or _roots[outer].name
            plainly = ModuleNotFoundError(f"No module named {plain!r}", name=plain)
            setattr(plainly, ASKED, getattr(error, ASKED, (importer, name, level)))
            raise plainly from None
        raise
    if not level and not fromlist:  # `import a.b` binds a
        module = sys.modules[target.removesuffix(name.partition(".")[2]).rstrip(".")]
    _imported.setdefault(importer, set()).update([target, *(f"{target}.{part}" for part in fromlist or ())])
    return module


@cache
def _beside(name: str, importer: str, package: str) -> str | None:
    """The private name of an absolute import of a file beside the importer; None for other imports.

    Searched in this order: the importer's folder, the folder above its packages, and, for a name that is not
    installed, all folders above the importer: `cs231n` is found from cs231n/layers.py without an __init__.py.
    """
    top, _, rest = name.partition(".")
    if not _is_private(importer) or top == "perflab" or top in sys.stdlib_module_names:
        return None
    outer = importer.partition(".")[0]
    root = _roots[outer]
    here = root.joinpath(*package.split(".")[1:])
    places = {package: here, outer: root}
    homes = [home for home, folder in places.items() if _has(folder, top) and f"{home}.{top}" != importer]
    if not homes and _is_installed(top):
        return None
    homes += [home for home, folder in places.items() if (folder / top).is_dir()]
    if homes:
        return f"{homes[0]}.{name}"
    for folder in (root, *root.parents):
        if folder.name == top:
            return f"{_package(folder)}.{rest}".rstrip(".")
    return None


def _has(folder: Path, name: str) -> bool:
    names = (f"{name}/__init__.py", *(f"{name}{suffix}" for suffix in all_suffixes()))
    return any((folder / file).is_file() for file in names)


def _is_installed(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return name in sys.modules
    return spec is not None and spec.origin is not None


def _past(name: str, fromlist: Names) -> ModuleType:
    """The part of the package `future` that Python 2 code imports, where that is not installed."""
    past, inner = ModuleType("past"), ModuleType("past.builtins")
    past.__dict__["builtins"] = inner
    inner.__dict__["xrange"] = range
    return inner if fromlist and name == "past.builtins" else past


def _failure_line(path: Path, error: BaseException) -> str:
    """An exception in one line, with the line that raised it, and its file where that is not `path`."""
    files = {str(file) for file, _ in _texts.values()}
    message = None
    if isinstance(error, SyntaxError) and error.filename in files:
        message, places = error.msg, [(error.filename, error.lineno)]
    else:
        frames = traceback.extract_tb(error.__traceback__)
        places = [(frame.filename, frame.lineno) for frame in frames if frame.filename in files]
    text = re.sub(PREFIX + r"[0-9a-f]+\.?", "", reason(error, message))
    file, line = places[-1] if places else ("", None)
    of = "" if file == str(path) else f" of {Path(file).name}"
    text += of_python_2(text) if isinstance(error, SyntaxError) else ""
    return text + (f" (line {line}{of})" if line else "")
