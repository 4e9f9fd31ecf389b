"""Known mistakes in the three-layer perceptron, equation by equation. The oracle must catch every one."""

import numpy as np

from perflab.contract import Mutant

from . import vectorized
from .per_neuron import sigmoid

right, right_back = vectorized.forward, vectorized.backward

# What the mistakes break: lines of derivation.md.
SIGMOID = r"\sigma(z) = \frac{1}{1 + e} \quad (z \ge 0) , \qquad"
SUM = r"z^3_{i,m} = b^3_m + \sum_j W^3_{m,j}\, a^2_{i,j} , \qquad"
ANSWER = r"a^3_{i,m} = \sigma(z^3_{i,m})"
LOSS = r"J = \frac{1}{2kN} \sum_{i,m} (a^3_{i,m} - t_{i,m})^2"
BP1 = r"\delta^3_{i,m} = \frac{\mathrm{dout}}{kN} (a^3_{i,m} - t_{i,m}) \cdot a^3_{i,m} (1 - a^3_{i,m})"
BP2 = r"\delta^2_{i,j} = \left( \sum_m W^3_{m,j}\, \delta^3_{i,m} \right) \cdot a^2_{i,j} (1 - a^2_{i,j})"
BP3 = r"\mathrm{db}^3_m = \sum_i \delta^3_{i,m} , \qquad"
BP4 = r"\mathrm{dW}^3_{m,j} = \sum_i \delta^3_{i,m}\, a^2_{i,j} , \qquad"
BP4_OF_INPUTS = r"\mathrm{dW}^2_{j,d} = \sum_i \delta^2_{i,j}\, x_{i,d}"
INPUTS = r"\mathrm{dx}_{i,d} = \sum_j W^2_{j,d}\, \delta^2_{i,j}"


# ------------------------------------------------------------------------------------------------ forward


def _forward(x, W2, b2, W3, b3, t, *, hidden=sigmoid, output=sigmoid, over=lambda N, k: 2 * k * N):
    a2 = hidden(x @ W2.T + b2)
    a3 = output(a2 @ W3.T + b3)
    return ((a3 - t) ** 2).sum() / x.dtype.type(over(*t.shape)), (x, W2, W3, t, a2, a3)


def _quotient(z):
    with np.errstate(all="ignore"):  # a mutant is caught by its answer, not by a warning alone
        return np.exp(z) / (1 + np.exp(z))


def overflows(*args):
    return _forward(*args, hidden=_quotient, output=_quotient)


def linear_output(*args):
    return _forward(*args, output=lambda z: z)


def no_bias(x, W2, b2, W3, b3, t):
    return right(x, W2, b2, W3, 0 * b3, t)


def forward_transposed(x, W2, b2, W3, b3, t):
    J, _ = right(x, W2, b2, W3.T if len(b3) == len(b2) else W3, b3, t)
    return J, right(x, W2, b2, W3, b3, t)[1]


def loss_summed(*args):
    return _forward(*args, over=lambda N, k: 2 * k)


def loss_of_all_outputs(*args):
    return _forward(*args, over=lambda N, k: 2 * N)


def loss_without_half(*args):
    return _forward(*args, over=lambda N, k: k * N)


# ----------------------------------------------------------------------------------------------- backward


def _slope(a):
    return a * (1 - a)


def _where_it_fits(mistaken, wanted):
    """The wrong array, where its shape does not give it away."""
    return mistaken if mistaken.shape == wanted.shape else wanted


def _error(dout, cache, over=lambda N, k: k * N):
    _, _, _, t, _, a3 = cache
    return dout / t.dtype.type(over(*t.shape)) * (a3 - t) * _slope(a3)


def _gradients(cache, d3, d2=None):
    """BP2, BP3 and BP4: everything from the errors of the outputs."""
    x, W2, W3, _, a2, _ = cache
    d2 = (d3 @ W3) * _slope(a2) if d2 is None else d2
    return d2 @ W2, d2.T @ x, d2.sum(axis=0), d3.T @ a2, d3.sum(axis=0)


