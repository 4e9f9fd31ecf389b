"""The penalty's gradient is added after the upstream number."""

import numpy as np


def forward(X, W, y, reg):
    N, C = len(X), W.shape[1]
    P = np.zeros((N, C))
    loss = 0.0
    for i in range(N):
        z = X[i].dot(W)
        z = z - z.max()
        P[i] = np.exp(z) / np.exp(z).sum()
        loss += np.log(np.exp(z).sum()) - z[y[i]]
    loss = loss / N + 0.5 * reg * np.sum(W**2)
    return np.float64(loss), (X, W, y, reg, P)


def backward(dout, cache):
    X, W, y, reg, P = cache
    N, C = P.shape
    dX, dW = np.zeros_like(X), np.zeros_like(W)
    for i in range(N):
        for c in range(C):
            g = (P[i, c] - (1 if c == y[i] else 0)) / N * dout
            dW[:, c] += g * X[i]
            dX[i] += g * W[:, c]
    dW += reg * W
    return dX, dW
