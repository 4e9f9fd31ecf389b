"""Known mistakes in the recurrent layer. The oracle must catch every one of them."""

import numpy as np

from perflab.contract import Mutant

from . import vectorized

right, right_back = vectorized.forward, vectorized.backward

# The lines of derivation.md that are broken.
STEP = r"a_{n,t,j} = b_j + \sum_d x_{n,t,d}\, \mathrm{Wx}_{d,j} + \sum_k h_{n,t-1,k}\, \mathrm{Wh}_{k,j}"
STATE = r"h_{n,t,j} = \operatorname{tanh}(a_{n,t,j})"
SLOPE = r"\mathrm{da}_{n,t,j} = \mathrm{dh}_{n,t,j} \left( 1 - h_{n,t,j}^2 \right)"
CARRIED = r"\mathrm{dh}_{n,t,k} = \mathrm{dout}_{n,t,k} + \sum_j \mathrm{da}_{n,t+1,j}\, \mathrm{Wh}_{k,j}"
DX = r"\mathrm{dx}_{n,t,d} = \sum_j \mathrm{da}_{n,t,j}\, \mathrm{Wx}_{d,j}"
DH0 = r"\mathrm{dh0}_{n,k} = \sum_j \mathrm{da}_{n,0,j}\, \mathrm{Wh}_{k,j}"
DWX = r"\mathrm{dWx}_{d,j} = \sum_{n,t} x_{n,t,d}\, \mathrm{da}_{n,t,j}"
DWH = r"\mathrm{dWh}_{k,j} = \sum_{n,t} h_{n,t-1,k}\, \mathrm{da}_{n,t,j}"
DB = r"\mathrm{db}_j = \sum_{n,t} \mathrm{da}_{n,t,j}"


def _states(x, h0, Wx, Wh, b, *, order=1, fed=True, squash=np.tanh):
    h, last = np.empty((*x.shape[:2], len(b)), x.dtype), h0
    for t in range(x.shape[1]):
        h[:, t] = squash(x[:, ::order][:, t] @ Wx + last @ Wh + b)
        last = h[:, t] if fed else h0
    return h, (x, h0, Wx, Wh, h)


def no_bias(x, h0, Wx, Wh, b):
    return _states(x, h0, Wx, Wh, 0 * b)


def starts_from_zero(x, h0, Wx, Wh, b):
    return _states(x, 0 * h0, Wx, Wh, b)


def never_fed_back(x, h0, Wx, Wh, b):
    return _states(x, h0, Wx, Wh, b, fed=False)


def turned_round(x, h0, Wx, Wh, b):
    return _states(x, h0, Wx, Wh, b, order=-1)


def wh_turned(x, h0, Wx, Wh, b):
    h, _ = _states(x, h0, Wx, Wh.T, b)
    return h, (x, h0, Wx, Wh, h)


def sigmoid(x, h0, Wx, Wh, b):
    with np.errstate(all="ignore"):  # a mutant is caught by its answer, not by a warning alone
        return _states(x, h0, Wx, Wh, b, squash=lambda a: 1 / (1 + np.exp(-a)))


def no_squash(x, h0, Wx, Wh, b):
    return _states(x, h0, Wx, Wh, b, squash=lambda a: a)


def relu(x, h0, Wx, Wh, b):
    return _states(x, h0, Wx, Wh, b, squash=lambda a: np.maximum(a, 0))


def bias_after_tanh(x, h0, Wx, Wh, b):
    return _states(x, h0, Wx, Wh, 0 * b, squash=lambda a: np.tanh(a) + b)


def last_state_everywhere(x, h0, Wx, Wh, b):
    h, cache = right(x, h0, Wx, Wh, b)
    return np.repeat(h[:, -1:], h.shape[1], axis=1), cache


def _backward(dout, cache, *, slope=None, carry=lambda t, carried: carried, turned=True):
    """The gradients da of every step and dh0, with one thing otherwise than it should be."""
    x, h0, Wx, Wh, h = cache
    da, carried, T = np.empty_like(h), np.zeros_like(h0), h.shape[1]
    slope = 1 - h * h if slope is None else slope
    for t in reversed(range(T)):
        da[:, t] = (dout[:, t] + carry(t, carried)) * slope[:, t]
        carried = da[:, t] @ (Wh.T if turned else Wh)
    return da, carried


def _gradients(da, dh0, cache, *, over_x=slice(None), over_h=slice(None), over_b=slice(None), states=None):
    """All gradients from da; the sums over time may be cut to a slice of the steps."""
    x, _, Wx, _, _ = cache
    states = _before(cache) if states is None else states
    dWx = np.einsum("ntd,ntj->dj", x[:, over_x], da[:, over_x])
    dWh = np.einsum("ntk,ntj->kj", states[:, over_h], da[:, over_h])
    return da @ Wx.T, dh0, dWx, dWh, da[:, over_b].sum(axis=(0, 1))


