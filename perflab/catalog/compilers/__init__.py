"""The scalar loops of `naive.py`, unchanged, through other compilers than Numba: a column for each of them.

A file here is a compiler, and its name the column's. It defines

PACKAGE, TITLE   the package that is to be installed (and perflab's extra of that name), and its name in prose
LANGUAGE         what it writes: "C" or "C++", for which the system's compiler is wanted
SUMMARY          what the column is, in one honest line
EFFORT           about how many times as long as Numba it takes for the same text
TYPED            whether it compiles for the types of arguments, so that each dtype has a module of its own
prepare(folder, signatures) -> words of Python's command line that build a module of `naive.py` in the folder

A module is built at its first call for a dtype, in a process of its own, and kept in perflab's cache.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from perflab.catalog import find
from perflab.catalog.compilers._signatures import signatures
from perflab.contract import Lacking, Native
from perflab.machine import extensions, lacking, process
from perflab.machine.system import version_of

LIMIT_S = 900.0
# For this processor, as Numba compiles. What C's compilers do of themselves and Numba does not is left to
# them: they contract a product and a sum into one operation.
FLAGS = "-O3 -march=native"
SOURCE = f"{extensions.MODULE}.py"
MOST = 240  # characters of a compiler's line: templates make them long
COMPLAINT = re.compile(rf"({re.escape(SOURCE)}:\d+:\d+:? .+)|\berror: +(.+)", re.IGNORECASE)
# What is no word on the source, and is not remembered: a header that is missing, a disk that is full.
BROKE = (
    "fatal error",
    "ld returned",
    "internal compiler error",
    "No space left",
    "Killed",
    "allocate memory",
)


def native(operation_name: str, name: str) -> tuple[Native, str]:
    """The naive loops of an operation through a compiler, and what the column is.

    Raises Lacking where the compiler is missing.
    """
    compiler = importlib.import_module(f"{__name__}.{name}")
    if missing := missing_of(name):
        raise Lacking(missing)
    kinds = [argument.kind for argument in find.operation(operation_name).arguments.values()]
    first = kinds.index("array") if "array" in kinds else 0
    modules: dict[Any, ModuleType] = {}

    def module(dtype: Any) -> ModuleType:
        if dtype not in modules:
            modules[dtype] = _module(operation_name, name, compiler, str(dtype))
        return modules[dtype]

    def forward(*args: Any) -> Any:
        return module(args[first].dtype).forward(*args)

    def backward(dout: Any, cache: Any) -> Any:
        return module(dout.dtype).backward(dout, cache)

    pair = Native(forward, backward, to_native, lambda value: value, lambda: extensions.so_far.count)
    return pair, compiler.SUMMARY


def to_native(value: Any) -> Any:
    """An array in C's order, and two ints for one: what the signatures say."""
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value) if value.ndim else value
    return (value, value) if type(value) is int else value


def missing_of(name: str) -> str:
    """What a compiler lacks here, in one line; "" if it has all it wants."""
    compiler = importlib.import_module(f"{__name__}.{name}")
    for package, title in ((compiler.PACKAGE, compiler.TITLE), ("setuptools", "setuptools")):
        if importlib.util.find_spec(package) is None:
            return f"{name}: {title} is not installed; wanted: pip install 'perflab[{compiler.PACKAGE}]'"
    return f"{name}: {without}" if (without := lacking.system_compiler(compiler.LANGUAGE)) else ""


def work(operation_name: str, name: str, dtype: str) -> dict[tuple[Path, str], int]:
    """What there is to compile for a dtype, in bytes of code for which Numba would take as long."""
    compiler = importlib.import_module(f"{__name__}.{name}")
    file = find.source_file(operation_name, name)
    code = file.with_suffix(f".{name}"), dtype if compiler.TYPED else ""
    return {code: int(compiler.EFFORT * file.stat().st_size)}


def _module(operation_name: str, name: str, compiler: Any, dtype: str) -> ModuleType:
    """The module of a dtype, built where the cache has none. Raises Lacking where it is refused."""
    text = find.source_file(operation_name, name).read_text("utf-8")
    title = f"{compiler.TITLE} {version_of(compiler.PACKAGE)}"
    try:
        types = signatures(operation_name, dtype) if compiler.TYPED else ""
        contents = (title, _system_version(compiler.LANGUAGE), FLAGS, text, types)
        stem = f"{operation_name}-{name}" + (f"-{dtype}" if compiler.TYPED else "")

        def build(folder: Path) -> Path:
            (folder / SOURCE).write_text(text, "utf-8")
            return _built(folder, compiler.prepare(folder, types), title)

        return extensions.load(stem, contents, build)
    except extensions.Refused as why:
        raise Lacking(f"refused by {title}: {why}") from None


def _built(folder: Path, words: list[str], title: str) -> Path:
    """Run a compiler; the module that it leaves. Raises Refused, or Lacking where it broke off."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    variables = {"CFLAGS": FLAGS, "CXXFLAGS": FLAGS, "TMPDIR": str(folder)}  # so that nothing of it is left
    with process.spawn(words, 1, variables, cwd=folder, text=True, errors="replace", **streams) as child:
        try:
            said, _ = child.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            raise Lacking(f"{title} was not ready after {LIMIT_S:.0f} s") from None
        finally:
            child.kill()
    made = [file for file in folder.iterdir() if file.name.endswith(tuple(EXTENSION_SUFFIXES))]
    if child.returncode == 0 and made:
        return made[0]
    broke = next((line for line in said.splitlines() if any(word in line for word in BROKE)), "")
    if child.returncode < 0 or broke:
        raise Lacking(f"{title} broke off: {broke.strip() or f'signal {-child.returncode}'}")
    raise extensions.Refused(complaint(said))


def complaint(said: str) -> str:
    r"""The compiler's own line of what it refuses, without the place in a file that it has written itself.

    >>> complaint("x.hpp: In function f\nnaive.cpp:3:5: error: no match for 'f'\nmore")
    "no match for 'f'"
    >>> complaint("-----\nnaive.py:3:4: undeclared name: foo")
    'naive.py:3:4: undeclared name: foo'
    """
    found = next(filter(None, map(COMPLAINT.search, said.splitlines())), None)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    line = next(filter(None, found.groups())) if found else lines[-1] if lines else "it gave no reason"
    return line if len(line) <= MOST else line[: MOST - 1] + "…"


@cache
def _system_version(language: str) -> str:
    """What the system's compiler says of its version; "" where it says nothing."""
    words = [*lacking.compiler_words(language), "--version"]
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
