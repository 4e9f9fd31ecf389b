"""A loop over threads: a plain loop on one thread, a parallel one on several, with the same result."""

import numba
import numpy as np
import pytest
from numba import prange

from perflab import catalog, oracle
from perflab.ops._threads import parallel
from perflab.run.compilation import uses_threads

RUNGS = [(op, rung) for op in catalog.operations() for rung in catalog.techniques(op)]


@pytest.fixture
def threads():
    before = numba.get_num_threads()
    yield numba.set_num_threads
    numba.set_num_threads(before)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core: there is no other form")
def test_each_form_is_compiled_when_it_is_first_called(threads):
    @parallel(error_model="numpy")
    def squares(a, out):
        for i in prange(len(a)):
            out[i] = a[i] * a[i]

    a = np.arange(5.0)
    for count, form, other in ((1, squares.alone, squares.together), (2, squares.together, squares.alone)):
        threads(count)
        out = np.zeros(5)
        before = len(other.signatures)
        squares(a, out)
        np.testing.assert_array_equal(out, a * a)
        assert len(form.signatures) == 1
        assert len(other.signatures) == before
        assert squares.targetoptions.get("parallel", False) == (count == 2)


@pytest.mark.slow
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core: there is no other form")
@pytest.mark.parametrize(("operation", "technique"), [each for each in RUNGS if uses_threads(*each)])
def test_a_rung_is_right_on_several_threads(operation, technique, threads):
    threads(numba.config.NUMBA_NUM_THREADS)
    verdict = oracle.examine(catalog.operation(operation), catalog.raw(operation, technique), "float32")
    assert verdict.ok, verdict.where
