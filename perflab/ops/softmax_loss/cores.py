"""Rows distributed to the cores, exp in vector registers, packed products; no pass divides by the total.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar

The cache contains E = exp(scores − largest), less its row's total at the label. The division by the total can
be done later, like any factor of a row: dX = diag(f)·E·Wᵀ and dW = (diag(f)·X)ᵀ·E with f = dout / (N·total).
So the factor is applied to the smaller of E and the rows of X and dX.
"""

import numpy as np
from numba import get_num_threads, prange

from .._threads import parallel
from ..fully_connected.cores import product
from ._few import GROUP, ROWS, gradients, padded, scores, turned
from ._rows import softmax
from .blocked import FEW

CHUNK = 4 * ROWS


@parallel(cache=True, error_model="numpy")
def softmax_rows(S, y, sums, losses):
    N, C = S.shape
    s = S.reshape(-1)
    for n in prange(N):
        sums[n], losses[n] = softmax(s, n * C, C, y[n])


@parallel(cache=True, error_model="numpy")
def few_forward(X, T, C, y, S, sums, losses):
    N, s = X.shape[0], S.reshape(-1)
    for chunk in prange((N + CHUNK - 1) // CHUNK):
        n0, n1 = chunk * CHUNK, min(chunk * CHUNK + CHUNK, N)
        scores(X, T, S, n0, n1)
        for n in range(n0, n1):
            sums[n], losses[n] = softmax(s, n * S.shape[1], C, y[n])


@parallel(cache=True, error_model="numpy")
def few_backward(X, T, dS, dX, dT, cores):
    share = (len(T) + cores - 1) // cores
    for core in prange(cores):
        gradients(X, T, dS, dX, dT, core * share, min(core * share + share, len(T)))


@parallel(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def squares(W):
    out = W.dtype.type(0)
    for d in prange(W.shape[0]):
        row = W.dtype.type(0)
        for c in range(W.shape[1]):
            row += W[d, c] * W[d, c]
        out += row
    return out


@parallel(cache=True, error_model="numpy")
def decay(dW, W, by):
    for d in prange(W.shape[0]):
        for c in range(W.shape[1]):
            dW[d, c] += by * W[d, c]


def forward(X, W, y, reg):
    N, C = X.shape[0], W.shape[1]
    X, W, T = np.ascontiguousarray(X), np.ascontiguousarray(W), None
    sums, losses = np.empty(N, X.dtype), np.empty(N, X.dtype)
    if C <= FEW:
        T = turned(W)
        E = np.empty((N, T.shape[1]), X.dtype)
        few_forward(X, T, C, y, E, sums, losses)
    else:
        E = product(X, W)
        softmax_rows(E, y, sums, losses)
    return losses.mean() + X.dtype.type(0.5) * reg * X.dtype.type(squares(W)), (X, W, T, reg, E, sums)


def backward(dout, cache):
    X, W, T, reg, E, sums = cache
    (N, D), C = X.shape, W.shape[1]
    factor = (dout / X.dtype.type(N) / sums)[:, np.newaxis]
    if T is not None:
        dX, dT = np.empty_like(X), np.zeros_like(T)
        few_backward(X, T, padded(E * factor, ROWS, GROUP), dX, dT, get_num_threads())
        dW = np.ascontiguousarray(dT.transpose(0, 2, 1).reshape(-1, T.shape[1])[:D, :C])
    elif C < 2 * D:
        dS = E * factor
        dX, dW = product(dS, W, transpose_b=True), product(X, dS, transpose_a=True)
    else:
        dX, dW = product(E, W, transpose_b=True), product(X * factor, E, transpose_a=True)
        dX *= factor
    decay(dW, W, dout * reg)
    return dX, dW
