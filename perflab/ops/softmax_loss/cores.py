"""Rows distributed to the cores, exp in vector registers, packed products; no pass divides by the total.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar

The cache contains E = exp(scores − largest), less its row's total at the label. The division by the total can
be done later, like any factor of a row: dX = diag(f)·E·Wᵀ and dW = (diag(f)·X)ᵀ·E with f = dout / (N·total).
So the factor is applied to the smaller of E and the rows of X and dX. A few rows are multiplied as in
`fully_connected/cores`, which reads W once.
"""

import numpy as np
from numba import njit

from .._spread import shares, spread
from ..fully_connected._few import FEW as FEW_ROWS
from ..fully_connected._few import times, times_turned, turned_times
from ..fully_connected.cores import product
from ._few import GROUP, ROWS, TURNED, gradients, padded, scores, turned, turned_back
from ._rows import softmax
from ._weights import decay, squares
from .blocked import FEW

STRIPS = 4  # of a core, fewer than which are not worth the lines of dX that two cores write
PASS = 16  # multiplications that a score's exp takes the time of


@njit(cache=True, error_model="numpy")
def softmax_rows(loop, part, parts, S, y, sums, losses):
    if spread(loop, parts):
        return
    (N, C), s = S.shape, S.reshape(-1)
    for n in range(N * part // parts, N * (part + 1) // parts):
        sums[n], losses[n] = softmax(s, n * C, C, y[n])


@njit(cache=True, error_model="numpy")
def few_forward(loop, part, parts, X, T, C, y, S, sums, losses):
    if spread(loop, parts):
        return
    N, s = X.shape[0], S.reshape(-1)
    each = -(-N // (parts * ROWS)) * ROWS
    first, end = min(part * each, N), min(part * each + each, N)
    for n0 in range(first, end, 4 * ROWS):
        n1 = min(n0 + 4 * ROWS, end)
        scores(X, T, S, n0, n1)
        for n in range(n0, n1):
            sums[n], losses[n] = softmax(s, n * S.shape[1], C, y[n])


@njit(cache=True, error_model="numpy")
def few_backward(loop, part, parts, X, T, dS, dX, dT):
    if not spread(loop, parts):
        gradients(X, T, dS, dX, dT, len(T) * part // parts, len(T) * (part + 1) // parts)


def forward(X, W, y, reg):
    N, C = X.shape[0], W.shape[1]
    X, W, T = np.ascontiguousarray(X), np.ascontiguousarray(W), None
    sums, losses = np.empty(N, X.dtype), np.empty(N, X.dtype)
    if C <= FEW and N > FEW_ROWS:
        T = turned(W, shares(TURNED * W.size))
        E = np.empty((N, T.shape[1]), X.dtype)
        few_forward(*shares(X.size * C), X, T, C, y, E, sums, losses)
    else:
        E = times(X, W) if N <= FEW_ROWS else product(X, W)
        softmax_rows(*shares(PASS * E.size), E, y, sums, losses)
    cut = shares(W.size)
    norms = np.empty(cut[2], X.dtype)
    squares(*cut, W.reshape(-1), norms)
    return losses.mean() + X.dtype.type(0.5) * reg * norms.sum(), (X, W, T, reg, E, sums)


def backward(dout, cache):
    X, W, T, reg, E, sums = cache
    (N, D), C = X.shape, W.shape[1]
    factor = (dout / X.dtype.type(N) / sums)[:, np.newaxis]
    if T is not None:
        dX, dT = np.empty_like(X), np.zeros_like(T)
        few_backward(*shares(2 * X.size * C, len(T) // STRIPS), X, T, padded(E * factor, ROWS, GROUP), dX, dT)
        dW = turned_back(dT, W, shares(TURNED * W.size))
    elif N <= FEW_ROWS:
        dS = E * factor
        dX, dW = times_turned(dS, W), turned_times(X, dS)
    elif C < 2 * D:
        dS = E * factor
        dX, dW = product(dS, W, transpose_b=True), product(X, dS, transpose_a=True)
    else:
        dX, dW = product(E, W, transpose_b=True), product(X * factor, E, transpose_a=True)
        dX *= factor
    decay(*shares(W.size), dW.reshape(-1), W.reshape(-1), dout * reg)
    return dX, dW
