"""The three-layer perceptron: two layers of sigmoid neurons, and the squared error of their output."""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def sigmoid(z):
    e = np.exp(-np.abs(z))  # at most one, however large z is
    return np.where(z >= 0, 1, e) / (1 + e)


def slope(z):
    """σ'(z) = σ(z)·σ(−z), without the difference 1 − σ(z), of which rounding leaves little near σ(z) = 1."""
    return sigmoid(z) * sigmoid(-z)


def definition(x, W2, b2, W3, b3, t):
    a2 = sigmoid(x @ W2.T + b2)
    a3 = sigmoid(a2 @ W3.T + b3)
    return ((a3 - t) ** 2).mean() / 2  # over N·k numbers: 1/(2k) of a sample's sum, the mean over N samples


def gradient(dout, x, W2, b2, W3, b3, t):
    z2 = x @ W2.T + b2
    z3 = sigmoid(z2) @ W3.T + b3
    d3 = dout * (sigmoid(z3) - t) / t.size * slope(z3)
    d2 = (d3 @ W3) * slope(z2)
    return d2 @ W2, d2.T @ x, d2.sum(axis=0), d3.T @ sigmoid(z2), d3.sum(axis=0)


def bound(gamma, dout, x, W2, b2, W3, b3, t):
    """Rounding, carried from layer to layer as it arises: forward first, then back.

    e_q is how far q may be off. A product p·q is off by |p|·e_q + |q|·e_p + e_p·e_q, and by its own rounding;
    see `activated` for the sigmoid.
    """
    (N, n), (k, h) = x.shape, W3.shape
    ax, aW2, aW3 = np.abs(x), np.abs(W2), np.abs(W3)
    z2 = x @ W2.T + b2
    a2, s2, e_a2, e_s2 = activated(gamma, z2, gamma(n + 1) * (ax @ aW2.T + np.abs(b2)))
    z3 = a2 @ W3.T + b3
    e_z3 = e_a2 @ aW3.T + gamma(h + 1) * ((a2 + e_a2) @ aW3.T + np.abs(b3))
    a3, s3, e_a3, e_s3 = activated(gamma, z3, e_z3)
    r = np.abs(a3 - t)
    e_r = e_a3 + gamma(1) * r
    e_J = ((2 * r * e_r + e_r**2) + gamma(N * k + 4) * r**2).mean() / 2

    share = np.abs(dout) / t.size
    d3 = share * r * s3
    e_d3 = share * (r * e_s3 + s3 * e_r + e_r * e_s3) + gamma(6) * d3
    g2 = np.abs((dout * (a3 - t) / t.size * s3) @ W3)
    e_g2 = e_d3 @ aW3 + gamma(k) * (d3 @ aW3)
    d2 = g2 * s2
    e_d2 = g2 * e_s2 + s2 * e_g2 + e_g2 * e_s2 + gamma(1) * d2
    e_dx = e_d2 @ aW2 + gamma(h) * (d2 @ aW2)
    e_dW2 = e_d2.T @ ax + gamma(N) * (d2.T @ ax)
    e_db2 = e_d2.sum(axis=0) + gamma(N) * d2.sum(axis=0)
    e_dW3 = e_d3.T @ (a2 + e_a2) + d3.T @ e_a2 + gamma(N) * (d3.T @ a2)
    e_db3 = e_d3.sum(axis=0) + gamma(N) * d3.sum(axis=0)
    return e_J, (e_dx, e_dW2, e_db2, e_dW3, e_db3)


def activated(gamma, z, e_z):
    """σ and σ' of z, and how far both may be off where z is off by e_z.

    Along z neither log σ nor log σ' changes faster than z itself: as z moves by e, both σ and σ' change by at
    most σ'·(exp(e) − 1). Rounding in σ, eight of u at most, moves a·(1 − a) by no more than it moves a.
    """
    a, s = sigmoid(z), slope(z)
    change = s * np.expm1(np.minimum(e_z, 500.0))
    e_a = np.minimum(change, 1.0) + gamma(8) * a
    return a, s, e_a, np.minimum(change, 0.25) + gamma(8) * a + gamma(2) * s