def _before(cache):
    _, h0, _, _, h = cache
    return np.concatenate([h0[:, np.newaxis], h[:, :-1]], axis=1)


def not_carried(dout, cache):
    return _gradients(*_backward(dout, cache, carry=lambda t, carried: 0 * carried), cache)


def truncated(dout, cache):
    T = dout.shape[1]
    return _gradients(*_backward(dout, cache, carry=lambda t, carried: carried * (t >= T - 2)), cache)


def wh_not_transposed(dout, cache):
    return _gradients(*_backward(dout, cache, turned=False), cache)


def slope_of_the_sum(dout, cache):
    x, _, Wx, Wh, _ = cache
    a = x @ Wx + _before(cache) @ Wh  # near enough to the sum under tanh
    return _gradients(*_backward(dout, cache, slope=1 - a * a), cache)


def slope_of_the_step_before(dout, cache):
    return _gradients(*_backward(dout, cache, slope=1 - _before(cache) ** 2), cache)


def slope_not_squared(dout, cache):
    return _gradients(*_backward(dout, cache, slope=1 - cache[-1]), cache)


def slope_of_sigmoid(dout, cache):
    return _gradients(*_backward(dout, cache, slope=cache[-1] * (1 - cache[-1])), cache)


def carried_without_slope(dout, cache):
    """Da = dout·slope + carried: the slope multiplies what comes from above alone."""
    h, Wh = cache[-1], cache[3]
    da, carried = np.empty_like(h), np.zeros_like(cache[1])
    for t in reversed(range(h.shape[1])):
        da[:, t] = dout[:, t] * (1 - h[:, t] * h[:, t]) + carried
        carried = da[:, t] @ Wh.T
    return _gradients(da, carried, cache)


def dx_without_slope(dout, cache):
    _, *others = right_back(dout, cache)
    da, _ = _backward(dout, cache)
    dh = dout.copy()
    dh[:, :-1] += da[:, 1:] @ cache[3].T
    return dh @ cache[2].T, *others


def no_slope(dout, cache):
    return _gradients(*_backward(dout, cache, slope=np.ones_like(dout)), cache)


def only_the_last_upstream(dout, cache):
    last = np.zeros_like(dout)
    last[:, -1] = dout[:, -1]
    return right_back(last, cache)


def upstream_ignored(dout, cache):
    return right_back(np.ones_like(dout), cache)


def dwh_of_the_last_step(dout, cache):
    return _gradients(*_backward(dout, cache), cache, over_h=slice(-1, None))


def dwh_with_the_states_after(dout, cache):
    return _gradients(*_backward(dout, cache), cache, states=cache[-1])


def dwh_without_h0(dout, cache):
    return _gradients(*_backward(dout, cache), cache, over_h=slice(1, None))


def dwx_assigned(dout, cache):
    return _gradients(*_backward(dout, cache), cache, over_x=slice(0, 1))


def dwh_assigned(dout, cache):
    return _gradients(*_backward(dout, cache), cache, over_h=slice(0, 1))


def dwh_turned(dout, cache):
    dx, dh0, dWx, dWh, db = right_back(dout, cache)
    return dx, dh0, dWx, dWh.T.copy(), db


def dh0_left_out(dout, cache):
    dx, dh0, *others = right_back(dout, cache)
    return dx, 0 * dh0, *others


def mean_over_samples(dout, cache):
    dx, dh0, *shared = right_back(dout, cache)
    return dx, dh0, *(gradient / gradient.dtype.type(max(len(dout), 1)) for gradient in shared)


def db_of_one_step(dout, cache):
    return _gradients(*_backward(dout, cache), cache, over_b=slice(0, 1))


def mean_over_time(dout, cache):
    dx, dh0, *shared = right_back(dout, cache)
    return dx, dh0, *(gradient / gradient.dtype.type(dout.shape[1]) for gradient in shared)


def dh0_without_wh(dout, cache):
    da, _ = _backward(dout, cache)
    return _gradients(da, da[:, 0].copy(), cache)


def wx_not_transposed(dout, cache):
    dx, *others = right_back(dout, cache)
    Wx = cache[2]
    return (_backward(dout, cache)[0] @ Wx if Wx.shape[0] == Wx.shape[1] else dx), *others


def dout_written(dout, cache):
    gradients = right_back(dout, cache)
    dout[:, :-1] += 0.5
    return gradients


def cache_spoiled(dout, cache):
    x, h0, Wx, Wh, h = cache
    gradients = right_back(dout, cache)
    h *= h
    return gradients


def zeros(dout, cache):
    return tuple(np.zeros_like(array) for array in (*cache[:4], cache[4][0, 0] if len(dout) else cache[3][0]))


def keeps_a_copy(x, h0, Wx, Wh, b):
    h, cache = right(x, h0, Wx, Wh, b)
    return h, (*cache[:4], h.copy())


