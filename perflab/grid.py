"""Finds what is in `ops/`: the folder is the registry.

An operation is a folder with an `__init__.py` that describes it; a technique is a file in it. A name that
begins with an underscore is no technique. An outside file is loaded as one more column of the grid.
"""

from __future__ import annotations

import ast
import atexit
import difflib
import hashlib
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from perflab.contract import Implementation, Mutant, Native, Operation, PerflabError
from perflab.door import checked
from perflab.machine import cache_folder

OPS = Path(__file__).parent / "ops"
PEERS = Path(__file__).parent / "peers"
ORDER = ("softmax_loss", "fully_connected", "conv2d", "max_pool2d", "mlp")


def operations() -> tuple[str, ...]:
    """The names of the operations: the built-in ones first, then any other folder by name."""
    found = {folder.parent.name for folder in OPS.glob("*/__init__.py")}
    known = [name for name in ORDER if name in found]
    return (*known, *sorted(found - set(known)))


@cache
def operation(name: str) -> Operation:
    """The description of an operation, its ladder completed with every technique file in its folder.

    Raises PerflabError for an unknown name, with the nearest ones.
    """
    if name not in operations():
        raise PerflabError(unknown("operation", name, operations()))
    described: Operation = importlib.import_module(f"perflab.ops.{name}").operation
    return replace(described, ladder=techniques(name, described.ladder))


def techniques(name: str, ladder: Iterable[str] | None = None) -> tuple[str, ...]:
    """The names of an operation's techniques in ladder order."""
    if ladder is None:
        return operation(name).ladder
    found = {path.stem for path in (OPS / name).glob("*.py") if not path.stem.startswith("_")}
    placed = [technique for technique in ladder if technique in found]
    return (*placed, *sorted(found - set(placed)))


def implementation(operation_name: str, technique: str) -> Implementation:
    """A built-in implementation behind the door: bad input is refused by name before a kernel sees it.

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
    prepare_numba_cache()
    try:
        module = importlib.import_module(f"perflab.ops.{operation_name}.{technique}")
    except ImportError as missing:
        raise PerflabError(f"{operation_name}/{technique}: cannot be imported: {missing}") from missing
    pair = _pair(module, operation_name, technique, OPS / operation_name / f"{technique}.py")
    # Only what is built in may be held to a bound of its own: an outside file would choose a wide one.
    return replace(
        pair,
        bound=getattr(module, "bound", None),
        exact_on_integers=getattr(module, "exact_on_integers", True),
        workspace_bytes=getattr(module, "workspace_bytes", None),
    )


def peers(operation_name: str) -> tuple[str, ...]:
    """The projects that have this operation: the folders of `peers/` that hold a file for it."""
    return tuple(sorted(path.parent.name for path in PEERS.glob(f"*/{operation_name}.py")))


def columns_of_peers(operation_name: str, projects: Iterable[str]) -> tuple[str, ...]:
    """The columns of these projects for an operation: a project, and its layouts (`torch_channels_last`).

    Raises PerflabError for an unknown project, or one that is not installed.
    """
    known = sorted({home(path.name) for path in PEERS.glob("*") if home(path.name)})
    found: list[str] = []
    for project in projects:
        if project not in known:
            raise PerflabError(unknown("peer", project, known))
        if importlib.util.find_spec(project) is None:
            raise PerflabError(f"{project}: not installed; wanted: pip install 'perflab[{project}]'")
        found += [name for name in peers(operation_name) if home(name) == project]
    return tuple(dict.fromkeys(found))


def peer(operation_name: str, project: str) -> Implementation:
    """Another project's version of an operation, as an implementation from NumPy to NumPy.

    Its `native` pair is what is timed. Raises PerflabError where the project is not installed.
    """
    prepare_numba_cache()
    try:
        module = importlib.import_module(f"perflab.peers.{project}.{operation_name}")
    except ImportError as missing:
        base = project.partition("_")[0]
        wanted = f"pip install 'perflab[{base}]'"
        raise PerflabError(f"{project}: not installed ({missing}); wanted: {wanted}") from None
    native = Native(module.forward, module.backward, module.to_native, module.to_numpy)

    def forward(*args: Any) -> tuple[Any, Any]:
        out, cache = native.forward(*map(native.to_native, args))
        return np_copy(native.to_numpy(out)), cache

    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        grads = native.backward(native.to_native(dout), cache)
        return tuple(np_copy(native.to_numpy(gradient)) for gradient in grads)

    path = PEERS / project / f"{operation_name}.py"
    return Implementation(
        operation_name, project, forward, backward, str(path), _first_line(path.read_text("utf-8")), native
    )


def np_copy(value: Any) -> Any:
    """An array of one's own: a peer's view of its tensor must not outlive the tensor's next use."""
    return value.copy() if hasattr(value, "copy") else value


