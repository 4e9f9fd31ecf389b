"""A damaged or stale file of Numba's cache is thrown away and compiled again; it makes nobody wrong."""

import errno
import importlib.util
import pickle
from pathlib import Path

import numba
import pytest
from numba.core import caching

from perflab.contract import Lacking
from perflab.machine import lacking, numba_cache

TEXT = """
from numba import njit

@njit(cache=True)
def plus(x):
    return x + 1.0

@njit(cache=True)
def minus(x):
    return x - 1.0
"""


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Loads the file anew and calls both kernels with 5; and the folder of their cache."""
    file, cache = tmp_path / "mine.py", tmp_path / "cache"
    file.write_text(TEXT)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))  # which Numba reads again where a variable has changed
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(cache))
    monkeypatch.setattr(numba_cache, "thrown_away", [])

    def call():
        described = importlib.util.spec_from_file_location("mine", file)
        module = importlib.util.module_from_spec(described)
        described.loader.exec_module(module)
        numba_cache.seal()
        assert (module.plus(5.0), module.minus(5.0)) == (6.0, 4.0)
        return module

    call()
    return call, cache


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def changed(content: bytes) -> bytes:
    middle = len(content) // 2
    return (
        content[:middle]
        + bytes(255 - byte for byte in content[middle : middle + 64])
        + content[middle + 64 :]
    )


def unsealed(content: bytes) -> bytes:
    return content[: -numba_cache.SEAL_BYTES]


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [lambda _: b"", half, changed, unsealed, lambda _: pickle.dumps(0)],
                         ids=["empty", "half", "changed", "unsealed", "other"])  # fmt: skip
def test_a_damaged_file_is_compiled_again_and_mentioned(called, damage, suffix):
    call, cache = called
    for file in cache.rglob(f"*.{suffix}"):
        file.write_bytes(damage(file.read_bytes()))
    with numba_cache.remarks() as remarks:
        call()
    assert len(numba_cache.thrown_away) == 2
    assert remarks == [
        "2 damaged or stale files of Numba's cache were thrown away and compiled again"
        f" ({Path(numba_cache.thrown_away[0]).parent})"
    ]
    with numba_cache.remarks() as remarks:
        module = call()
    assert not remarks, "the new files are whole"
    assert sum(module.plus.stats.cache_hits.values()) == 1, "and are read"


def test_code_of_another_function_is_not_executed(called):
    call, cache = called
    one, other = sorted(cache.rglob("*.nbc"))
    one.write_bytes(other.read_bytes())
    call()
    assert numba_cache.thrown_away == [str(one)]


def test_a_cache_of_other_operations_is_stale(called, monkeypatch):
    call, _ = called
    monkeypatch.setattr(numba_cache, "_code", lambda: b"others")
    call()
    assert len(numba_cache.thrown_away) == 2, "both indices"


def test_a_full_disk_is_named_with_the_folder(called, monkeypatch):
    call, cache = called
    for file in cache.rglob("*.nb?"):
        file.unlink()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    with pytest.raises(Lacking, match=r"NUMBA_CACHE_DIR=.*cache: .*No space left on device"):
        call()


def test_sealing_without_numba_or_with_another_cache_does_nothing(monkeypatch):
    monkeypatch.setitem(numba_cache.sys.modules, "numba.core.caching", None)
    numba_cache.seal()
    monkeypatch.setitem(numba_cache.sys.modules, "numba.core.caching", importlib)
    numba_cache.seal()


@pytest.mark.parametrize(
    ("error", "variables", "told"),
    [
        (ValueError("No threading layer could be loaded.\nHINT:"), {"NUMBA_THREADING_LAYER": "tbb"},
         "NUMBA_THREADING_LAYER=tbb: No threading layer could be loaded."),
        (ValueError("No threading layer could be loaded."), {},
         "No threading layer could be loaded. (NUMBA_THREADING_LAYER is not set)"),
        (RuntimeError("cannot cache function 'f': no locator available for file 'f.py'"),
         {"NUMBA_CACHE_DIR": "/dev/null"},
         "NUMBA_CACHE_DIR=/dev/null: compiled code cannot be saved there: no folder can be written"),
        (KeyError("x"), {}, "KeyError: 'x'"),
    ],
)  # fmt: skip
def test_what_is_lacking_is_named(monkeypatch, error, variables, told):
    monkeypatch.delenv("NUMBA_THREADING_LAYER", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert lacking.told(error) == told


def test_a_numba_that_compiles_nothing_is_named(monkeypatch):
    lacking.check_compiler("conv2d/jit")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with pytest.raises(Lacking, match="conv2d/jit: NUMBA_DISABLE_JIT=1: nothing is compiled"):
        lacking.check_compiler("conv2d/jit")


def test_two_signatures_never_share_a_file(called):
    """Also where a process does not see what another has just saved: here the index is gone."""
    call, cache = called
    module = call()
    (index,) = cache.rglob("*plus*.nbi")
    index.unlink()
    module.plus(5)
    assert len(list(cache.rglob("*plus*.nbc"))) == 2