def no_output_slope(dout, cache):
    _, _, _, t, _, a3 = cache
    return _gradients(cache, dout / t.dtype.type(t.size) * (a3 - t))


def output_slope_of_hidden(dout, cache):
    _, _, _, t, a2, a3 = cache
    return _gradients(cache, dout / t.dtype.type(t.size) * (a3 - t) * _slope(_where_it_fits(a2, a3)))


def slope_at_activation(dout, cache):
    _, _, W3, t, a2, a3 = cache
    d3 = dout / t.dtype.type(t.size) * (a3 - t) * _slope(sigmoid(a3))
    return _gradients(cache, d3, (d3 @ W3) * _slope(sigmoid(a2)))


def slope_of_tanh(dout, cache):
    _, _, W3, t, a2, a3 = cache
    d3 = dout / t.dtype.type(t.size) * (a3 - t) * (1 - a3 * a3)
    return _gradients(cache, d3, (d3 @ W3) * (1 - a2 * a2))


def no_mean(dout, cache):
    return _gradients(cache, _error(dout, cache, lambda N, k: k))


def no_outputs(dout, cache):
    return _gradients(cache, _error(dout, cache, lambda N, k: N))


def error_doubled(dout, cache):
    return right_back(2 * dout, cache)


def sign_flipped(dout, cache):
    return right_back(-dout, cache)


def upstream_ignored(dout, cache):
    return right_back(cache[0].dtype.type(1), cache)


def no_hidden_slope(dout, cache):
    d3 = _error(dout, cache)
    return _gradients(cache, d3, d3 @ cache[2])


def hidden_slope_of_output(dout, cache):
    _, _, W3, _, a2, a3 = cache
    d3 = _error(dout, cache)
    return _gradients(cache, d3, (d3 @ W3) * _slope(_where_it_fits(a3, a2)))


def not_transposed(dout, cache):
    _, _, W3, _, a2, _ = cache
    d3 = _error(dout, cache)
    return _gradients(cache, d3, (d3 @ _where_it_fits(W3.T, W3)) * _slope(a2))


def weights_of_layer_two(dout, cache):
    _, W2, W3, _, a2, _ = cache
    d3 = _error(dout, cache)
    return _gradients(cache, d3, (d3 @ _where_it_fits(W2, W3)) * _slope(a2))


def biases_of_one_sample(dout, cache):
    dx, dW2, _, dW3, _ = right_back(dout, cache)
    d3 = _error(dout, cache)
    return dx, dW2, ((d3 @ cache[2]) * _slope(cache[4]))[0], dW3, d3[0]


def biases_mean(dout, cache):
    dx, dW2, db2, dW3, db3 = right_back(dout, cache)
    N = cache[0].dtype.type(len(cache[0]))
    return dx, dW2, db2 / N, dW3, db3 / N


def inputs_for_activations(dout, cache):
    dx, dW2, db2, _, db3 = right_back(dout, cache)
    return dx, dW2, db2, _error(dout, cache).T @ _where_it_fits(cache[0], cache[4]), db3


