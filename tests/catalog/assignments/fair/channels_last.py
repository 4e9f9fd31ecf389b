"""Right in its own way: samples, rows, columns, channels; W is (f, f, C, F)."""

import numpy as np


def conv_forward(A_prev, W, b, hparameters):
    s, p = hparameters["stride"], hparameters["pad"]
    m, H, Wd, C = A_prev.shape
    f, _, _, F = W.shape
    pad = np.pad(A_prev, ((0, 0), (p, p), (p, p), (0, 0)))
    Z = np.zeros((m, (H + 2 * p - f) // s + 1, (Wd + 2 * p - f) // s + 1, F))
    for i in range(Z.shape[1]):
        for j in range(Z.shape[2]):
            window = pad[:, i * s : i * s + f, j * s : j * s + f]
            Z[:, i, j] = np.tensordot(window, W, ([1, 2, 3], [0, 1, 2])) + b.reshape(F)
    return Z, (A_prev, W, b, hparameters)


def conv_backward(dZ, cache):
    A_prev, W, b, hparameters = cache
    s, p = hparameters["stride"], hparameters["pad"]
    f = W.shape[0]
    pad = np.pad(A_prev, ((0, 0), (p, p), (p, p), (0, 0)))
    dpad, dW = np.zeros_like(pad), np.zeros_like(W)
    for i in range(dZ.shape[1]):
        for j in range(dZ.shape[2]):
            window = pad[:, i * s : i * s + f, j * s : j * s + f]
            dW += np.tensordot(window, dZ[:, i, j], (0, 0))
            dpad[:, i * s : i * s + f, j * s : j * s + f] += np.tensordot(dZ[:, i, j], W, (1, 3))
    dA = dpad[:, p : dpad.shape[1] - p, p : dpad.shape[2] - p]
    return dA, dW, dZ.sum(axis=(0, 1, 2)).reshape(b.shape)
