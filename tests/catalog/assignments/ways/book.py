"""Layers as classes, as a textbook has them: right. Its loss guards the logarithm."""

import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = self.dW = self.db = None

    def forward(self, x):
        self.x = x.reshape(x.shape[0], -1)
        return np.dot(self.x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class DenseLayer:
    """Adds to its gradients, which stand in a dictionary."""

    def __init__(self, weights, bias):
        self.weights, self.bias = weights, bias
        self.grads = {"W": np.zeros_like(weights), "b": np.zeros_like(bias)}

    def forward(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, dout):
        self.grads["W"] += self.x.T @ dout
        self.grads["b"] += dout.sum(axis=0)
        return dout @ self.weights.T


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        (N, _, H, W), (FN, _, FH, FW) = x.shape, self.W.shape
        s, p = self.stride, self.pad
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        out = np.zeros((N, FN, 1 + (H + 2 * p - FH) // s, 1 + (W + 2 * p - FW) // s))
        for i, j in np.ndindex(*out.shape[2:]):
            window = self.x[:, :, i * s : i * s + FH, j * s : j * s + FW]
            out[:, :, i, j] = np.tensordot(window, self.W, ([1, 2, 3], [1, 2, 3])) + self.b
        return out

    def backward(self, dout):
        FH, FW = self.W.shape[2:]
        s, p = self.stride, self.pad
        dx, self.dW = np.zeros_like(self.x), np.zeros_like(self.W)
        for i, j in np.ndindex(*dout.shape[2:]):
            at = np.s_[:, :, i * s : i * s + FH, j * s : j * s + FW]
            self.dW += np.tensordot(dout[:, :, i, j], self.x[at], (0, 0))
            dx[at] += np.tensordot(dout[:, :, i, j], self.W, (1, 0))
        self.db = dout.sum(axis=(0, 2, 3))
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p].copy()


class Pooling:
    def __init__(self, pool_h, pool_w, stride=2, pad=0):
        self.pool_h, self.pool_w, self.stride = pool_h, pool_w, stride

    def forward(self, x):
        h, w, s = self.pool_h, self.pool_w, self.stride
        self.x, (N, C, H, W) = x, x.shape
        out = np.zeros((N, C, 1 + (H - h) // s, 1 + (W - w) // s))
        for i, j in np.ndindex(*out.shape[2:]):
            out[:, :, i, j] = x[:, :, i * s : i * s + h, j * s : j * s + w].max(axis=(2, 3))
        return out

    def backward(self, dout):
        h, w, s = self.pool_h, self.pool_w, self.stride
        dx = np.zeros(self.x.shape)
        for n, c, i, j in np.ndindex(*dout.shape):
            window = self.x[n, c, i * s : i * s + h, j * s : j * s + w]
            a, b = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
        return dx


class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-7)) / len(t)

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


class Linear:
    def __init__(self, in_features, out_features):
        self.W, self.b = np.zeros((in_features, out_features)), np.zeros(out_features)

    def forward(self, x):
        return x @ self.W + self.b

    def backward(self, dout):
        return dout @ self.W.T
