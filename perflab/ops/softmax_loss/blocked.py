"""Few classes: blocks of rows and strips of columns, so that X is read once in forward, once in backward.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar

With ten classes a product does little work per number of X: its time is that of reading X. Here the lanes of
a register are along the rows of X, and W is transposed for them. Backward loads a strip of some rows of X
into the cache, adds it to dW and writes dX of the same strip. With many classes BLAS has enough work per
number.
"""

import numpy as np

from ._few import GROUP, ROWS, gradients, padded, scores, turned, turned_back
from .jit_exp import softmax

FEW = 32  # classes


def forward(X, W, y, reg):
    N, C = X.shape[0], W.shape[1]
    X, W, T = np.ascontiguousarray(X), np.ascontiguousarray(W), None
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
    dS = G * (dout / X.dtype.type(len(X)))
    if T is None:
        dX, dW = dS @ W.T, X.T @ dS
    else:
        dX, dT = np.empty_like(X), np.zeros_like(T)
        gradients(X, T, padded(dS, ROWS, GROUP), dX, dT, 0, len(T))
        dW = turned_back(dT, W)
    dW += (dout * reg) * W
    return dX, dW
