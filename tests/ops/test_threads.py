"""A loop over threads: a plain loop on one thread, a parallel one on several, with the same result."""

import numba
import numpy as np
import pytest
from numba import njit, prange

from perflab import catalog, oracle
from perflab.ops._calls import addresses, call
from perflab.ops._spread import ALONE, spread, threads
from perflab.ops._threads import parallel
from perflab.run.compilation import uses_threads

LIMITS = {
    "_spread": "SMALL",
    "max_pool2d.simd": "SMALL",
}  # of work on one thread
RUNGS = [(op, rung) for op in catalog.operations() for rung in catalog.techniques(op)]


@pytest.fixture
def count_threads():
    before = numba.get_num_threads()
    yield numba.set_num_threads
    numba.set_num_threads(before)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core: there is no other form")
def test_each_form_is_compiled_when_it_is_first_called(count_threads):
    @parallel(error_model="numpy")
    def squares(a, out):
        for i in prange(len(a)):
            out[i] = a[i] * a[i]

    a = np.arange(5.0)
    for count, form, other in ((1, squares.alone, squares.together), (2, squares.together, squares.alone)):
        count_threads(count)
        out = np.zeros(5)
        before = len(other.signatures)
        squares(a, out)
        np.testing.assert_array_equal(out, a * a)
        assert len(form.signatures) == 1
        assert len(other.signatures) == before
        assert squares.targetoptions.get("parallel", False) == (count == 2)


@njit(error_model="numpy")
def cubes(loop, part, parts, a, out):
    if spread(loop, parts):
        return
    for i in range(len(a) * part // parts, len(a) * (part + 1) // parts):
        out[i] = a[i] ** 3 + 1000 * part


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core: there are no other parts")
def test_one_compiled_kernel_computes_its_only_part_or_all_parts_on_all_threads(count_threads):
    count_threads(numba.config.NUMBA_NUM_THREADS)
    for dtype in (np.float32, np.float64):
        a = np.arange(7, dtype=dtype)
        for first, parts in ((ALONE, 1), (threads(), numba.config.NUMBA_NUM_THREADS), (threads(2), 2)):
            out = np.zeros(7, dtype)
            cubes(*first, a, out)
            of_part = [
                1000 * part
                for part in range(parts)
                for _ in range(7 * part // parts, 7 * (part + 1) // parts)
            ]
            np.testing.assert_array_equal(out, a**3 + of_part)
    assert len(cubes.signatures) == 2
    count_threads(1)
    assert threads() == ALONE


@njit(error_model="numpy")
def scale(a, by):
    for i in range(len(a)):
        a[i] *= by


@njit(error_model="numpy")
def thrice(kernels, a):
    call(kernels[0], (a, 3))


def test_a_kernel_is_called_by_its_address_with_an_array_and_a_number():
    for dtype in (np.float32, np.float64):
        a = np.arange(4, dtype=dtype)
        thrice(addresses(a.dtype, (scale, "ai")), a)
        np.testing.assert_array_equal(a, [0, 3, 6, 9])
    assert len(scale.signatures) == 2


@pytest.mark.slow
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core: there is no other form")
@pytest.mark.parametrize(("operation", "technique"), [each for each in RUNGS if uses_threads(*each)])
def test_a_rung_is_right_on_several_threads(operation, technique, count_threads, monkeypatch):
    count_threads(numba.config.NUMBA_NUM_THREADS)
    for module, limit in LIMITS.items():
        monkeypatch.setattr(f"perflab.ops.{module}.{limit}", 0)
    verdict = oracle.examine(catalog.operation(operation), catalog.raw(operation, technique), "float32")
    assert verdict.ok, verdict.where
