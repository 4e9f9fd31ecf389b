"""Numba's cache: one folder for each content of the operations, and a seal on each of its files.

Numba loads what it finds: a file that was cut short raises while a kernel is called, and one that was changed
is executed. So each file ends with a digest of its bytes, its place and the operations' code. A file without
the right one is not read: the kernel is compiled again, and `thrown_away` has the file's name.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from perflab.contract import Lacking
from perflab.machine.saved import cache_folder, writable_folder

OPS = Path(__file__).parents[1] / "ops"
VARIABLE = "NUMBA_CACHE_DIR"
SEAL_BYTES = 16
thrown_away: list[str] = []  # files of the cache that this process found damaged or stale


def prepare(operations: Iterable[Path] = (OPS,)) -> str:
    """Point Numba at a cache folder that can be written and is never stale; the folder's path.

    Numba's own key ignores a changed option or another file's change, so the folder is named by the
    content of all files of `operations`, folders of Python files. An explicit NUMBA_CACHE_DIR is not changed:
    there the seals tell what is stale. Without a writable home, a temporary folder of this process is used.
    """
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    folder = str(writable_folder(cache_folder() / f"numba-{_content(operations).hex()}"))
    os.environ[VARIABLE] = folder
    if "numba" in sys.modules:  # it has read the variable already
        sys.modules["numba"].config.CACHE_DIR = folder
    return folder


def leave() -> None:
    """Forget the folder that `prepare` chose, since the operations' content has changed."""
    if Path(os.environ.get(VARIABLE, "")).parent == cache_folder():
        del os.environ[VARIABLE]


def seal() -> None:
    """Have Numba seal the files of its cache and read none that is not, where Numba is loaded.

    And let it name a file by its signature, under a lock: Numba counts, so that of two processes which save
    two signatures of one function at once, one was given the other's code. Before the first call of a kernel.
    Without effect on a Numba whose cache has other parts.
    """
    caching: Any = sys.modules.get("numba.core.caching")
    parts = {"_load_index", "_load_data", "_open_for_write", "_data_path"}
    parts |= {"save", "_data_name", "_save_index", "_save_data"}
    files = getattr(caching, "IndexDataCacheFile", None)
    if files is None or hasattr(files, "sealed") or not parts <= {*dir(files)}:
        return
    load_index, load_data, opened = files._load_index, files._load_data, files._open_for_write
    save = caching.Cache.save_overload

    @contextlib.contextmanager
    def open_for_write(self: Any, path: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with opened(self, path) as file:
            file.write(content.getvalue() + _seal(Path(path), content.getvalue()))

    def checked_index(self: Any) -> Any:
        return load_index(self) if _whole(Path(self._index_path)) else {}

    def checked_data(self: Any, name: str) -> Any:
        if _whole(path := Path(self._data_path(name))):
            return load_data(self, name)
        raise FileNotFoundError(path)  # then Numba compiles

    def save_one(self: Any, key: Any, data: Any) -> None:
        number = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
        name = self._data_name(int.from_bytes(number, "big"))
        with FileLock(f"{self._index_path}.lock"):
            self._save_data(name, data)
            self._save_index(self._load_index() | {key: name})

    def save_overload(self: Any, *args: Any) -> None:
        try:
            save(self, *args)
        except OSError as error:
            raise Lacking(unwritable(self.cache_path, error.strerror or str(error))) from error

    files._load_index, files._load_data, files._open_for_write = checked_index, checked_data, open_for_write
    files.save = save_one
    caching.Cache.save_overload, files.sealed = save_overload, True


def unwritable(folder: str, why: str) -> str:
    """What to say of a cache folder that cannot be written."""
    named = f"{VARIABLE}={os.environ[VARIABLE]}" if VARIABLE in os.environ else folder
    return f"{named}: compiled code cannot be saved there: {why}"


def _whole(path: Path) -> bool:
    """Whether a file is missing or has its seal; else it is noted as thrown away."""
    try:
        content = path.read_bytes()
    except OSError:
        return True  # for Numba to find
    body, seal = content[:-SEAL_BYTES], content[-SEAL_BYTES:]
    if seal == _seal(path, body):
        return True
    if str(path) not in thrown_away:
        thrown_away.append(str(path))
    with contextlib.suppress(OSError):
        path.unlink()
    return False


def _seal(path: Path, content: bytes) -> bytes:
    place = f"{path.parent.name}/{path.name}".encode()
    return hashlib.blake2b(content + place, key=_code(), digest_size=SEAL_BYTES).digest()


@cache
def _code() -> bytes:
    return _content((OPS,))


def _content(operations: Iterable[Path]) -> bytes:
    """A digest of all files of these folders."""
    digest = hashlib.blake2b(b"sealed", digest_size=8)
    for root in operations:
        for file in sorted(root.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.digest()


@contextlib.contextmanager
def remarks() -> Iterator[list[str]]:
    """A list that is filled at the end: a sentence if files were thrown away meanwhile."""
    before, said = len(thrown_away), list[str]()
    yield said
    if files := thrown_away[before:]:
        one = len(files) == 1
        count = "a damaged or stale file" if one else f"{len(files)} damaged or stale files"
        folder = Path(files[0]).parent
        said.append(
            f"{count} of Numba's cache {'was' if one else 'were'} thrown away and compiled again ({folder})"
        )
