"""Softmax loss of a linear classifier in scalar loops: one multiplication at a time.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar
"""

import math

import numpy as np


def forward(X, W, y, reg):
    N, D = X.shape
    C = W.shape[1]
    zero = X.dtype.type(0)
    P = np.empty((N, C), X.dtype)  # scores first, probabilities when a row is done
    loss = zero
    for n in range(N):
        for c in range(C):
            score = zero
            for d in range(D):
                score += X[n, d] * W[d, c]
            P[n, c] = score
        largest = P[n, 0]
        for c in range(1, C):
            if P[n, c] > largest:
                largest = P[n, c]
        of_label = P[n, y[n]] - largest
        total = zero
        for c in range(C):
            P[n, c] = math.exp(P[n, c] - largest)
            total += P[n, c]
        for c in range(C):
            P[n, c] /= total
        loss += math.log(total) - of_label
    squares = zero
    for d in range(D):
        for c in range(C):
            squares += W[d, c] * W[d, c]
    return loss / X.dtype.type(N) + X.dtype.type(0.5) * reg * squares, (X, W, y, reg, P)


def backward(dout, cache):
    X, W, y, reg, P = cache
    N, D = X.shape
    C = W.shape[1]
    share = dout / X.dtype.type(N)
    decay = dout * reg
    dX = np.zeros((N, D), X.dtype)
    dW = np.empty((D, C), X.dtype)
    for d in range(D):
        for c in range(C):
            dW[d, c] = decay * W[d, c]
    for n in range(N):
        for c in range(C):
            dscore = P[n, c]
            if c == y[n]:
                dscore -= X.dtype.type(1)
            dscore *= share
            for d in range(D):
                dX[n, d] += dscore * W[d, c]
                dW[d, c] += dscore * X[n, d]
    return dX, dW
