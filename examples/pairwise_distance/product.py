"""The square multiplied out: |x|² + |y|² − 2·x·y, one matrix product and no array of differences.

x (N,D), y (M,D) -> out (N,M)

Where two points are near each other, large numbers cancel: the rounding error is relative to |x|² + |y|², not
to the distance. So this file brings the bound of its own arithmetic.
"""

import numpy as np


def forward(x, y):
    out = x @ y.T
    out *= -2
    out += (x * x).sum(axis=1)[:, np.newaxis]
    out += (y * y).sum(axis=1)
    return out, (x, y)


def backward(dout, cache):
    x, y = cache
    twice = dout + dout
    dx = twice.sum(axis=1)[:, np.newaxis] * x
    dx -= twice @ y
    dy = twice.sum(axis=0)[:, np.newaxis] * y
    dy -= twice.T @ x
    return dx, dy


def bound(gamma, dout, x, y):
    (N, D), M = x.shape, len(y)
    x, y, dout = np.abs(x), np.abs(y), np.abs(dout)
    out = 2 * x @ y.T + (x * x).sum(axis=1)[:, np.newaxis] + (y * y).sum(axis=1)
    dx = 2 * (dout.sum(axis=1)[:, np.newaxis] * x + dout @ y)
    dy = 2 * (dout.sum(axis=0)[:, np.newaxis] * y + dout.T @ x)
    return gamma(D + 3) * out, (gamma(M + 3) * dx, gamma(N + 3) * dy)
