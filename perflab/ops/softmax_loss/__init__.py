"""Softmax loss of a linear classifier: scores, probabilities, mean negative log-likelihood.

The loss of given scores S (N,C) is a special case: with X = S, W the identity and reg = 0 it is their softmax
loss, without weights and without regularisation, and dX is their gradient, (softmax(S) − one-hot(y)) / N.
"""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def definition(X, W, y, reg):
    S = X @ W
    S = S - S.max(axis=1, keepdims=True)
    log_P = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    half = X.dtype.type(0.5)
    return -log_P[np.arange(len(y)), y].mean() + half * reg * (W * W).sum()


def probabilities(X, W):
    S = X @ W
    E = np.exp(S - S.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def gradient(dout, X, W, y, reg):
    dS = probabilities(X, W)
    dS[np.arange(len(y)), y] -= 1
    dS = dS * dout / len(y)
    return dS @ W.T, X.T @ dS + dout * reg * W


def bound(gamma, dout, X, W, y, reg):
    """First-order propagation of rounding, from the scores through exp and log to loss and gradients.

    With e the error of the scores (and of their shift), the error of log-sum-exp is at most p·e, of a
    probability p(e + p·e), to which each adds the rounding of its own exp, sum, log and division.
    """
    (N, D), C = X.shape, W.shape[1]
    rows = np.arange(N)
    S = X @ W
    P = probabilities(X, W)
    shift = np.abs(S - S.max(axis=1, keepdims=True))
    e_S = gamma(D) * (np.abs(X) @ np.abs(W))
    e_S = e_S + e_S[rows, S.argmax(axis=1)][:, np.newaxis] + gamma(1) * shift
    e_mean = (P * e_S).sum(axis=1, keepdims=True)
    e_log = e_mean + gamma(C + 4) * (1 + np.abs(np.log(np.exp(S - S.max(1, keepdims=True)).sum(1))))[:, None]
    e_row = e_log[:, 0] + e_S[rows, y]
    size_row = np.abs(np.log(np.exp(S - S.max(1, keepdims=True)).sum(1))) + shift[rows, y]
    e_loss = (e_row + gamma(N + 2) * size_row).mean()
    e_loss = e_loss + gamma(D * C + 4) * np.abs(reg) * (W * W).sum()

    onehot = np.zeros_like(P)
    onehot[rows, y] = 1
    scale = np.abs(dout) / N
    dS = np.abs(P - onehot) * scale
    e_dS = (P * (e_S + e_mean + gamma(C + 4)) + gamma(1) * onehot) * scale + gamma(3) * dS
    aW, aX = np.abs(W), np.abs(X)
    e_dX = e_dS @ aW.T + gamma(C) * (dS @ aW.T)
    decay = np.abs(dout * reg) * aW
    e_dW = aX.T @ e_dS + gamma(N + 1) * (aX.T @ dS + decay) + gamma(2) * decay
    return e_loss, (e_dX, e_dW)


def derive(sizes, parameters):
    if sizes["N"] == 0:
        raise ValueError("X: shape has N = 0; the mean loss of an empty batch is not defined, wanted N >= 1")
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    N, D, C = sizes["N"], sizes["D"], sizes["C"]
    X, W, P = N * D, D * C, N * C
    forward = Cost(2 * N * D * C + 5 * P + 2 * W, itemsize * (X + W) + 8 * N)
    backward = Cost(4 * N * D * C + 2 * P + 2 * W, itemsize * (2 * X + 2 * W + P) + 8 * N)
    step = Cost(forward.flops + backward.flops, itemsize * (2 * X + 2 * W) + 8 * N)
    return {"forward": forward, "backward": backward, "step": step}


def case(name, N, D, C, reg=0.1, **more):
    return name, Case(name, {"N": N, "D": D, "C": C}, {"reg": reg}, **more)


SINCE = {  # the ladder: each rung, and the one that it stands on
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "fused": "vectorized",
    "jit": "naive",
    "jit_exp": "fused",
    "blocked": "jit_exp",
    "cores": "blocked",
    "auto": "cores",
}

operation = Operation(
    name="softmax_loss",
    title="Softmax loss",
    summary="mean over samples of −log softmax(X·W)[label], plus ½·reg·ΣW²",
    arguments={
        "X": Argument("X", "array", ("N", "D"), meaning="a batch of inputs, one sample a row"),
        "W": Argument("W", "array", ("D", "C"), scale=0.05, meaning="weights, one class a column"),
        "y": Argument("y", "labels", ("N",), upper="C", meaning="the right class of each sample"),
        "reg": Argument("reg", "scalar", meaning="strength of the L2 regularisation"),
    },
    out_shape=(),
    wrt=("X", "W"),
    formulas={
        "out": "out = mean over n of (log(Σ over c of exp(z[n,c])) − z[n,y[n]]) + ½·reg·ΣW², with z = X·W",
        "dX": "dX = dz·Wᵀ, with dz[n,c] = (softmax(z[n])[c] − (1 if c = y[n] else 0))·dout/N",
        "dW": "dW = Xᵀ·dz + dout·reg·W",
    },
    definition=definition,
    gradient=gradient,
    bound=bound,
    derive=derive,
    cost=cost,
    cases=dict(
        [
            case("tiny", 16, 192, 10),
            case("small", 32, 384, 10),
            case("digits", 500, 64, 10, inputs="digits"),
            case("medium", 64, 1024, 10),
            case("large", 192, 2048, 10),
            case("cs231n", 500, 3072, 10),
        ]
    ),
    contest=dict(
        [
            case("cs231n", 500, 3072, 10),
            case("classes_1000", 500, 3072, 1000),
            case("batch_4096", 4096, 1024, 1000),
            case("vocabulary", 1024, 512, 32000),
        ]
    ),
    checks=dict(
        [
            case("odd", 5, 7, 3),
            case("one_sample", 1, 6, 4),
            case("two_classes", 6, 5, 2, reg=0.0),
            case("one_class", 4, 5, 1),
            case("one_input", 5, 1, 3),
            case("heavy_reg", 5, 4, 3, reg=2.5),
            case("square", 4, 4, 4),
            case("many_classes", 3, 4, 23),
            case("extreme", 8, 6, 5, inputs="extreme"),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    study_case="large",
    small_case="tiny",
    exact_on_integers=False,
    library="exp and log",
)
