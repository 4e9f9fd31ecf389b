"""One core's rows through both layers, forward and backward, a block at a time, all of it in the cache."""

import numpy as np
from numba import njit

from .._simd import lanes
from ..fully_connected._packing import pack
from ..fully_connected._sweep import LOW, ROWS, VECTORS, sweep_low, sweep_tall, tall
from .fused import activate, hidden_errors, output_errors, squares


@njit(cache=True, error_model="numpy")
def straight(b, out):
    """A matrix in panels as wide as a tile, the right side of `multiply`; and what is left of `out`."""
    (K, M), wide = b.shape, VECTORS * lanes(out)
    pack(b.reshape(-1), np.int64(0), np.int64(1), M, M, K, wide, out)
    return out[-(-M // wide) * wide * K :]


@njit(cache=True, error_model="numpy")
def turned(b, out):
    """The same of a matrix's transpose."""
    (M, K), wide = b.shape, VECTORS * lanes(out)
    pack(b.reshape(-1), np.int64(0), K, np.int64(1), M, K, wide, out)
    return out[-(-M // wide) * wide * K :]


@njit(cache=True, error_model="numpy")
def multiply(a, ar, ac, right, start, ds, c, N, K, M, left):
    """c[n·M + m] = start[n·ds + m] + Σ a[n·ar + k·ac] · b[k, m], all flat; b is in panels."""
    wide, low, zero = VECTORS * lanes(c), tall(N), np.int64(0)
    lower = left[low * K :]
    pack(a, zero, ar, ac, low, K, np.int64(ROWS), left)
    pack(a, low * ar, ar, ac, N - low, K, np.int64(LOW), lower)
    sweep_tall(left, right, zero, wide * K, wide, K, start, ds, c, M, zero, low, zero, M)
    sweep_low(lower, right, zero, wide * K, wide, K, start, ds, c, M, low, N, zero, M)


@njit(cache=True, error_model="numpy")
def add_turned(a, b, c, none, first, work):
    """c[n, m] += Σ a[k, n] · b[k, m], c flat; = instead of += if first."""
    (K, N), M = a.shape, b.shape[1]
    left = straight(b, work)
    start, ds = (none, 0) if first else (c, M)
    multiply(a.reshape(-1), np.int64(1), N, work, start, ds, c, N, K, M, left)


@njit(cache=True, error_model="numpy")
def forward(x, W2, b2, W3, b3, t, a2, a3, none, high, p2):
    """The activations of these rows, `high` of them at a time, and their Σ (a³ − t)²."""
    (h, n), k, total = W2.shape, len(W3), x.dtype.type(0)
    zero, one = np.int64(0), np.int64(1)  # no literals, of each of which Numba would make a kernel of its own
    p3 = turned(W2, p2)
    work = turned(W3, p3)
    for i in range(0, len(x), high):
        j = min(i + high, len(x))
        A2, A3 = a2[i:j], a3[i:j]
        multiply(x[i:j].reshape(-1), n, one, p2, b2, zero, A2.reshape(-1), j - i, n, h, work)
        activate(A2, none[:h])
        multiply(A2.reshape(-1), h, one, p3, b3, zero, A3.reshape(-1), j - i, h, k, work)
        activate(A3, none[:k])
        total += squares(A3, t[i:j])
    return total


@njit(cache=True, error_model="numpy")
def backward(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, high, p2):
    """What these rows, `high` of them at a time, say of the inputs, the weights and the biases."""
    (h, n), k = W2.shape, len(W3)
    zero, one = np.int64(0), np.int64(1)
    p3 = straight(W2, p2)
    d3 = straight(W3, p3)
    d2, work = d3[high * k :], d3[high * (k + h) :]
    for i in range(0, len(x), high):
        j = min(i + high, len(x))
        D3, D2, A2 = d3[: (j - i) * k].reshape(j - i, k), d2[: (j - i) * h].reshape(j - i, h), a2[i:j]
        output_errors(a3[i:j], t[i:j], share, D3, db3)
        add_turned(D3, A2, dW3.reshape(-1), none, i == 0, work)
        multiply(d3, k, one, p3, none, zero, d2, j - i, k, h, work)
        hidden_errors(A2, D2, db2)
        add_turned(D2, x[i:j], dW2.reshape(-1), none, i == 0, work)
        multiply(d2, h, one, p2, none, zero, dx[i:j].reshape(-1), j - i, h, n, work)
