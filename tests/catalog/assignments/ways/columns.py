"""Another course's linear layer, samples in columns, and its pooling, channels last: right there."""

import numpy as np


def linear_forward(A, W, b):
    return np.dot(W, A) + b, (A, W, b)


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = 1 / m * np.dot(dZ, A_prev.T)
    db = 1 / m * np.sum(dZ, axis=1, keepdims=True)
    return np.dot(W.T, dZ), dW, db


def pool_forward(A_prev, hparameters, mode="max"):
    (m, H, W, C), f, s = A_prev.shape, hparameters["f"], hparameters["stride"]
    A = np.zeros((m, int(1 + (H - f) / s), int(1 + (W - f) / s), C))
    for i, h, w, c in np.ndindex(*A.shape):
        A[i, h, w, c] = np.max(A_prev[i, h * s : h * s + f, w * s : w * s + f, c])
    return A, (A_prev, hparameters)


def pool_backward(dA, cache, mode="max"):
    A_prev, hparameters = cache
    f, s = hparameters["f"], hparameters["stride"]
    dA_prev = np.zeros(A_prev.shape)
    for i, h, w, c in np.ndindex(*dA.shape):
        window = A_prev[i, h * s : h * s + f, w * s : w * s + f, c]
        mask = window == np.max(window)
        dA_prev[i, h * s : h * s + f, w * s : w * s + f, c] += mask * dA[i, h, w, c]
    return dA_prev
