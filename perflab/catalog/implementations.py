"""Gives implementations: the two functions of a technique, of a peer, or of a file from outside."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import sys
from copy import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from perflab.catalog import find, kernels
from perflab.catalog.door import checked
from perflab.catalog.installed import PAIR
from perflab.contract import Implementation, Lacking, Native, PerflabError, no_gradients
from perflab.errors import first_line, no_function, unknown
from perflab.machine import inductor_cache, lacking, numba_cache
from perflab.machine.system import version_of

OLDEST_NUMBA = "0.61"  # as in pyproject.toml
AnyPath = str | os.PathLike[str]
# What a technique's file may define further.
SAID = ("bound", "exact_on_integers", "workspace_bytes", "predicted")


def implementation(operation_name: str, technique: str) -> Implementation:
    """An implementation by name, with checked arguments: bad input is refused before a kernel reads it.

    Raises PerflabError for an unknown operation or technique, with the nearest names.
    """
    return checked(find.operation(operation_name), raw(operation_name, technique))


@cache
def raw(operation_name: str, technique: str) -> Implementation:
    """The two functions as the file defines them, without checked arguments: what is verified and timed."""
    known = find.techniques(operation_name)
    if technique not in known and technique in find.peers(operation_name):
        return _peer(operation_name, technique)
    if technique not in known:
        raise PerflabError(unknown("technique", f"{operation_name}/{technique}", known, technique))
    if file := find.outsiders(operation_name).get(technique):
        return load_raw(file, operation_name, technique)
    find.prepare_numba_cache()
    if technique != "naive" and kernels.may_compile(operation_name, technique):
        with contextlib.suppress(ImportError, AttributeError):  # the rung's own import says why
            lacking.check_compiler(f"{operation_name}/{technique}")
    module = _import(f"{find.package(operation_name)}.{technique}", f"{operation_name}/{technique}")
    pair = pair_of(module, operation_name, technique, find.source_file(operation_name, technique))
    # Only files in the operation's folder may give a bound: an outside file would choose a wide one.
    return replace(pair, **{name: getattr(module, name) for name in SAID if hasattr(module, name)})


def load(path: AnyPath, operation: str, technique: str | None = None) -> Implementation:
    """An implementation from an outside file that defines `forward` and `backward`, with checked arguments.

    `technique` names its column; the file's stem by default. Raises PerflabError where the file is
    missing, does not import, or lacks one of the two functions.
    """
    described = find.operation(operation)
    return checked(described, load_raw(path, described.name, technique))


def load_raw(path: AnyPath, operation_name: str, technique: str | None = None) -> Implementation:
    """As `load`, without checked arguments."""
    from perflab.catalog import outside

    find.prepare_numba_cache()
    try:
        return outside.column(path, operation_name, technique)
    finally:
        numba_cache.seal()


def column(operation_name: str, technique: str, file: str | None) -> Implementation:
    """A plan's column, as it is verified and timed: from its outside file where it has one, else by name."""
    if file is None:
        return raw(operation_name, technique)
    if "@" in technique:  # of another commit, with the files beside it
        find.prepare_numba_cache()
        return pair_of(_import_elsewhere(Path(file)), operation_name, technique, Path(file))
    return load_raw(file, operation_name, technique)


def elsewhere(operation_name: str, technique: str, file: str) -> Implementation:
    """A technique of a file that runs in a process of its own: here its functions cannot be called."""

    def here(*_: Any) -> Any:
        raise AssertionError("outside code runs in a process of its own")

    return Implementation(operation_name, technique, here, here, file)


def _peer(operation_name: str, project: str) -> Implementation:
    """Another project's version of an operation, as an implementation from NumPy to NumPy.

    Its `native` pair is what is timed. Raises PerflabError where the project is not installed.
    """
    find.prepare_numba_cache()
    if entry := find.additions().peers.get(operation_name, {}).get(project):
        native, summary = _native(_import(entry.module, entry.label)), ""
    elif project in find.compilers():
        from perflab.catalog import compilers

        native, summary = compilers.native(operation_name, project)
    else:
        if line := find.lacking_peer(find.home(project)):
            raise Lacking(line)
        if project in find.APART:
            inductor_cache.prepare()
        native = _native(_import(f"perflab.peers.{project}.{operation_name}", project))
        summary = ""

    # Copies: a peer's view of its tensor must not be used after the tensor has changed.
    def forward(*args: Any) -> tuple[Any, Any]:
        out, cache = native.forward(*map(native.to_native, args))
        return copy(native.to_numpy(out)), cache

    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        grads = native.backward(native.to_native(dout), cache)
        return tuple(copy(native.to_numpy(gradient)) for gradient in grads)

    source = str(find.source_file(operation_name, project))
    summary = summary or find.summary(operation_name, project)
    return Implementation(operation_name, project, forward, backward, source, summary, native)


def _native(module: Any) -> Native:
    compilations = getattr(module, "compilations", None)
    return Native(module.forward, module.backward, module.to_native, module.to_numpy, compilations)


def pair_of(module: Any, operation_name: str, technique: str, file: Path) -> Implementation:
    """The `forward` and `backward` of a module. Raises PerflabError where one is missing."""
    if missing := missing_of(module, operation_name):
        raise PerflabError(
            f"{file}: {no_function(missing)}; wanted {' and '.join(wanted_of(operation_name))}"
        )
    summary = first_line(module.__doc__ or "", "")
    backward = module.backward if "backward" in wanted_of(operation_name) else no_gradients
    return Implementation(operation_name, technique, module.forward, backward, str(file), summary)


def wanted_of(operation_name: str | None) -> tuple[str, ...]:
    """The functions that a file of an operation has: where that is forward only, no `backward`."""
    return PAIR[:1] if operation_name and find.operation(operation_name).forward_only else PAIR


def missing_of(module: ModuleType, operation_name: str | None) -> list[str]:
    """Those of the wanted functions that a module lacks."""
    return [name for name in wanted_of(operation_name) if not callable(getattr(module, name, None))]


def _import(module: str, label: str | Path) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        of_numba = f"found Numba {version_of('numba')}, wanted {OLDEST_NUMBA} or newer"
        why = lacking.told(error)
        why = f"{why}; {of_numba}" if module.startswith("perflab.ops.") else why
        raise Lacking(f"{label}: cannot be imported: {why}") from error
    finally:
        numba_cache.seal()


def _import_elsewhere(file: Path) -> ModuleType:
    """Import a file of an operation's folder elsewhere, with its siblings, under a package of its own."""
    folder = file.resolve().parent
    name = "perflab_elsewhere_" + hashlib.blake2b(str(folder.parent).encode(), digest_size=6).hexdigest()
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder.parent)]
        sys.modules[name] = package
    return _import(f"{name}.{folder.name}.{file.stem}", file)
