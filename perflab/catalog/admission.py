"""Takes the folder of an operation of one's own: by its path among the words of targets.

The folder's code is the user's own and runs as an installed package's does. It is imported in another process
first, since an import may hang, or end the process that it runs in.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import keyword
from collections.abc import Iterable
from pathlib import Path

from perflab.catalog import find, implementations, kernels, own
from perflab.catalog.installed import NAME, rungs
from perflab.contract import PerflabError
from perflab.machine import numba_cache, process

IMPORT_S = 20.0  # the most that the import of a whole folder may take
WANTED = "wanted the folder of an operation, such as `perflab new --operation NAME` writes"

_admitted: dict[str, tuple[Path, bytes]] = {}  # by name: the folder, and a digest of what it held


def named(words: Iterable[str]) -> tuple[str, ...]:
    """The words of targets with an operation's name in place of its folder's path, which is admitted.

    `./layer_norm/jit` becomes `layer_norm/jit`. Raises PerflabError, in one line, for what looks like a path
    and leads to no operation.
    """
    return tuple(map(_named, words))


def is_folder(word: str) -> bool:
    """Whether a word names a folder with a package in it, or a technique of one."""
    path = Path(word).expanduser()
    return any((folder / "__init__.py").is_file() for folder in (path, path.parent))


def _named(word: str) -> str:
    is_path = word.startswith((".", "~")) or Path(word).is_absolute() or word.count("/") > 1
    if not is_path and word.partition("/")[0] in find.operations():
        return word
    path = Path(word).expanduser()
    if path.is_dir() and (is_path or (path / "__init__.py").is_file()):
        return admit(path)
    if (path.parent / "__init__.py").is_file() and path.parent.resolve() != Path.cwd():
        return f"{admit(path.parent)}/{path.stem}"
    if is_path:
        raise PerflabError(f"{word}: no such folder; {WANTED}")
    return word


def admit(folder: Path) -> str:
    """The name of the operation in a folder, which other functions of the catalog know from then on.

    A folder that has changed since it was admitted is read again. Raises PerflabError, in one line, for a
    folder that is no operation, whose name another one has, or whose import fails, hangs or dies.
    """
    path = folder.resolve()
    name = path.name
    _check(folder, path)
    digest = _digest(path)
    if _admitted.get(name) == (path, digest):
        own.add(path)
        return name
    _forget(name)
    own.add(path)
    try:
        try:
            fault = process.call(f"{__name__}:trial", {"name": name}, IMPORT_S)
        except PerflabError as error:
            raise PerflabError(f"{folder}: its import: {error}; wanted one that ends") from None
        if fault:
            raise PerflabError(fault)
        find.operation(name)
    except PerflabError:
        _forget(name)
        raise
    _admitted[name] = (path, digest)
    return name


def trial(name: str) -> str:
    """In another process: import all of an operation; what is wrong with it, "" if nothing is.

    What is wrong with a rung alone is its verdict's to say.
    """
    try:
        find.operation(name)
    except PerflabError as error:
        return str(error)
    find.prepare_numba_cache()
    for technique in (*rungs(find.folder(name)), "_mutants"):
        with contextlib.suppress(Exception, SystemExit):
            importlib.import_module(f"{find.package(name)}.{technique}")
    return ""


def _check(folder: Path, path: Path) -> None:
    """Raise PerflabError for what is no operation's folder by its names alone."""
    name, others = path.name, find.additions().operations
    if not path.is_dir():
        raise PerflabError(f"{folder}: no such folder; {WANTED}")
    if not (path / "__init__.py").is_file():
        raise PerflabError(f"{folder}: no __init__.py in it; {WANTED}")
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise PerflabError(f"{folder}: its name is the operation's; wanted letters, digits and underscores")
    if name in (*find.built_in(), *others):
        raise PerflabError(
            f"{folder}: there is an operation {name} already; wanted another name of the folder"
        )
    known = own.folders().get(name, path)
    if known != path and known.is_dir():
        raise PerflabError(f"{folder}: {known} is an operation {name} already; wanted one of this name")
    if not rungs(path):
        raise PerflabError(f"{folder}: no technique in it; wanted naive.py, or another file with forward")


def _digest(folder: Path) -> bytes:
    files = sorted(folder.rglob("*.py"))
    parts = (part for file in files for part in (str(file).encode(), file.read_bytes()))
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


def _forget(name: str) -> None:
    """Drop what is remembered of an operation's code, so that its files are read again."""
    own.remove(name)
    _admitted.pop(name, None)
    for remembered in (
        find.operation, find.prepare_numba_cache, implementations.raw,
        kernels.sizes, kernels.may_compile, kernels.uses_threads, kernels._code_of,
    ):  # fmt: skip
        remembered.cache_clear()
    numba_cache.leave()
