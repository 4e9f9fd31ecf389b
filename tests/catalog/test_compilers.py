"""The naive loops through other compilers: what is built, kept, thrown away, refused and missing."""

import json
import threading
import time
from importlib.machinery import EXTENSION_SUFFIXES

import pytest
from conftest import ROOT, perflab

from perflab import catalog, oracle
from perflab.catalog import compilers, find
from perflab.catalog.compilers import _signatures as signatures
from perflab.catalog.installed import Installed
from perflab.contract import DTYPES, Lacking, PerflabError
from perflab.machine import extensions, inductor_cache
from perflab.run import compilation

NAMES = catalog.operations()[:6]
TITLES = {"pythran": "Pythran", "cython": "Cython"}
LINE = "no matching function for call to f"
every_compiler = pytest.mark.parametrize("name", find.compilers())


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A cache of its own, in which a module is no machine code: loading one gives its bytes."""
    catalog.prepare_numba_cache()  # Numba's stays where it is
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(extensions, "_imported", lambda file: file.read_bytes())
    return tmp_path / "perflab" / "extensions"


class Compiler:
    """A build that counts its calls."""

    def __init__(self, raises=None, takes_s=0.0):
        self.calls, self.raises, self.takes_s = 0, raises, takes_s

    def __call__(self, folder):
        self.calls += 1
        time.sleep(self.takes_s)
        if self.raises:
            raise self.raises
        file = folder / f"naive{EXTENSION_SUFFIXES[0]}"
        file.write_bytes(b"code")
        return file


# ------------------------------------------------------------------------------------------------- the cache


def test_a_module_is_built_once_for_its_contents():
    build = Compiler()
    with compilation.compilations() as first:
        assert extensions.load("conv2d", ["text", "Pythran 1"], build) == b"code"
    with compilation.compilations() as second:
        assert extensions.load("conv2d", ["text", "Pythran 1"], build) == b"code"
    assert (first.count, second.count, second.seconds, build.calls) == (1, 0, 0.0, 1)
    assert first.seconds == pytest.approx(second.loaded_s)
    extensions.load("conv2d", ["text", "Pythran 2"], build)
    extensions.load("conv2d", ["other text", "Pythran 2"], build)
    assert build.calls == 3


@pytest.mark.parametrize("damage", [b"", b"co", b"Code"], ids=["empty", "cut short", "changed"])
@pytest.mark.parametrize("suffix", [EXTENSION_SUFFIXES[0], ".json"])
def test_what_is_damaged_is_thrown_away_and_built_again(cache, suffix, damage):
    build = Compiler()
    extensions.load("conv2d", ["text"], build)
    (file,) = (path for path in cache.iterdir() if path.name.endswith(suffix))
    file.write_bytes(damage)
    assert extensions.load("conv2d", ["text"], build) == b"code"
    assert extensions.load("conv2d", ["text"], build) == b"code"
    assert build.calls == 2


def test_a_module_that_is_gone_is_built_again(cache):
    build = Compiler()
    extensions.load("conv2d", ["text"], build)
    next(cache.glob(f"*{EXTENSION_SUFFIXES[0]}")).unlink()
    assert extensions.load("conv2d", ["text"], build) == b"code"
    assert build.calls == 2


def test_several_that_want_one_module_at_a_time_build_it_once(cache):
    build, got = Compiler(takes_s=0.05), []
    threads = [
        threading.Thread(target=lambda: got.append(extensions.load("conv2d", ["text"], build)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got, build.calls) == ([b"code"] * 4, 1)
    names = {"".join(path.suffixes[-1:]) for path in cache.iterdir()}
    assert names <= {".so", ".pyd", ".json", ".lock"}, "nothing unfinished is left"


def test_a_refusal_is_remembered_and_an_accident_is_not(cache):
    refuses = Compiler(extensions.Refused(LINE))
    for _ in range(2):
        with pytest.raises(extensions.Refused, match=LINE):
            extensions.load("rnn", ["text"], refuses)
    assert refuses.calls == 1
    breaks = Compiler(Lacking("it broke off"))
    for _ in range(2):
        with pytest.raises(Lacking):
            extensions.load("mlp", ["text"], breaks)
    assert breaks.calls == 2


def test_without_a_home_to_write_to_a_module_is_built_all_the_same(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert extensions.load("conv2d", ["text"], Compiler()) == b"code"


def test_of_pytorchs_cache_what_is_damaged_is_thrown_away(tmp_path):
    names = ("ab/whole.so", "ab/short.so", "gone.so", "later.so")
    (tmp_path / "ab").mkdir()
    for name in names[:3]:
        (tmp_path / name).write_bytes(b"code")
    inductor_cache.note(tmp_path, 0.0)
    (tmp_path / "ab/short.so").write_bytes(b"co")
    (tmp_path / "gone.so").unlink()
    (tmp_path / "later.so").write_bytes(b"code")
    inductor_cache.throw_away(tmp_path)
    assert [name for name in names if (tmp_path / name).is_file()] == ["ab/whole.so", "later.so"]
    inductor_cache.note(tmp_path, time.time() + 9)
    assert {*json.loads((tmp_path / inductor_cache.NOTES).read_text())} == {*names}
    for text in ("", "[]", '{"a": 1'):
        (tmp_path / inductor_cache.NOTES).write_text(text)
        inductor_cache.throw_away(tmp_path)


# -------------------------------------------------------------------------------------------- the compilers


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            "naive.cpp: In function f:\n x.hpp:10:20:   required from here\n/tmp/a.cpp:3:5: error: no f\n",
            "no f",
        ),
        ("warning: unused\nnaive.py:3:4: undeclared name: foo\n", "naive.py:3:4: undeclared name: foo"),
        ("one\n\nE: two\n", "E: two"),
        ("", "it gave no reason"),
        (f"error: {'x' * 900}", "x" * (compilers.MOST - 1) + "…"),
    ],
)
def test_a_refusal_is_the_compilers_own_line(said, wanted):
    assert compilers.complaint(said) == wanted


def run_python(tmp_path, code):
    return compilers._built(tmp_path, ["-c", f"import os, sys; {code}"], "Pythran 1")


def test_a_compilers_end_is_told_apart(tmp_path):
    with pytest.raises(extensions.Refused, match="no f"):
        run_python(tmp_path, "print('a.cpp:1:2: error: no f'); sys.exit(1)")
    with pytest.raises(Lacking, match=r"Pythran 1 broke off: .*fatal error: Python.h"):
        run_python(tmp_path, "print('a.cpp:1:2: fatal error: Python.h: no such file'); sys.exit(1)")
    with pytest.raises(Lacking, match="Pythran 1 broke off: signal 9"):
        run_python(tmp_path, "os.kill(os.getpid(), 9)")
    with pytest.raises(extensions.Refused, match="done"):
        run_python(tmp_path, "print('done')")  # and left no module
    file = tmp_path / f"naive{EXTENSION_SUFFIXES[0]}"
    assert run_python(tmp_path, f"open({str(file)!r}, 'w')") == file


@every_compiler
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name):
    monkeypatch.setattr(compilers.importlib.util, "find_spec", lambda package: None)
    wanted = f"{name}: {TITLES[name]} is not installed; wanted: pip install 'perflab[{name}]'"
    assert compilers.missing_of(name) == wanted
    assert catalog.lacking_peers([name]) == [wanted]
    with pytest.raises(Lacking, match="is not installed"):
        compilers.native("conv2d", name)


@pytest.mark.parametrize(
    ("name", "variable"), [("pythran", "CXX"), ("cython", "CC"), ("torch_compile", "CXX")]
)
def test_a_missing_compiler_of_the_system_is_named(monkeypatch, name, variable):
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda package: package)
    monkeypatch.setenv(variable, "no-such-compiler -O2")
    (line,) = catalog.lacking_peers([name])
    assert line.startswith(f"{name}: no C")
    assert "no-such-compiler is not found; wanted: the package g" in line


def test_peers_that_are_missing_leave_the_rest(monkeypatch):
    def lacks(project):
        return "" if project in ("jax", "cython") else f"{project}: not installed"

    monkeypatch.setattr(find, "lacking_peer", lacks)
    asked = ["pythran", "cython", "torch_compile", "jax"]
    assert catalog.columns_of_peers("conv2d", asked) == ("cython", "jax")
    assert catalog.lacking_peers(asked) == ["pythran: not installed", "torch_compile: not installed"]
    with pytest.raises(PerflabError, match="did you mean pythran"):
        catalog.columns_of_peers("conv2d", ["pythrann"])


def test_a_compiler_is_a_column_of_its_own(monkeypatch):
    monkeypatch.setattr(find, "lacking_peer", lambda project: "")
    columns = {
        name: catalog.columns_of_peers("conv2d", [name]) for name in ("torch", "torch_compile", "cython")
    }
    assert columns["torch"] == ("torch", "torch_channels_last")
    assert columns["torch_compile"] == ("torch_compile",)
    assert [catalog.home(name) for name in ("torch_compile", "cython", "torch_channels_last")] == [
        "torch_compile", "cython", "torch",
    ]  # fmt: skip
    assert all({*find.compilers()} <= {*catalog.peers(op)} for op in NAMES)
    assert not {*find.compilers()} & {*catalog.techniques("conv2d")}


def test_the_name_of_a_compiler_is_taken():
    assert Installed({"conv2d": ("naive",)}, {"conv2d": find._built_in_peers("conv2d")}).peers == {}
    assert {"pythran", "cython"} <= find._built_in_peers("conv2d")


# ----------------------------------------------------------------------------------------------- signatures


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", NAMES)
def test_signatures_follow_from_the_description(operation, dtype):
    lines = signatures.signatures(operation, dtype).splitlines()
    assert [line.partition("(")[0] for line in lines] == ["export forward", "export backward"]
    assert dtype in lines[0]
    assert dtype in lines[1]
    assert not {*DTYPES} - {dtype} & {word for word in DTYPES if word in lines[0]}


def test_signatures_of_one():
    wanted = (
        "export forward(float32[:,:,:,:], (int, int), (int, int))\n"
        "export backward(float32[:,:,:,:], ((int, int, int, int), int64[:,:,:,:], int, int, int))\n"
    )
    assert signatures.signatures("max_pool2d", "float32") == wanted
    with pytest.raises(extensions.Refused, match="a dict, which has no type"):
        signatures.type_of(({},))


def test_what_is_not_compiled_yet_is_compiled_first(monkeypatch):
    monkeypatch.setattr(compilation, "remembered", lambda several: {"conv2d/cython/float32": 3.0})
    names = compilation.missing({"conv2d": ("naive", "pythran", "cython")}, ("float32",))
    assert names == ["conv2d/pythran/float32"]
    sizes = {name: compilation._size_of(f"conv2d/{name}/float32") for name in ("pythran", "cython", "jit")}
    assert sizes["pythran"] > sizes["cython"] > sizes["jit"]


# ----------------------------------------------------------------------------------- with the real compilers

REFUSED = {("pythran", "rnn"): "no matching function"}


@pytest.mark.slow
@pytest.mark.parametrize("operation", NAMES)
@every_compiler
def test_the_naive_loops_are_right_or_refused_by_name(monkeypatch, operation, name):
    pytest.importorskip(name, reason=f"{TITLES[name]} is not installed (perflab[{name}])")
    if missing := compilers.missing_of(name):
        pytest.skip(missing)
    monkeypatch.undo()  # the user's cache, and real modules
    pair = catalog.raw(operation, name)
    verdict = oracle.examine(catalog.operation(operation), pair, "float32")
    if line := REFUSED.get((name, operation)):
        assert verdict.status == "cannot run here"
        assert line in verdict.where
        assert verdict.where.count(f"refused by {TITLES[name]}") == 1
    else:
        assert verdict.ok, verdict.where


@pytest.mark.slow
def test_a_run_stands_where_a_compiler_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(find, "lacking_peer", lambda project: f"{project}: not installed; wanted: it")
    words = ["fully_connected/vectorized", "--preset", "smoke", "--peer", "pythran", "cython"]
    done = perflab("run", *words, "--out", tmp_path / "run", cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.count("pythran: not installed") == done.stderr.count("cython: not installed") == 1
    records = (tmp_path / "run" / "records.jsonl").read_text().splitlines()
    assert {json.loads(line)["technique"] for line in records if '"kind": "block"' in line} == {"vectorized"}
