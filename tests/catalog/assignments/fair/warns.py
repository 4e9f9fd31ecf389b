"""Right. Each call warns that np.matrix is old, and so adds a name to the module."""

import numpy as np


def softmax_loss_vectorized(W, X, y, reg):
    S = X @ W
    S = S - S.max(axis=1, keepdims=True)
    logp = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    d = np.exp(logp)
    d[rows, y] -= 1
    dW = np.asarray(np.matrix(X).T * np.matrix(d)) / len(y) + 2 * reg * W
    return -logp[rows, y].mean() + reg * np.sum(W * W), dW


def helper():
    return 0
