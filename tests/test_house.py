"""The rules of the house: who may import whom, what a technique file holds, who prints."""

import ast
import re

import pytest
from conftest import ROOT

from perflab import grid

PACKAGE = ROOT / "perflab"
NOUNS = {"contract"}
MAY = {
    "__init__": {"cli", "contract", "grid", "results", "run"},
    "__main__": {"cli"},
    "contract": set(),
    "statistics": set(),
    "machine": set(),
    "circuit": NOUNS,
    "quotients": {"circuit", "contract"},
    "worked": {"circuit", "contract", "quotients"},
    "door": NOUNS,
    "inputs": NOUNS,
    "installed": set(),
    "outside": {"contract"},
    "grid": {"contract", "door", "installed", "machine", "outside"},
    "own": {"contract", "diagnosis", "grid", "machine", "observation", "oracle", "outside"},
    "diagnosis": {"contract", "grid", "inputs", "oracle"},
    "apart": {"contract", "machine"},
    "line_profile": {"contract", "inputs"},
    "outside_evidence": {"apart", "contract", "evidence", "grid", "line_profile", "plan"},
    "candidates": {"contract", "plan", "records", "report", "sources", "statistics"},
    "board": {"candidates", "contract", "grid", "machine", "records", "report", "statistics"},
    "ceilings": {"contract", "grid", "machine", "ops"},
    "assembly": set(),
    "sources": {"contract", "grid", "plan"},
    "evidence": {"assembly", "line_profile", "contract", "grid", "inputs", "machine", "plan", "sources"},
    "listing": {"assembly", "contract", "evidence", "grid", "machine"},
    "memory": {"contract", "evidence", "grid", "inputs", "records"},
    "reasons": set(),
    "observation": {"contract", "inputs"},
    "oracle": {"contract", "inputs", "grid", "observation"},
    "network": NOUNS,
    "blueprint": {"contract", "grid", "network"},
    "trained": {"network"},
    "training": {"blueprint", "contract", "grid", "inputs", "machine", "network", "oracle", "trained"},
    "plan": {"contract", "grid", "inputs"},
    "against": {"contract"},
    "sampling": {"contract", "records", "statistics"},
    "selfcheck": {"contract", "machine", "plan", "records", "runner", "statistics"},
    "compilation": {"contract", "grid", "inputs", "machine", "plan"},
    "measure": {"compilation", "contract", "inputs", "oracle", "plan"},
    "records": {"contract", "plan"},
    "plugin": {"compilation", "contract", "machine", "records", "plan", "grid", "measure", "own"},
    "runner": {
        "compilation",
        "contract",
        "evidence",
        "grid",
        "memory",
        "outside_evidence",
        "plan",
        "records",
        "plugin",
        "machine",
        "sampling",
        "sources",
    },
    "progress": set(),
    "request": {
        "against",
        "ceilings",
        "compilation",
        "contract",
        "grid",
        "machine",
        "own",
        "plan",
        "progress",
        "records",
        "report",
        "runner",
        "selfcheck",
    },
    "run": {"compilation", "contract", "grid", "oracle", "own", "request"},
    "results": {"contract", "grid", "machine", "records", "report", "request"},
    "report": {
        "ceilings",
        "reasons",
        "contract",
        "records",
        "statistics",
        "machine",
        "plan",
        "sources",
        "worked",
        "report",
        "__init__",
    },
}
TECHNIQUES = sorted(p for p in PACKAGE.glob("ops/*/*.py") if not p.stem.startswith("_"))


