"""Few classes: blocks of rows and strips of columns, so that X is read once in forward, once in backward.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar

With ten classes a product does little work per number of X: its time is that of reading X. Here the lanes of
a register are along the rows of X, and W is transposed for them. Backward loads a strip of some rows of X
into the cache, adds it to dW and writes dX of the same strip. With many classes BLAS has enough work per
number.
"""

import numpy as np

from ._few import GROUP, ROWS, gradients, padded, scores, turned
from .jit_exp import softmax

FEW = 32  # classes


def forward(X, W, y, reg):
    N, C = X.shape[0], W.shape[1]
    X, T = np.ascontiguousarray(X), None
    if C <= FEW:
        T = turned(W)
        S = np.empty((N, T.shape[1]), X.dtype)
        scores(X, T, S, 0, N)
        G = np.ascontiguousarray(S[:, :C])
    else:
        G = X @ W
    losses = softmax(G, y)
    return losses.mean() + X.dtype.type(0.5) * reg * np.vdot(W, W), (X, W, T, reg, G)


def backward(dout, cache):
    X, W, T, reg, G = cache
    (N, D), C = X.shape, W.shape[1]
    dS = G * (dout / X.dtype.type(N))
    if T is None:
        dX, dW = dS @ W.T, X.T @ dS
    else:
        dX, dT = np.empty_like(X), np.zeros_like(T)
        gradients(X, T, padded(dS, ROWS, GROUP), dX, dT, 0, len(T))
        dW = np.ascontiguousarray(dT.transpose(0, 2, 1).reshape(-1, T.shape[1])[:D, :C])
    dW += (dout * reg) * W
    return dX, dW
