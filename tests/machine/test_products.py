"""A BLAS that raises floating-point flags without a reason makes nobody's code wrong."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from perflab import catalog, oracle
from perflab.machine import products

DIVIDED = "divide by zero encountered in matmul"


def warns(a, b):
    warnings.warn(DIVIDED, RuntimeWarning, stacklevel=1)
    return a @ b


def overflows(a, b):
    warnings.warn("overflow encountered in matmul", RuntimeWarning, stacklevel=1)
    return (a @ b) * np.inf


def test_the_probe_finds_what_finite_products_warn_of():
    assert products.probe(np.matmul) == products.spurious_warnings()[:1] == ()
    assert products.probe(warns) == (DIVIDED,)
    with np.errstate(invalid="ignore"):
        assert products.probe(overflows) == (), "an infinite result is a reason to warn"


@pytest.mark.parametrize(("spurious", "right"), [((DIVIDED,), True), ((), False)])
def test_a_products_warning_is_wrong_only_where_products_of_finite_numbers_do_not_warn(
    spurious, right, monkeypatch
):
    plain = catalog.raw("fully_connected", "vectorized")

    def forward(*args):
        warnings.warn(DIVIDED, RuntimeWarning, stacklevel=1)
        return plain.forward(*args)

    monkeypatch.setattr(products, "spurious_warnings", lambda: spurious)
    verdict = oracle.verify("fully_connected", replace(plain, forward=forward), dtype="float64")
    assert bool(verdict) is right, verdict.where


def test_other_warnings_still_count(monkeypatch):
    monkeypatch.setattr(products, "spurious_warnings", lambda: (DIVIDED,))
    assert products.is_spurious(DIVIDED)
    assert not products.is_spurious("divide by zero encountered in divide")
