"""The rules of the house: which street may import which, what a technique file holds, where it prints."""

import ast
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, user_environment

from perflab import catalog
from perflab.catalog import find
from perflab.machine import numba_cache

PACKAGE = ROOT / "perflab"
GROUND = {"contract", "errors", "statistics", "units"}
UP_TO_CATALOG = GROUND | {"records", "machine", "catalog"}
MAY_IMPORT = {
    "contract": set(),
    "errors": {"contract"},
    "statistics": {"units"},
    "units": set(),
    "records": GROUND,
    "machine": GROUND | {"records", "ops"},
    "catalog": GROUND | {"records", "machine"},
    "oracle": UP_TO_CATALOG,
    "evidence": UP_TO_CATALOG | {"oracle"},
    "run": UP_TO_CATALOG | {"oracle", "evidence"},
    "report": GROUND | {"records"},
    "learn": UP_TO_CATALOG | {"oracle", "report"},
    "results": UP_TO_CATALOG | {"run", "report"},
    "cli": UP_TO_CATALOG | {"oracle", "evidence", "run", "report", "learn", "results"},
    "__main__": {"cli"},
    "__init__": {"catalog", "cli", "contract", "oracle", "results", "run"},
}
CALLED = PACKAGE / "run" / "__init__.py"  # `perflab.run(...)` is `perflab.results.run`
MOST_LINES, MOST_LINES_OF_THE_COMMAND_LINE = 400, 250
NO_MODULES = ("ops", "peers", "data")  # files of the product, and files that are data
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.relative_to(PACKAGE).parts[0] not in NO_MODULES)
TECHNIQUES = sorted(p for p in PACKAGE.glob("ops/*/*.py") if not p.stem.startswith("_"))


def street(path):
    """The folder of `perflab/` that a file is in, or the module that it is."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


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


def streets(path):
    """The streets that a file imports; `perflab` itself and its dunder names are left out."""
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "perflab" and len(parts) > 1 and not parts[1].startswith("__"):
            yield parts[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    name = street(path)
    further = {"results"} if path == CALLED else set()
    assert set(streets(path)) <= MAY_IMPORT[name] | {name} | further, f"{name} imports what it may not"


def test_the_report_loads_nothing_that_measures_looks_up_or_draws():
    code = "import sys, perflab.report.summary; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = set(subprocess.check_output(command, env=user_environment(), text=True).split())
    ours = {name.split(".")[1] for name in loaded if name.startswith("perflab.")}
    assert ours <= GROUND | {"records", "report"}
    assert not loaded & {"matplotlib", "numba"}


def test_a_stranger_finds_few_modules_beside_the_streets():
    modules = [path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]
    assert len(modules) <= 6, modules


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_long(path):
    most = MOST_LINES_OF_THE_COMMAND_LINE if street(path) == "cli" else MOST_LINES
    assert len(path.read_text("utf-8").splitlines()) <= most


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=lambda p: str(p.name))
def test_a_folder_says_in_one_sentence_what_it_is_given_and_gives(folder):
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith(".")


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
    assert set(streets(path)) == {"contract"}


def test_naive_uses_no_arithmetic_of_numpy():
    allowed = {"empty", "zeros", "int64"}
    for path in PACKAGE.glob("ops/*/naive.py"):
        used = set(re.findall(r"\bnp\.(\w+)", path.read_text("utf-8")))
        assert used <= allowed, f"{path}: {used - allowed}"


def test_only_the_command_line_prints():
    for path in MODULES:
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        prints = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert not prints or street(path) == "cli", path


def test_one_module_starts_our_own_python():
    """Every other one asks `machine/process.py`."""
    starts = [path for path in MODULES if "sys.executable" in path.read_text("utf-8")]
    assert [str(path.relative_to(PACKAGE)) for path in starts] == ["machine/process.py"]


UNIX_MODULES = {"fcntl", "grp", "posix", "pwd", "resource", "select", "selectors", "termios", "tty"}
UNIX_CALLS = re.compile(
    r"\bos\.(sched_|getloadavg|sysconf|fork|kill|setsid|getuid|geteuid|wait|uname|nice|pipe|ctermid)"
    r"|\bsignal\.|\bpass_fds\b|\bpreexec_fn\b|\bstart_new_session\b|\bSIGKILL\b"
)


def test_what_only_unix_has_is_behind_one_door():
    door = PACKAGE / "machine" / "portable.py"
    for path in set(MODULES) - {door}:
        assert not UNIX_MODULES & set(imported(path)), path
        assert not UNIX_CALLS.search(path.read_text("utf-8")), path


def test_every_operation_folder_is_whole():
    for op in catalog.operations():
        files = {path.name for path in (PACKAGE / "ops" / op).iterdir()}
        assert {"__init__.py", "derivation.md", "_mutants.py"} <= files
        assert {"naive.py", "per_neuron.py", "vectorized.py", "jit.py"} <= files


def test_a_new_technique_is_one_file(monkeypatch, tmp_path):
    shutil.copytree(PACKAGE / "ops", tmp_path / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "ops" / "conv2d" / "zzz.py").write_text('"""New."""\n')
    monkeypatch.setattr(find, "OPS", tmp_path / "ops")
    assert catalog.techniques("conv2d", ("naive", "jit"))[-1] == "zzz"
    assert catalog.techniques("conv2d", ("naive", "jit"))[:2] == ("naive", "jit")
    assert catalog.summary("conv2d", "zzz") == "New."


def test_architecture_names_every_street():
    rows = [line for line in (ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines() if line[:2] == "| "]
    for name in {street(path) for path in MODULES} - {"__init__", "__main__"}:
        assert any(f"`{name}/`" in row or f"`{name}.py`" in row for row in rows), name
    assert len(rows) <= 20


def test_the_numba_cache_follows_the_content_of_the_operations(monkeypatch, tmp_path):
    shutil.copytree(PACKAGE / "ops", tmp_path / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # so that what `prepare` sets does not stay
    folders = []
    for extra in ("", "# a change\n"):
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        file = tmp_path / "ops" / "conv2d" / "jit.py"
        file.write_text(file.read_text() + extra)
        folders.append(numba_cache.prepare([tmp_path / "ops"]))
    assert folders[0] != folders[1]
    assert all(folder.startswith(str(tmp_path / "cache")) for folder in folders)
