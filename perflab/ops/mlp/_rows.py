"""One core's rows through both layers, forward and backward, a block at a time, all of it in the cache."""

import numpy as np
from numba import njit

from .._calls import call
from .._simd import lanes
from .._spread import spread
from ..fully_connected._sweep import LOW, ROWS, VECTORS, tall
from .fused import activate, hidden_errors, output_errors, squares


@njit(cache=True, error_model="numpy")
def panels(kernels, b, across, along, M, K, out):
    """b[k, m] in panels as wide as a tile, the right side of `multiply`; and what is left of `out`."""
    wide = VECTORS * lanes(out)
    call(kernels[0], (b, 0, across, along, M, K, wide, out))
    return out[-(-M // wide) * wide * K :]


@njit(cache=True, error_model="numpy")
def multiply(kernels, a, ar, ac, right, start, ds, c, N, K, M, left):
    """c[n·M + m] = start[n·ds + m] + Σ a[n·ar + k·ac] · b[k, m], all flat; b is in panels."""
    pack, tall_tiles, low_tiles = kernels[0], kernels[1], kernels[2]
    n1, high, hr, hc = tall(N), a, ar, ac
    low = left[n1 * K :]
    if ac != 1 or ar == 1:
        call(pack, (a, 0, ar, ac, n1, K, ROWS, left))
        high, hr, hc = left, 1, ROWS
    call(pack, (a, n1 * ar, ar, ac, N - n1, K, LOW, low))
    call(tall_tiles, (high, 0, hr, hc, right, K, start, ds, c, M, 0, n1, 0, M))
    call(low_tiles, (low, 0, 1, LOW, right, K, start, ds, c, M, n1, N, 0, M))


@njit(cache=True, error_model="numpy")
def forward(loop, part, parts, kernels, x, W2, b2, W3, b3, t, a2, a3, none, high, sums, works):
    """The activations of a part's rows, `high` of them at a time, and their Σ (a³ − t)²."""
    if spread(loop, parts):
        return
    (h, n), k, total, p2 = W2.shape, len(W3), x.dtype.type(0), works[part]
    zero, one = np.int64(0), np.int64(1)  # no literals, of each of which Numba would make a kernel of its own
    flat2, flat3 = W2.reshape(-1), W3.reshape(-1)
    first, end = len(x) * part // parts, len(x) * (part + 1) // parts
    p3 = panels(kernels, flat2, n, one, h, n, p2)
    work = panels(kernels, flat3, h, one, k, h, p3)
    for i in range(first, end, high):
        j = min(i + high, end)
        A2, A3 = a2[i:j], a3[i:j]
        multiply(kernels, x[i:j].reshape(-1), n, one, p2, b2, zero, A2.reshape(-1), j - i, n, h, work)
        activate(A2, none[:h])
        multiply(kernels, A2.reshape(-1), h, one, p3, b3, zero, A3.reshape(-1), j - i, h, k, work)
        activate(A3, none[:k])
        total += squares(A3, t[i:j])
    sums[part] = total


@njit(cache=True, error_model="numpy")
def backward(
    loop, part, parts, kernels, x, W2, W3, t, a2, a3, share, dx, dW2s, db2s, dW3s, db3s, none, high, works
):  # fmt: skip
    """What a part's rows, `high` of them at a time, say of the inputs, the weights and the biases."""
    if spread(loop, parts):
        return
    (h, n), k, zero, one = W2.shape, len(W3), np.int64(0), np.int64(1)
    p2, dW2, dW3, db2, db3 = (
        works[part],
        dW2s[part].reshape(-1),
        dW3s[part].reshape(-1),
        db2s[part],
        db3s[part],
    )
    first, end = len(x) * part // parts, len(x) * (part + 1) // parts
    p3 = panels(kernels, W2.reshape(-1), one, n, n, h, p2)
    d3 = panels(kernels, W3.reshape(-1), one, h, h, k, p3)
    d2, work = d3[high * k :], d3[high * (k + h) :]
    for i in range(first, end, high):
        j = min(i + high, end)
        D3, D2, A2 = d3[: (j - i) * k].reshape(j - i, k), d2[: (j - i) * h].reshape(j - i, h), a2[i:j]
        output_errors(a3[i:j], t[i:j], share, D3, db3)
        begin3, s3 = (none, zero) if i == first else (dW3, h)
        left = panels(kernels, A2.reshape(-1), one, h, h, j - i, work)
        multiply(kernels, d3, one, k, work, begin3, s3, dW3, k, j - i, h, left)
        multiply(kernels, d3, k, one, p3, none, zero, d2, j - i, k, h, work)
        hidden_errors(A2, D2, db2)
        begin2, s2 = (none, zero) if i == first else (dW2, n)
        left = panels(kernels, x[i:j].reshape(-1), one, n, n, j - i, work)
        multiply(kernels, d2, one, h, work, begin2, s2, dW2, h, j - i, n, left)
        multiply(kernels, d2, h, one, p2, none, zero, dx[i:j].reshape(-1), j - i, h, n, work)