def activations_for_inputs(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    dx, _, db2, dW3, db3 = right_back(dout, cache)
    d2 = (_error(dout, cache) @ W3) * _slope(a2)
    return dx, d2.T @ _where_it_fits(a2, x), db2, dW3, db3


def weights_transposed(dout, cache):
    dx, dW2, db2, dW3, db3 = right_back(dout, cache)
    return dx, dW2, db2, np.ascontiguousarray(_where_it_fits(dW3.T, dW3)), db3


def inputs_have_a_slope(dout, cache):
    dx, *others = right_back(dout, cache)
    return dx * _slope(cache[0]), *others


def activations_spoiled(dout, cache):
    gradients = right_back(dout, cache)
    cache[4][...] = _slope(cache[4])
    return gradients


def zeros(dout, cache):
    return tuple(np.zeros_like(gradient) for gradient in right_back(dout, cache))


mutants = (
    Mutant("overflows", "exp(z)/(1 + exp(z)) is infinity by infinity where z is large", overflows,
           right_back, SIGMOID),
    Mutant("linear_output", "the outputs are weighted sums: their σ is missing", linear_output, right_back,
           ANSWER),
    Mutant("no_bias", "the outputs' biases are not added", no_bias, right_back, SUM),
    Mutant("forward_transposed", "forward multiplies by W3, not W3ᵀ; the shape is right where h = k",
           forward_transposed, right_back, SUM),
    Mutant("loss_summed", "the loss is a sum over the samples: 1/N is missing", loss_summed, right_back,
           LOSS),
    Mutant("loss_of_all_outputs", "the loss is a sum over the outputs: its 1/k is missing",
           loss_of_all_outputs, right_back, LOSS),
    Mutant("loss_without_half", "the loss lacks its ½", loss_without_half, right_back, LOSS),
    Mutant("no_output_slope", "BP1 lacks σ': that is the error of cross-entropy, not of squares", right,
           no_output_slope, BP1),
    Mutant("output_slope_of_hidden", "BP1 takes σ' at z², not z³; the shape is right where h = k", right,
           output_slope_of_hidden, BP1),
    Mutant("slope_at_activation", "σ' is taken at a, not at z", right, slope_at_activation, BP1),
    Mutant("slope_of_tanh", "1 − a²: the slope of tanh, not of the sigmoid", right, slope_of_tanh, BP1),
    Mutant("missing_mean", "BP1 lacks 1/N: the gradients are sums over the samples", right, no_mean, BP1),
    Mutant("missing_outputs", "BP1 lacks 1/k: the gradients are those of a sum over the outputs", right,
           no_outputs, BP1),
    Mutant("error_doubled", "BP1 keeps the 2 of the square: the loss's ½ was forgotten", right,
           error_doubled, BP1),
    Mutant("sign_flipped", "BP1 has t − a, target minus answer", right, sign_flipped, BP1),
    Mutant("upstream_ignored", "the upstream gradient is taken to be one", right, upstream_ignored, BP1),
    Mutant("no_hidden_slope", "BP2 lacks σ'", right, no_hidden_slope, BP2),
    Mutant("hidden_slope_of_output", "BP2 takes σ' at z³, not z²; the shape is right where h = k", right,
           hidden_slope_of_output, BP2),
    Mutant("not_transposed", "BP2 gathers along the rows of W3, not its columns; where h = k it fits",
           right, not_transposed, BP2),
    Mutant("weights_of_layer_two", "BP2 goes back through W2, not W3; where n = h = k it fits",
           right, weights_of_layer_two, BP2),
    Mutant("biases_of_one_sample", "BP3 is one sample's: not summed over the batch", right,
           biases_of_one_sample, BP3),
    Mutant("biases_mean", "BP3 is a mean over the batch, where 1/N is in the errors already", right,
           biases_mean, BP3),
    Mutant("inputs_for_activations", "BP4 of W3 takes x, not a²; the shape is right where n = h", right,
           inputs_for_activations, BP4),
    Mutant("activations_for_inputs", "BP4 of W2 takes a², not x; the shape is right where n = h", right,
           activations_for_inputs, BP4_OF_INPUTS),
    Mutant("weights_transposed", "dW3 is transposed; the shape is right where h = k", right,
           weights_transposed, BP4),
    Mutant("inputs_have_a_slope", "dx is multiplied by a slope, though inputs have no σ", right,
           inputs_have_a_slope, INPUTS),
    Mutant("cache_spoiled", "backward changes its cache: the second call is wrong", right,
           activations_spoiled),
    Mutant("zeros", "zeros are returned", right, zeros, BP1),
)  # fmt: skip
