"""The rounding bound that is estimated from a definition: above every right error, below known mistakes."""

from dataclasses import replace

import numpy as np
import pytest

import perflab
from perflab import catalog, oracle
from perflab.catalog import faults
from perflab.contract import DTYPES
from perflab.oracle import description, estimate, references
from perflab.oracle.noise import Noise
from perflab.oracle.observation import Problem

ROUNDOFF = 2.0**-24
OF_NUMPY = ("naive", "per_neuron", "vectorized")


def without_bound(operation):
    """A built-in operation as if its author had given no bound."""
    return replace(catalog.operation(operation), bound=None)


def missed(operation):
    """The known mistakes that no check finds with the estimated bound."""
    described = without_bound(operation)
    return [
        mutant.name
        for mutant in catalog.mutants(operation)
        if all(oracle.examine(described, mutant, dtype) for dtype in DTYPES)
    ]


def assert_right(operation, technique, dtype):
    verdict = oracle.examine(without_bound(operation), catalog.raw(operation, technique), dtype)
    assert verdict.ok, f"{operation}/{technique} {dtype}: {verdict.where}: {verdict.error:.2f} of the bound"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", ["fully_connected", "mlp"])
def test_no_right_rung_is_wrong_by_an_estimated_bound(operation, dtype):
    for technique in OF_NUMPY:
        assert_right(operation, technique, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", perflab.operations())
def test_no_rung_at_all_is_wrong_by_an_estimated_bound(operation, dtype):
    for technique in perflab.techniques(operation):
        assert_right(operation, technique, dtype)


def test_an_estimated_bound_catches_the_known_mistakes_of_one_operation():
    assert missed("fully_connected") == []


@pytest.mark.slow
def test_an_estimated_bound_catches_nearly_all_known_mistakes():
    every = [f"{op}/{mutant.name}" for op in perflab.operations() for mutant in catalog.mutants(op)]
    escaped = [f"{op}/{name}" for op in perflab.operations() for name in missed(op)]
    assert len(every) >= 139
    assert len(escaped) <= 0.05 * len(every), escaped


def test_what_is_held_to_an_estimated_bound_says_so_and_what_brings_its_own_does_not():
    described, rung = without_bound("fully_connected"), catalog.raw("fully_connected", "vectorized")
    assert oracle.examine(described, rung, "float32", ["odd"]).remarks == (estimate.ESTIMATED,)
    brings = replace(rung, bound=catalog.operation("fully_connected").bound)
    assert oracle.examine(described, brings, "float32", ["odd"]).remarks == ()
    assert oracle.examine(catalog.operation("fully_connected"), rung, "float32", ["odd"]).remarks == ()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", perflab.operations())
def test_an_estimated_bound_is_of_the_size_of_the_one_that_an_author_gives(operation, dtype):
    """Its usual element neither far below the proven bound nor so far above that a mistake fits in."""
    described = catalog.operation(operation)
    args, dout = Problem(described, described.checks["odd"], dtype).arguments()
    given = references.reference(described, args, dout, dtype)
    estimated = references.reference(without_bound(operation), args, dout, dtype)
    for name, value, one, other in zip(
        given.names, given.values, given.bounds, estimated.bounds, strict=True
    ):
        if value.size and np.median(one) > 1e-30:
            assert 0.5 < np.median(other) / np.median(one) < 100, name


# Ways to write the sum of many products that a definition may choose; some leave the arrays they are given,
# and the noise reaches all of them.
def _helper(x):
    return (np.asarray(x) * x).sum(axis=1)


SUMS = {
    "sum": lambda x: (x * x).sum(axis=1),
    "a function of the module": lambda x: _helper(x),
    "product": lambda x: (x[:, np.newaxis] @ x[:, :, np.newaxis])[:, 0, 0],
    "einsum": lambda x: np.einsum("nd,nd->n", x, x),
    "dot": lambda x: np.array([np.dot(row, row) for row in x]),
    "cumsum": lambda x: (x * x).cumsum(axis=1)[:, -1],
    "accumulate": lambda x: np.add.accumulate(x * x, axis=1)[:, -1],
    "accumulate along the first axis": lambda x: np.add.accumulate((x * x).T)[-1],
    "mean": lambda x: (x * x).mean(axis=1) * x.shape[1],
    "at": lambda x: _at(x),
    "bincount": lambda x: np.array([np.bincount(np.zeros(len(row), int), row * row)[0] for row in x]),
    "in place": lambda x: _in_place(x),
    "norm": lambda x: np.linalg.norm(x, axis=1) ** 2,
}


def _at(x):
    out = np.zeros(len(x), x.dtype)
    np.add.at(out, np.repeat(np.arange(len(x)), x.shape[1]), (x * x).ravel())
    return out


def _in_place(x):
    out = np.empty(x.shape, x.dtype)
    out[:] = x
    out *= x
    return out.sum(axis=1)


@pytest.mark.parametrize("name", SUMS)
def test_the_noise_of_a_sum_is_that_of_its_worst_order(name):
    """10,000 float32 numbers, one after the other: no definition sums so badly, an implementation may."""
    x = np.random.default_rng(1).uniform(0.5, 1, (20, 10_000)).astype(np.float32)
    total = np.zeros(len(x), np.float32)
    for column in (x * x).T:
        total += column
    wide = x.astype(np.float64)
    exact = (wide * wide).sum(axis=1)
    operation = replace(
        catalog.operation("fully_connected"), definition=SUMS[name], gradient=None, kinks=False
    )
    (bound,) = estimate.bounds(operation, (exact,), (wide,), np.float64(1), ROUNDOFF)
    assert (np.abs(total - exact) <= bound).all()
    assert bound.max() < 0.05 * exact.min(), "a sum without one of twenty terms is out of it"


def test_what_rounds_nothing_gets_no_bound_beyond_the_last_rounding():
    described = without_bound("max_pool2d")
    args, dout = Problem(described, described.checks["ties"], "float32").arguments()
    right = references.reference(described, args, dout, "float32")
    assert right.bounds[0].max() <= 2 * ROUNDOFF * np.abs(right.values[0]).max()


def test_operations_are_counted():
    noise = Noise(0, ROUNDOFF)
    a, b = (noise.on(np.ones((4, 5))) for _ in range(2))
    acts = [
        (20, lambda: a + b), (40, lambda: a @ b[0]), (20, lambda: a.sum(axis=0)), (20, lambda: np.exp(a)),
        (160, lambda: np.einsum("nd,md->nm", a, b)), (0, lambda: a[1:].T),
    ]  # fmt: skip
    for count, act in acts:
        before = noise.flops
        act()
        assert noise.flops - before == count


@pytest.mark.parametrize("operation", perflab.operations())
def test_no_fault_is_found_in_the_description_of_a_built_in_operation(operation):
    described = catalog.operation(operation)
    assert faults.of(described) == ""
    description.check_form(described)
    assert list(description.faults(described)) == []
