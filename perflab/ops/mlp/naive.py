"""Three-layer perceptron in scalar loops: one multiplication at a time.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

One sample after another, by the four equations: backward computes the errors d3 and d2 of one sample, and
adds its contribution to the gradients of all weights.
"""

import math

import numpy as np


def forward(x, W2, b2, W3, b3, t):
    (N, n), (k, h) = x.shape, W3.shape
    one = x.dtype.type(1)
    a2, a3 = np.empty((N, h), x.dtype), np.empty((N, k), x.dtype)
    J = x.dtype.type(0)
    for i in range(N):
        for j in range(h):
            z = b2[j]
            for d in range(n):
                z += W2[j, d] * x[i, d]
            e = math.exp(-abs(z))  # σ(z) without an exp that could overflow
            a2[i, j] = (one if z >= 0 else e) / (one + e)
        for m in range(k):
            z = b3[m]
            for j in range(h):
                z += W3[m, j] * a2[i, j]
            e = math.exp(-abs(z))
            a3[i, m] = (one if z >= 0 else e) / (one + e)
            J += (a3[i, m] - t[i, m]) * (a3[i, m] - t[i, m])
    return J / x.dtype.type(2 * k * N), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    (N, n), (k, h) = x.shape, W3.shape
    one = x.dtype.type(1)
    dx, dW2, db2 = np.zeros((N, n), x.dtype), np.zeros((h, n), x.dtype), np.zeros(h, x.dtype)
    dW3, db3 = np.zeros((k, h), x.dtype), np.zeros(k, x.dtype)
    d3, d2 = np.empty(k, x.dtype), np.empty(h, x.dtype)
    share = dout / x.dtype.type(k * N)  # 1/k, and 1/N of the mean over the samples
    for i in range(N):
        for m in range(k):  # BP1: the errors of the outputs; σ' = a·(1 − a)
            d3[m] = share * (a3[i, m] - t[i, m]) * (a3[i, m] * (one - a3[i, m]))
        for j in range(h):  # BP2: the errors of the hidden neurons, from those of the layer they feed
            g = x.dtype.type(0)
            for m in range(k):
                g += W3[m, j] * d3[m]
            d2[j] = g * (a2[i, j] * (one - a2[i, j]))
        for m in range(k):
            db3[m] += d3[m]  # BP3: a bias
            for j in range(h):
                dW3[m, j] += a2[i, j] * d3[m]  # BP4: a weight
        for j in range(h):
            db2[j] += d2[j]  # BP3
            for d in range(n):
                dW2[j, d] += x[i, d] * d2[j]  # BP4
                dx[i, d] += W2[j, d] * d2[j]  # as BP2, but an input has no σ
    return dx, dW2, db2, dW3, db3
