"""Compiled steps in vector registers: a vectorised tanh makes a sum a state before it is stored.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

A tile of sums starts from the inputs' product, adds the last state times Wh, and is written once, as the
next state. A few samples go through all their steps before the next few begin: their states stay in the
L1 cache, Wh in L2. The products before and after the loop are packed ones.
"""

import numpy as np

from .._spread import ALONE
from ..fully_connected.packed import product
from ..fully_connected.simd import rows as weigh_rows
from ._steps import backwards, forwards, laid_out
from .one_product import rows as rows_of


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    product(rows_of(x), Wx, rows_of(h), bias=b)
    forwards(*ALONE, h, *laid_out(h0, Wh))
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    _, h0, _, Wh, h = cache
    da = np.empty_like(h)
    backwards(*ALONE, np.ascontiguousarray(dout), h, da, *laid_out(np.zeros_like(h0), Wh.T))
    return gradients(da, *cache, product, over_rows)


def over_rows(left, right):
    """The product leftᵀ·right: sums over samples, or samples and steps."""
    return product(left, right, transpose_a=True)


def gradients(da, x, h0, Wx, Wh, h, product, over_rows):
    """All gradients from da, with these two functions for products; da is overwritten."""
    (N, T, H), dtype = h.shape, h.dtype
    first, db = da[:, 0].copy(), np.empty(H, dtype)
    weigh_rows(np.ones(1, dtype), 0, 0, da.reshape(-1), np.zeros(H, dtype), db, N * T, H, 0, 1, 0)
    dx, dh0 = product(rows_of(da), Wx, transpose_b=True), product(first, Wh, transpose_b=True)
    dWx, dWh = over_rows(rows_of(x), rows_of(da)), over_rows(h0, first)
    if T > 1:
        da[:, 0] = 0
        dWh += over_rows(rows_of(h)[:-1], rows_of(da)[1:])
    return dx.reshape(x.shape), dh0, dWx, dWh, db