def imported(path):
    """Every module that a file imports, whole names; names taken from the package itself as its modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield from ("." + (node.module or alias.name) for alias in node.names)
            elif node.module == "perflab":
                yield from (f"perflab.{alias.name}" for alias in node.names)
            else:
                yield node.module


def within(path):
    """The perflab modules that a file imports, by their first name; dunder names count as the package."""
    for name in imported(path):
        if name == "perflab" or name.startswith("perflab."):
            first = [*name.split("."), "__init__"][1]
            yield "__init__" if first.startswith("__") else first


PACKAGES = ("cli", "diagnosis", "outside", "own", "report", "run")
MODULES = [*PACKAGE.glob("*.py"), *(p for name in PACKAGES for p in PACKAGE.glob(f"{name}/**/*.py"))]


@pytest.mark.parametrize("path", sorted(MODULES), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    name = path.stem if path.parent == PACKAGE else path.relative_to(PACKAGE).parts[0]
    if name == "cli":
        return
    assert set(within(path)) <= MAY[name] | {name}, f"{name} imports what it may not"


def test_nothing_imports_the_command_line():
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE).parts
        if inside[0] not in ("cli", "__main__.py", "__init__.py"):
            assert "cli" not in set(within(path)), path


def test_a_file_of_the_command_line_is_short():
    for path in PACKAGE.glob("cli/**/*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 250, path


@pytest.mark.parametrize("path", TECHNIQUES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_technique_holds_mathematics_and_nothing_of_perflab(path):
    for name in imported(path):
        assert name.split(".")[0] in ("numpy", "numba", "math", "functools", ""), f"{path} imports {name}"
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), "its first line says what differs from the rung below"
    assert len(path.read_text("utf-8").splitlines()) <= 100


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.glob("peers/*/*.py")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_a_peer_holds_its_library_and_nothing_of_perflab(path):
    project = path.parent.name.partition("_")[0]
    for name in imported(path):
        assert name.split(".")[0] in ("numpy", "math", "functools", "", project), f"{path} imports {name}"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("ops/*/__init__.py")), ids=lambda p: p.parent.name)
def test_an_operation_imports_the_contract_alone(path):
    assert set(within(path)) == NOUNS


def test_naive_uses_no_arithmetic_of_numpy():
    allowed = {"empty", "zeros", "int64"}
    for path in PACKAGE.glob("ops/*/naive.py"):
        used = set(re.findall(r"\bnp\.(\w+)", path.read_text("utf-8")))
        assert used <= allowed, f"{path}: {used - allowed}"


def test_only_the_command_line_prints():
    for path in PACKAGE.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        prints = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert not prints or PACKAGE / "cli" in path.parents, path


def test_every_operation_folder_is_whole():
    for op in grid.operations():
        files = {path.name for path in (PACKAGE / "ops" / op).iterdir()}
        assert {"__init__.py", "derivation.md", "_mutants.py"} <= files
        assert {"naive.py", "per_neuron.py", "vectorized.py", "jit.py"} <= files


def test_a_new_technique_is_one_file(monkeypatch, tmp_path):
    import shutil

    shutil.copytree(PACKAGE / "ops", tmp_path / "ops")
    (tmp_path / "ops" / "conv2d" / "zzz.py").write_text('"""New."""\n')
    monkeypatch.setattr(grid, "OPS", tmp_path / "ops")
    assert grid.techniques("conv2d", ("naive", "jit"))[-1] == "zzz"
    assert grid.techniques("conv2d", ("naive", "jit"))[:2] == ("naive", "jit")
    assert grid.summary("conv2d", "zzz") == "New."


def test_architecture_names_every_module():
    told = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for path in PACKAGE.glob("*.py"):
        if not path.stem.startswith("__"):
            assert f"`{path.name}`" in told, path.name


def test_the_numba_cache_follows_the_content_of_the_operations(monkeypatch, tmp_path):
    import shutil

    shutil.copytree(PACKAGE / "ops", tmp_path / "ops")
    monkeypatch.setattr(grid, "OPS", tmp_path / "ops")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folders = []
    for extra in ("", "# a change\n"):
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        file = tmp_path / "ops" / "conv2d" / "jit.py"
        file.write_text(file.read_text() + extra)
        grid.prepare_numba_cache.cache_clear()
        folders.append(grid.prepare_numba_cache())
    grid.prepare_numba_cache.cache_clear()
    assert folders[0] != folders[1]
    assert all(folder.startswith(str(tmp_path / "cache")) for folder in folders)