def derive(sizes, parameters):
    if sizes["N"] == 0:
        raise ValueError("x: shape has N = 0; the mean over no samples is not defined, wanted N >= 1")
    if sizes["k"] == 0:
        raise ValueError("W3: shape has k = 0; the error of no outputs is not defined, wanted k >= 1")
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    N, n, h, k = (sizes[axis] for axis in "Nnhk")
    products, weights = N * n * h + N * h * k, n * h + h + h * k + k
    forward = Cost(2 * products + 3 * N * h + 6 * N * k, itemsize * (N * n + weights + N * k))
    backward = Cost(
        4 * products + 4 * N * h + 6 * N * k,
        itemsize * (2 * N * n + 2 * n * h + 2 * h * k + h + k + N * h + 2 * N * k),
    )
    step = Cost(forward.flops + backward.flops, itemsize * (2 * N * n + 2 * weights + N * k))
    return {"forward": forward, "backward": backward, "step": step}


def case(name, N, n, h, k, **more):
    return name, Case(name, {"N": N, "n": n, "h": h, "k": k}, **more)


SINCE = {  # the ladder: each rung, and the one that it stands on
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "in_place": "vectorized",
    "jit": "naive",
    "fused": "in_place",
    "packed": "fused",
    "cores": "packed",
    "auto": "cores",
}

operation = Operation(
    name="mlp",
    title="Three-layer perceptron",
    summary="mean over samples of 1/(2k)·Σ(a³ − t)², a³ = σ(W3·a² + b3), a² = σ(W2·x + b2)",
    arguments={
        "x": Argument("x", "array", ("N", "n"), meaning="a batch of inputs, layer 1, one sample a row"),
        "W2": Argument("W2", "array", ("h", "n"), scale=0.05, meaning="weights, one hidden neuron a row"),
        "b2": Argument("b2", "array", ("h",), meaning="biases of the hidden neurons"),
        "W3": Argument("W3", "array", ("k", "h"), scale=0.05, meaning="weights, one output neuron a row"),
        "b3": Argument("b3", "array", ("k",), meaning="biases of the output neurons"),
        "t": Argument("t", "array", ("N", "k"), target=True, meaning="what the outputs should be"),
    },
    out_shape=(),
    wrt=("x", "W2", "b2", "W3", "b3"),
    formulas={
        "out": "out = 1/(2Nk)·Σ over n, j of (a3[n,j] − t[n,j])², a2 = σ(x·W2ᵀ + b2), a3 = σ(a2·W3ᵀ + b3)",
        "dx": "dx[n] = d2[n]·W2, where d2[n] = (d3[n]·W3) ∘ a2[n] ∘ (1 − a2[n])",
        "dW2": "dW2 = d2ᵀ·x",
        "db2": "db2 = Σ over n of d2[n]",
        "dW3": "dW3 = d3ᵀ·a2, where d3 = dout/(Nk) · (a3 − t) ∘ a3 ∘ (1 − a3)",
        "db3": "db3 = Σ over n of d3[n]",
    },
    definition=definition,
    gradient=gradient,
    bound=bound,
    derive=derive,
    cost=cost,
    cases=dict(
        [
            case("tiny", 16, 64, 32, 10),
            case("small", 32, 128, 64, 10),
            case("digits", 500, 64, 32, 10, inputs="digits"),
            case("medium", 64, 256, 128, 32),
            case("large", 128, 768, 256, 64),
            case("cs231n", 500, 3072, 100, 10),
        ]
    ),
    contest=dict(
        [
            case("n64_128", 64, 128, 128, 128),
            case("n2048_128", 2048, 128, 128, 128),
            case("n4096_256", 4096, 256, 256, 256),
        ]
    ),
    checks=dict(
        [
            case("odd", 5, 7, 3, 4),
            case("one_sample", 1, 6, 4, 3),
            case("one_output", 4, 5, 3, 1),
            case("one_hidden", 4, 3, 1, 2),
            case("one_input", 3, 1, 4, 2),
            case("square", 4, 4, 4, 4),
            case("saturated", 7, 6, 5, 3, inputs="extreme"),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    study_case="n2048_128",
    small_case="tiny",
    exact_on_integers=False,
    library="exp",
)
