"""A recurrent layer: one fully connected layer with tanh, applied at every step to its own last output."""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def definition(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    last = h0
    for t in range(x.shape[1]):
        last = h[:, t] = np.tanh(x[:, t] @ Wx + last @ Wh + b)
    return h


def before(h, h0):
    """The state that each step starts from: h0, then all states of h but the last."""
    return np.concatenate([h0[:, np.newaxis], h[:, :-1]], axis=1)


def through_time(dout, h, Wh):
    """The gradients da of the sums under tanh, from the last step to the first, and dh0."""
    da, carried = np.empty_like(h), np.zeros_like(h[:, 0])
    for t in reversed(range(h.shape[1])):
        da[:, t] = (dout[:, t] + carried) * (1 - h[:, t] * h[:, t])
        carried = da[:, t] @ Wh.T
    return da, carried


def gradient(dout, x, h0, Wx, Wh, b):
    h = definition(x, h0, Wx, Wh, b)
    da, dh0 = through_time(dout, h, Wh)
    (N, T, D), H = x.shape, len(b)
    rows, inputs, states = da.reshape(N * T, H), x.reshape(N * T, D), before(h, h0).reshape(N * T, H)
    return da @ Wx.T, dh0, inputs.T @ rows, states.T @ rows, rows.sum(axis=0)


class Carried:
    """Errors of a state on their way from step to step, through a matrix and then a slope of at most one.

    A step takes errors e, one row a sample, to (e·W)∘slope plus what it adds itself. Element by element e·|W|
    is never exceeded, but it grows by the length of W's columns each time; in the Euclidean norm of a row the
    growth is at most W's norm times the largest slope. The smaller of both is used.
    """

    def __init__(self, rows, W):
        self.W, self.each = np.abs(W), np.zeros(rows)
        self.lengths = np.sqrt((W * W).sum(axis=0))
        self.norm = np.linalg.norm(W, 2) if W.size else 0.0
        self.whole = np.zeros(rows[:1])

    def through(self):
        """What the errors are behind the matrix."""
        return np.minimum(self.each @ self.W, self.whole[:, np.newaxis] * self.lengths)

    def step(self, slope, added):
        """One step on: `added` are the errors that it makes itself, at the state's end of it."""
        self.each = self.through() * slope + added
        grown = self.norm * self.whole * slope.max(axis=1, initial=0) + np.sqrt((added * added).sum(axis=1))
        self.whole = np.minimum(grown, np.sqrt((self.each * self.each).sum(axis=1)))
        return self.each


def bound(gamma, dout, x, h0, Wx, Wh, b):
    """First-order propagation of rounding, forward through every step and back again.

    A state's error is that of its sum times tanh's slope s = 1 − h², plus four roundings of tanh itself; the
    slope's is 2|h| times the state's, plus two roundings.
    """
    (N, T, D), H = x.shape, len(b)
    h = definition(x, h0, Wx, Wh, b)
    da, dh0 = through_time(dout, h, Wh)
    s, states = 1 - h * h, before(h, h0)
    ax, adout, ada, aWx, aWh = (np.abs(array) for array in (x, dout, da, Wx, Wh))
    sums = ax @ aWx + np.abs(states) @ aWh + np.abs(b)

    e_h, forwards = np.empty_like(h), Carried((N, H), Wh)
    for t in range(T):
        own = gamma(D + H + 1) * sums[:, t] * s[:, t] + gamma(4) * np.abs(h[:, t])
        e_h[:, t] = forwards.step(s[:, t], own)
    e_s = 2 * np.abs(h) * e_h + gamma(1) * (h * h + s)

    e_da, backwards, later = np.empty_like(h), Carried((N, H), Wh.T), np.zeros((N, H))
    for t in reversed(range(T)):
        size = adout[:, t] + later @ aWh.T
        own = size * (e_s[:, t] + gamma(H + 2) * s[:, t])
        e_da[:, t] = backwards.step(s[:, t], own)
        later = ada[:, t]
    e_dh0 = backwards.through() + gamma(H) * (later @ aWh.T)

    def over_steps(left, right):
        return left.reshape(N * T, left.shape[2]).T @ right.reshape(N * T, right.shape[2])

    k, a_states, e_states = gamma(N * T), np.abs(states), before(e_h, np.zeros((N, H)))
    e_dx = e_da @ aWx.T + gamma(H) * (ada @ aWx.T)
    e_dWx = over_steps(ax, e_da + k * ada)
    e_dWh = over_steps(a_states, e_da + k * ada) + over_steps(e_states, ada)
    return e_h, (e_dx, e_dh0, e_dWx, e_dWh, (e_da + k * ada).sum(axis=(0, 1)))


def derive(sizes, parameters):
    if sizes["T"] == 0:
        raise ValueError("x: shape has T = 0; wanted a sequence of at least one step")
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    N, T, D, H = (sizes[axis] for axis in "NTDH")
    x, h0, Wx, Wh, h = N * T * D, N * H, D * H, H * H, N * T * H
    forward = Cost(2 * h * (D + H) + h, itemsize * (x + h0 + Wx + Wh + H + h))
    backward = Cost(4 * h * (D + H) + 4 * h, itemsize * (2 * (x + h0 + Wx + Wh + h) + H))
    step = Cost(forward.flops + backward.flops, itemsize * 2 * (x + h0 + Wx + Wh + H + h))
    return {"forward": forward, "backward": backward, "step": step}


def case(name, N, T, D, H, **more):
    return name, Case(name, {"N": N, "T": T, "D": D, "H": H}, **more)


SINCE = {  # the ladder: each rung, and the one that it stands on
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "jit": "naive",
    "one_product": "vectorized",
    "fused": "one_product",
    "cores": "fused",
    "auto": "cores",
}

operation = Operation(
    name="rnn",
    title="Recurrent layer",
    summary="hₜ = tanh(xₜ·Wx + hₜ₋₁·Wh + b): one layer, step after step, with the same weights",
    arguments={
        "x": Argument("x", "array", ("N", "T", "D"), scale=0.25, meaning="N sequences of T inputs"),
        "h0": Argument("h0", "array", ("N", "H"), scale=0.25, meaning="the state before the first step"),
        "Wx": Argument(
            "Wx", "array", ("D", "H"), scale=0.1, meaning="weights of the input, one neuron a column"
        ),
        "Wh": Argument("Wh", "array", ("H", "H"), scale=0.004, meaning="weights of the last state, likewise"),
        "b": Argument("b", "array", ("H",), scale=0.25, meaning="biases"),
    },
    out_shape=("N", "T", "H"),
    wrt=("x", "h0", "Wx", "Wh", "b"),
    formulas={
        "out": "out[n,t] = h[n,t] = tanh(x[n,t]·Wx + h[n,t−1]·Wh + b), where h[n,−1] = h0[n]",
        "dx": "dx[n,t] = da[n,t]·Wxᵀ, where da[n,t] = (dout[n,t] + da[n,t+1]·Whᵀ) ∘ (1 − h[n,t]²)",
        "dh0": "dh0[n] = da[n,0]·Whᵀ",
        "dWx": "dWx[d,k] = Σ over n, t of x[n,t,d]·da[n,t,k]",
        "dWh": "dWh[j,k] = Σ over n, t of h[n,t−1,j]·da[n,t,k]",
        "db": "db[k] = Σ over n, t of da[n,t,k]",
    },
    definition=definition,
    gradient=gradient,
    bound=bound,
    derive=derive,
    cost=cost,
    cases=dict(
        [
            case("tiny", 4, 8, 16, 16),
            case("small", 8, 8, 32, 32),
            case("digits", 100, 8, 8, 16, inputs="digits"),
            case("medium", 16, 16, 64, 64),
            case("large", 64, 32, 128, 128),
            case("cs231n", 25, 16, 256, 512),
        ]
    ),
    contest=dict(
        [
            case("n256_t8", 256, 8, 128, 128),
            case("n64_t32", 64, 32, 128, 128),
            case("n8_t256", 8, 256, 128, 128),
            case("n16_t256", 16, 256, 256, 256),
        ]
    ),
    checks=dict(
        [
            case("odd", 3, 5, 7, 6),
            case("wide", 2, 3, 2, 5),
            case("one_sample", 1, 4, 3, 5),
            case("one_step", 3, 1, 4, 5),
            case("one_input", 3, 4, 1, 5),
            case("one_neuron", 3, 4, 5, 1),
            case("square", 4, 4, 4, 4),
            case("long", 2, 17, 3, 3),
            case("extreme", 8, 3, 5, 4, inputs="extreme"),
            case("empty", 0, 3, 4, 5),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    study_case="large",
    small_case="tiny",
    exact_on_integers=False,
    library="tanh",
)
