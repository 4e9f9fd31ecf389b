"""One loop over the neurons, the columns of W; a neuron scores the whole batch in one product.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar
"""

import numpy as np


def forward(X, W, y, reg):
    N, C = X.shape[0], W.shape[1]
    P = np.empty((N, C), X.dtype)
    squares = X.dtype.type(0)
    for c in range(C):
        P[:, c] = X @ W[:, c]
        squares += (W[:, c] ** 2).sum()
    P -= P.max(axis=1, keepdims=True)
    of_label = P[np.arange(N), y]
    total = np.zeros(N, X.dtype)
    for c in range(C):
        P[:, c] = np.exp(P[:, c])
        total += P[:, c]
    for c in range(C):
        P[:, c] /= total
    loss = (np.log(total) - of_label).mean() + X.dtype.type(0.5) * reg * squares
    return loss, (X, W, y, reg, P)


def backward(dout, cache):
    X, W, y, reg, P = cache
    share = dout / X.dtype.type(X.shape[0])
    dX = np.zeros_like(X)
    dW = np.empty_like(W)
    for c in range(W.shape[1]):
        dscore = (P[:, c] - (y == c)) * share
        dX += dscore[:, np.newaxis] * W[:, c]
        dW[:, c] = dscore @ X + dout * reg * W[:, c]
    return dX, dW
