"""`auto`: whichever rungs its model chooses for forward and backward, together they give the gradients."""

import importlib
import sys
from itertools import product

import numpy as np
import pytest
from conftest import one_line, perflab
from numba import get_num_threads

from perflab import catalog, oracle
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.catalog.inputs import pairs

WAYS = ("forward", "backward")
MODULES = {op: importlib.import_module(f"perflab.ops.{op}.auto") for op in catalog.operations()}
COSTS = {op: sys.modules[module.expected.__module__] for op, module in MODULES.items()}  # where they stand
TOGETHER = {"softmax_loss", "fully_connected", "mlp"}  # one rung does both directions


def choices(op):
    """Every pair of rungs that may be chosen for forward and backward."""
    rungs = MODULES[op].RUNGS
    if op in TOGETHER:
        return [(rung, rung) for rung in rungs]
    return [*product(rungs, rungs)]


def cheap(costs, wanted):
    """Factors with which these rungs are the cheapest of forward and of backward."""
    return {
        rung: {
            way: tuple((0.0 if rung == best else 1.0) + 1e-9 for _ in factors)
            for (way, factors), best in zip(ways.items(), wanted, strict=True)
        }
        for rung, ways in costs.items()
    }


def test_the_bound_is_that_of_the_rungs_which_compute_in_the_given_dtype(monkeypatch):
    """Bounds are computed from widened arrays: the choice must not be that of float64 for float32."""
    auto, rungs = MODULES["conv2d"], {4: "winograd4", 8: "simd"}
    monkeypatch.setattr(auto, "chosen", lambda sizes, given, itemsize, threads: (rungs[itemsize],) * 2)
    operation = catalog.operation("conv2d")
    x, w, b, *_ = inputs.make(operation, operation.cases["tiny"], "float64").values()
    dout = inputs.upstream(operation, operation.cases["tiny"], "float64")
    x, w, dout = x[:, :, :6, :6], w[:, :, :3, :3], dout[:, :, :4, :4]
    for dtype, rung in (("float32", "winograd4"), ("float64", "simd")):
        unit = np.finfo(dtype).eps / 2
        given = (lambda k, unit=unit: k * unit, dout, x, w, b, (1, 1), (0, 0))
        own = catalog.raw("conv2d", rung)
        right = own.bound(*given) if rung == "winograd4" else operation.bound(*given)
        assert np.array_equal(auto.bound(*given)[0], right[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("op", "wanted"), [(op, each) for op in MODULES for each in choices(op)], ids=lambda each: str(each)
)
def test_every_choice_gives_the_gradients(op, wanted, dtype, monkeypatch):
    module, described = MODULES[op], catalog.operation(op)
    monkeypatch.setattr(COSTS[op], "COSTS", cheap(COSTS[op].COSTS, wanted))
    module.chosen.cache_clear()
    case = described.checks["square"] if op == "conv2d" else described.case(described.small_case)
    args, dout = tuple(inputs.make(described, case, dtype).values()), inputs.upstream(described, case, dtype)
    implementation, parameters = catalog.raw(op, "auto"), pairs(described, case)
    _, calls = implementation.predicted(
        described.derive(case.sizes, parameters), parameters, args[0].itemsize, get_num_threads()
    )
    assert calls == wanted
    out, cache = implementation.forward(*args)
    right = oracle.reference(described, args, dout, dtype, costs(described, case, dtype)["forward"].flops)
    right = oracle.held_to(right, implementation, args, dout)
    got = tuple(map(np.asarray, (out, *implementation.backward(dout, cache))))
    module.chosen.cache_clear()
    assert not oracle.form(right, got)
    assert max(worst.share for worst in oracle.judge(right, got)) <= 1


@pytest.mark.parametrize("op", MODULES)
def test_what_is_called_is_what_is_predicted_to_be_fastest(op):
    described, module = catalog.operation(op), MODULES[op]
    assert module.predicted.together == (op in TOGETHER)
    for case in {**described.cases, **described.contest}.values():
        sizes, parameters = described.derive(case.sizes, pairs(described, case)), pairs(described, case)
        seconds, calls = catalog.raw(op, "auto").predicted(sizes, parameters, 4, 2)
        assert set(seconds) <= set(module.RUNGS)
        assert all(0 < seconds[rung][way] < 60 for rung in seconds for way in WAYS)
        if op in TOGETHER:
            assert calls == (min(seconds, key=lambda rung: sum(seconds[rung].values())),) * 2
        else:
            assert calls == tuple(min(seconds, key=lambda rung: seconds[rung][way]) for way in WAYS)


@pytest.mark.parametrize("op", MODULES)
def test_more_of_any_axis_is_expected_to_take_longer(op):
    described, expected = catalog.operation(op), MODULES[op].expected
    case = described.case(described.study_case)
    parameters = pairs(described, case)
    sizes = described.derive(case.sizes, parameters)
    few = expected(sizes, parameters, 4, 1)
    for axis in sizes:
        many = expected({**sizes, axis: 4 * sizes[axis]}, parameters, 4, 1)
        shared = few.keys() & many.keys()
        assert all(few[rung][way] <= many[rung][way] for rung in shared for way in WAYS), axis
        assert any(few[rung][way] < many[rung][way] for rung in shared for way in WAYS), axis
        if axis == "N":  # more samples are more of everything
            assert all(few[rung][way] < many[rung][way] for rung in shared for way in WAYS)


def test_the_choice_is_explained():
    done = perflab("study", "conv2d", "--choose", "N=1", "C=64", "F=64", "--json")
    assert '"chosen"' in done.stdout
    text = perflab("study", "fully_connected", "--choose", "N=128", "--threads", "1").stdout
    assert "fully_connected/auto calls" in text
    assert "cores" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--choose", "Q=3"], "Q"),
        (["--choose", "N=0"], "N=0"),
        (["--choose", "N=3", "--asm", "jit"], "--choose: wanted without"),
        (["--choose", "N=3", "--threads", "99999"], "--threads"),
    ],
)
def test_a_choice_that_cannot_be_made_is_one_line(words, told):
    assert told in one_line(perflab("study", "conv2d", *words), 2)
