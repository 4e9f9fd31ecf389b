"""A block of rows through both layers, forward and back, while all that is made of it stays in the cache."""

from numba import njit

from .._simd import lanes
from ..fully_connected._packing import pack
from ..fully_connected._sweep import LOW, ROWS, VECTORS, sweep_low, sweep_tall, tall
from .fused import activate, hidden_errors, output_errors, squares


@njit(cache=True, error_model="numpy")
def panels(b, br, bc, K, M, out):
    """b[k·br + m·bc] in panels as wide as a tile: the right side of `multiply`, and where it ends."""
    wide = VECTORS * lanes(out)
    pack(b, 0, bc, br, M, K, wide, out)
    return -(-M // wide) * wide * K


@njit(cache=True, error_model="numpy")
def multiply(a, ar, ac, right, start, ds, c, N, K, M, left):
    """c[n·M + m] = start[n·ds + m] + Σ a[n·ar + k·ac] · b[k, m], all flat; b lies in panels."""
    wide, low = VECTORS * lanes(c), tall(N)
    lower = left[low * K :]
    pack(a, 0, ar, ac, low, K, ROWS, left)
    pack(a, low * ar, ar, ac, N - low, K, LOW, lower)
    sweep_tall(left, right, 0, wide * K, wide, K, start, ds, c, M, 0, low, 0, M)
    sweep_low(lower, right, 0, wide * K, wide, K, start, ds, c, M, low, N, 0, M)


@njit(cache=True, error_model="numpy")
def forward(x, W2, b2, W3, b3, t, a2, a3, none, work):
    """The activations of these rows, and their Σ (a³ − t)²; W2ᵀ and W3ᵀ lie in panels."""
    (N, n), h, k = x.shape, a2.shape[1], a3.shape[1]
    multiply(x.reshape(-1), n, 1, W2, b2, 0, a2.reshape(-1), N, n, h, work)
    activate(a2, none[:h])
    multiply(a2.reshape(-1), h, 1, W3, b3, 0, a3.reshape(-1), N, h, k, work)
    activate(a3, none[:k])
    return squares(a3, t)


@njit(cache=True, error_model="numpy")
def backward(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, work):
    """dx of these rows; what they say of weights and biases is added to dW2, db2, dW3, db3.

    W2 and W3 lie in panels. The errors are made in `work`, and forgotten.
    """
    (N, n), h, k = x.shape, a2.shape[1], a3.shape[1]
    d3, d2, work = work[: N * k], work[N * k : N * (k + h)], work[N * (k + h) :]
    output_errors(a3, t, share, d3.reshape(N, k), db3)
    add_turned(d3, a2.reshape(-1), dW3.reshape(-1), k, N, h, work)
    multiply(d3, k, 1, W3, none, 0, d2, N, k, h, work)
    hidden_errors(a2, d2.reshape(N, h), db2)
    add_turned(d2, x.reshape(-1), dW2.reshape(-1), h, N, n, work)
    multiply(d2, h, 1, W2, none, 0, dx.reshape(-1), N, h, n, work)


@njit(cache=True, error_model="numpy")
def add_turned(a, b, c, N, K, M, work):
    """c[n, m] += Σ a[k, n] · b[k, m], all flat."""
    end = panels(b, M, 1, K, M, work)
    multiply(a, 1, N, work, c, M, c, N, K, M, work[end:])
