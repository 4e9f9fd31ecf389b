"""A block of rows through both layers, forward and back, while all that is made of it stays in the cache."""

from numba import njit

from ..fully_connected._packing import pack
from ..fully_connected._sweep import LOW, ROWS, VECTORS, sweep_low, sweep_tall, tall
from ..fully_connected.packed import multiply
from .._simd import lanes
from .fused import activate, hidden_errors, output_errors, squares


@njit(cache=True, error_model="numpy")
def forward(x, W2, b2, W3, b3, t, a2, a3, none, i0, i1, work):
    """The activations of the rows i0 to i1, and their Σ (a³ − t)²."""
    (k, h), n = W3.shape, x.shape[1]
    A2, A3 = a2[i0:i1], a3[i0:i1]
    multiply(x[i0:i1].reshape(-1), n, 1, W2.reshape(-1), 1, n, b2, A2.reshape(-1), h, i1 - i0, n, h, work)
    activate(A2, none[:h])
    multiply(A2.reshape(-1), h, 1, W3.reshape(-1), 1, h, b3, A3.reshape(-1), k, i1 - i0, h, k, work)
    activate(A3, none[:k])
    return squares(A3, t[i0:i1])


@njit(cache=True, error_model="numpy")
def backward(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, d, i0, i1, work):
    """dx of the rows i0 to i1; what they say of the weights and biases is added to dW2, db2, dW3 and db3."""
    (k, h), n, N = W3.shape, x.shape[1], i1 - i0
    d3, d2 = d[: N * k], d[N * k : N * (k + h)]
    output_errors(a3[i0:i1], t[i0:i1], share, d3.reshape(N, k), db3)
    add_turned(d3, a2[i0:i1].reshape(-1), dW3.reshape(-1), k, N, h, work)
    multiply(d3, k, 1, W3.reshape(-1), h, 1, none, d2, h, N, k, h, work)
    hidden_errors(a2[i0:i1], d2.reshape(N, h), db2)
    add_turned(d2, x[i0:i1].reshape(-1), dW2.reshape(-1), h, N, n, work)
    multiply(d2, h, 1, W2.reshape(-1), n, 1, none, dx[i0:i1].reshape(-1), n, N, h, n, work)


@njit(cache=True, error_model="numpy")
def add_turned(a, b, c, N, K, M, work):
    """c[n, m] += Σ a[k, n] · b[k, m], all flat; K is at most a block's rows."""
    wide, low = VECTORS * lanes(c), tall(N)
    right, left = work[: K * (M + wide)], work[K * (M + wide) :]
    pack(a, 0, 1, N, low, K, ROWS, left)
    pack(a, low, 1, N, N - low, K, LOW, left[low * K :])
    pack(b, 0, 1, M, M, K, wide, right)
    sweep_tall(left, right, 0, wide * K, wide, K, c, M, c, M, 0, low, 0, M)
    sweep_low(left[low * K :], right, 0, wide * K, wide, K, c, M, c, M, low, N, 0, M)
