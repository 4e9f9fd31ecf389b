"""Forward already turns the scores into probabilities minus targets, in place; backward does not copy them.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar

Every step works in the scores' own memory. The cache contains G = P − onehot(y), which is the gradient of the
scores up to the factor dout / N: of backward's three passes over (N,C), one remains.
"""

import numpy as np


def forward(X, W, y, reg):
    samples = np.arange(X.shape[0])
    S = X @ W
    S -= S.max(axis=1, keepdims=True)
    of_label = S[samples, y]
    P = np.exp(S, out=S)
    total = P.sum(axis=1)
    P /= total[:, np.newaxis]
    G = P
    G[samples, y] -= 1
    squares = np.vdot(W, W)  # without a temporary W·W
    return (np.log(total) - of_label).mean() + X.dtype.type(0.5) * reg * squares, (X, W, reg, G)


def backward(dout, cache):
    X, W, reg, G = cache
    dS = G * (dout / X.dtype.type(X.shape[0]))
    dW = X.T @ dS
    dW += (dout * reg) * W
    return dS @ W.T, dW