def _of_forward(name, lesson, forward, breaks):
    return Mutant(name, lesson, forward, right_back, breaks)


def _of_backward(name, lesson, backward, breaks):
    return Mutant(name, lesson, right, backward, breaks)


mutants = (
    _of_forward("no_bias", "the bias is not added", no_bias, STEP),
    _of_forward("starts_from_zero", "the first step starts from zeros, not from h0", starts_from_zero, STEP),
    _of_forward("never_fed_back", "every step starts from h0, not from the last state", never_fed_back, STEP),
    _of_forward("turned_round", "the sequence is read from its end", turned_round, STEP),
    _of_forward("wh_turned", "forward multiplies the last state by Whᵀ", wh_turned, STEP),
    _of_forward("sigmoid", "the sigmoid in tanh's place", sigmoid, STATE),
    _of_forward("no_squash", "tanh is left out", no_squash, STATE),
    _of_forward("relu", "max(a, 0) in tanh's place", relu, STATE),
    _of_forward("bias_after_tanh", "the bias is added after tanh", bias_after_tanh, STATE),
    _of_forward(
        "last_state_everywhere",
        "all steps share one array of the state: each shows the last one",
        last_state_everywhere,
        STATE,
    ),
    _of_backward("not_carried", "no gradient passes from a step to the one before", not_carried, CARRIED),
    _of_backward("truncated", "the gradient passes one step back and is then dropped", truncated, CARRIED),
    _of_backward(
        "wh_not_transposed", "the gradient goes back through Wh, not Whᵀ", wh_not_transposed, CARRIED
    ),
    _of_backward(
        "only_the_last_upstream",
        "only the last step's upstream gradient counts",
        only_the_last_upstream,
        CARRIED,
    ),
    _of_backward("upstream_ignored", "the upstream gradient is taken to be ones", upstream_ignored, CARRIED),
    _of_backward("slope_of_the_sum", "tanh's slope as 1 − a², not 1 − h²", slope_of_the_sum, SLOPE),
    _of_backward(
        "slope_of_the_step_before",
        "tanh's slope from the state before, 1 − hₜ₋₁²",
        slope_of_the_step_before,
        SLOPE,
    ),
    _of_backward("slope_not_squared", "tanh's slope as 1 − h, not 1 − h²", slope_not_squared, SLOPE),
    _of_backward("slope_of_sigmoid", "the sigmoid's slope, h·(1 − h), for tanh's", slope_of_sigmoid, SLOPE),
    _of_backward(
        "carried_without_slope",
        "what comes back from the step after is not multiplied by tanh's slope",
        carried_without_slope,
        SLOPE,
    ),
    _of_backward("dx_without_slope", "dx lacks tanh's slope", dx_without_slope, DX),
    _of_backward("no_slope", "tanh's slope is left out", no_slope, SLOPE),
    _of_backward(
        "dwh_assigned",
        "`=` for `+=`: dWh is the first step's",
        dwh_assigned,
        DWH,
    ),
    _of_backward("dwh_turned", "dWh is transposed", dwh_turned, DWH),
    _of_backward("dwh_of_the_last_step", "dWh is the last step's alone", dwh_of_the_last_step, DWH),
    _of_backward(
        "dwh_with_the_states_after",
        "dWh takes the state that a step makes, hₜ, not the one it reads, hₜ₋₁",
        dwh_with_the_states_after,
        DWH,
    ),
    _of_backward("dwh_without_h0", "dWh leaves the first step out, which reads h0", dwh_without_h0, DWH),
    _of_backward(
        "dwx_assigned", "dWx is assigned where it should be added to: one step is left", dwx_assigned, DWX
    ),
    _of_backward("db_of_one_step", "db is summed over the samples, not over the steps", db_of_one_step, DB),
    _of_backward(
        "mean_over_time",
        "the weights' gradients are means over the steps, where they are sums",
        mean_over_time,
        DWX,
    ),
    _of_backward(
        "mean_over_samples",
        "the weights' gradients are means over the samples, where they are sums",
        mean_over_samples,
        DWX,
    ),
    _of_backward("dh0_left_out", "dh0 is left at zero", dh0_left_out, DH0),
    _of_backward("dh0_without_wh", "dh0 lacks its Whᵀ: it is the first step's da", dh0_without_wh, DH0),
    _of_backward(
        "wx_not_transposed",
        "dx multiplies by Wx, not Wxᵀ; the shape is right where D = H",
        wx_not_transposed,
        DX,
    ),
    _of_backward("dout_written", "backward writes to dout", dout_written, ""),
    Mutant(
        "cache_spoiled",
        "backward changes its cache: the second call is wrong",
        keeps_a_copy,
        cache_spoiled,
    ),
    _of_backward("zeros", "zeros are returned", zeros, SLOPE),
)
