"""Compiled extension modules in perflab's cache: built once for each content, checked before each load.

A module is named by a digest of what it is made of. Beside it lies a note: a digest of its bytes and the
seconds that it took, or the line with which the compiler refused the source. A module that is not as its note
says, or whose note cannot be read, is thrown away and built again. A lock keeps two processes from building
one at the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

from filelock import FileLock

from perflab.machine import scratch
from perflab.machine.saved import cache_folder, writable_folder
from perflab.machine.system import cpu_name, version_of

MODULE = "naive"  # the name inside of each module, which its compiler takes from the source's file
Build = Callable[[Path], Path]  # in an empty folder that it is given: the module's file


class Refused(Exception):
    """A compiler does not take a source; the message is the compiler's own line."""


@dataclass(frozen=True)
class Note:
    """What lies beside a module: a digest of its bytes and its seconds, or why there is none."""

    digest: str = ""
    compile_s: float = 0.0
    refused: str = ""


@dataclass
class Built:
    """The modules that this process built and their seconds, and those that loaded ones once took."""

    count: int = 0
    seconds: float = 0.0
    loaded_s: float = 0.0


so_far = Built()


def load(name: str, contents: Sequence[str], build: Build) -> ModuleType:
    """The module that `build` makes of these contents: the texts, versions and options that decide it.

    Raises Refused where the compiler refuses the source, now or when it was asked for the first time; and
    what `build` raises, which is not remembered.
    """
    folder = writable_folder(cache_folder() / "extensions")
    stem = f"{name}-{_digest_of(*contents, *_platform())}"
    file, noted = folder / (stem + EXTENSION_SUFFIXES[0]), folder / f"{stem}.json"
    with FileLock(folder / f"{stem}.lock"):
        note = _note_of(noted)
        if note is None or not (note.refused or _is_whole(file, note)):
            note = _build(build, file)
            _write(noted, json.dumps(asdict(note)).encode())
            so_far.count += 1
            so_far.seconds += note.compile_s
        else:
            so_far.loaded_s += note.compile_s
    if note.refused:
        raise Refused(note.refused)
    return _imported(file)


def _build(build: Build, file: Path) -> Note:
    """Build a module and put it into its place; its note."""
    began = time.perf_counter()
    with scratch.folder("build") as folder:
        try:
            content = build(folder).read_bytes()
        except Refused as why:
            return Note(compile_s=time.perf_counter() - began, refused=str(why))
    seconds = time.perf_counter() - began
    _write(file, content)
    return Note(_digest(content), seconds)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; the library that a process has loaded from there stays as it is."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _note_of(path: Path) -> Note | None:
    """A saved note; None where there is none, or none that can be read."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        note = Note(**json.loads(path.read_bytes()))
        return Note(str(note.digest), float(note.compile_s), str(note.refused))
    return None


def _is_whole(file: Path, note: Note) -> bool:
    with contextlib.suppress(OSError):
        return _digest(file.read_bytes()) == note.digest
    return False


def _imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(MODULE, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _platform() -> tuple[str, ...]:
    """What a module depends on beside its source: Python, NumPy, the processor that it is compiled for."""
    python = sys.implementation.cache_tag or sys.version
    return python, version_of("numpy"), platform.machine(), cpu_name()


def _digest_of(*texts: str) -> str:
    return _digest("\0".join(texts).encode())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()
