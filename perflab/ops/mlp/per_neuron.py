"""One loop over the neurons of each layer, the rows of W2 and W3; each processes the whole batch at once.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar
"""

import numpy as np


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def forward(x, W2, b2, W3, b3, t):
    N, (k, h) = len(x), W3.shape
    a2, a3 = np.empty((N, h), x.dtype), np.empty((N, k), x.dtype)
    J = x.dtype.type(0)
    for j in range(h):
        a2[:, j] = sigmoid(x @ W2[j] + b2[j])
    for m in range(k):
        a3[:, m] = sigmoid(a2 @ W3[m] + b3[m])
        J += ((a3[:, m] - t[:, m]) ** 2).sum()
    return J / x.dtype.type(2 * k * N), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    N, (k, h) = len(x), W3.shape
    dx, dW2, db2 = np.zeros_like(x), np.empty_like(W2), np.empty(h, x.dtype)
    g2, dW3, db3 = np.zeros_like(a2), np.empty_like(W3), np.empty(k, x.dtype)
    share = dout / x.dtype.type(k * N)
    for m in range(k):
        a = a3[:, m]
        d3 = share * (a - t[:, m]) * (a * (1 - a))  # BP1, of one output for every sample
        g2 += d3[:, np.newaxis] * W3[m]  # BP2: what this output asks of every hidden neuron
        db3[m] = d3.sum()  # BP3
        dW3[m] = d3 @ a2  # BP4
    for j in range(h):
        a = a2[:, j]
        d2 = g2[:, j] * (a * (1 - a))  # BP2
        dx += d2[:, np.newaxis] * W2[j]
        db2[j] = d2.sum()  # BP3
        dW2[j] = d2 @ x  # BP4
    return dx, dW2, db2, dW3, db3