def home(technique: str) -> str:
    """In whose process a column is measured: a peer's project, or "" for perflab's own."""
    return technique.partition("_")[0] if (PEERS / technique).is_dir() else ""


def summary(operation_name: str, technique: str) -> str:
    """The first line of a technique file's docstring, read without importing it."""
    folder = OPS / operation_name / f"{technique}.py"
    path = folder if folder.is_file() else PEERS / technique / f"{operation_name}.py"
    return _first_line(path.read_text("utf-8"))


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
    file = Path(path)
    if not file.is_file():
        raise PerflabError(f"{file}: no such file; wanted a Python file with forward and backward")
    name = technique or file.stem
    prepare_numba_cache()
    if (file.parent / "__init__.py").is_file():
        return _pair(_in_package(file), operation_name, name, file)
    digest = hashlib.blake2b(str(file.resolve()).encode(), digest_size=6).hexdigest()
    spec = importlib.util.spec_from_file_location(f"perflab_outside_{digest}", file)
    if spec is None or spec.loader is None:
        raise PerflabError(f"{file}: not a Python file; wanted one with forward and backward")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise PerflabError(f"{file}: cannot be imported: {type(error).__name__}: {error}") from error
    return _pair(module, operation_name, name, file)


def column(operation_name: str, technique: str, file: str | None) -> Implementation:
    """A plan's column, as it is verified and timed: from its outside file where it has one, else by name."""
    if file is not None:
        return load_raw(file, operation_name, technique)
    return raw(operation_name, technique)


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
        raise PerflabError(f"{file}: cannot be imported: {type(error).__name__}: {error}") from error


def mutants(operation_name: str) -> tuple[Mutant, ...]:
    """The known mistakes of an operation, which the oracle must catch."""
    found: tuple[Mutant, ...] = importlib.import_module(f"perflab.ops.{operation_name}._mutants").mutants
    return found


def targets(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`OP` and `OP/TECHNIQUE` words as operation -> techniques, all of them where none is named.

    Raises PerflabError for an unknown one, with the nearest names.
    """
    chosen: dict[str, set[str]] = {}
    for name in names or operations():
        op, _, technique = name.partition("/")
        ladder = operation(op).ladder
        if technique and technique not in ladder:
            raise PerflabError(unknown("technique", name, ladder, technique))
        chosen.setdefault(op, set()).update([technique] if technique else ladder)
    return {
        op: tuple(t for t in operation(op).ladder if t in chosen[op]) for op in operations() if op in chosen
    }


def unknown(kind: str, name: str, known: Iterable[str], asked: str | None = None) -> str:
    """One line that names what is unknown and what is nearest to it."""
    known = list(known)
    near = difflib.get_close_matches(asked or name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{name}: unknown {kind}; {hint}there are {', '.join(known)}"


@lru_cache(maxsize=1)
def prepare_numba_cache() -> str:
    """Point Numba at a cache folder that can be written and is never stale; the folder's path.

    Numba's own key does not see a changed option or another file's change, so the folder is named by the
    content of everything in `ops/`. An explicit NUMBA_CACHE_DIR stays as it is. Without a writable home,
    a folder of this process's own under the system's temporary folder serves.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return os.environ["NUMBA_CACHE_DIR"]
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(OPS.rglob("*.py")):
        digest.update(file.read_bytes())
    folder = cache_folder() / f"numba-{digest.hexdigest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="perflab-numba-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:  # already configured: tell it
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    return str(folder)


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
        summary=(module.__doc__ or "").strip().split("\n")[0],
    )


def _first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]
