"""Compiled steps in vector registers: a sum becomes a state before it leaves them, by a tanh of their own.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

A tile of sums starts from the inputs' product, takes the last state times Wh, and is written once, as the
next state. A few samples go through all their steps before the next few begin: their states stay in the
first cache, Wh in the second. The products before and after the loop are packed ones.
"""

import numpy as np
from numba import njit

from ..fully_connected.packed import product
from ._steps import backwards, forwards, laid_out
from .one_product import rows as rows_of


@njit(cache=True, error_model="numpy")
def all_forwards(h, s, W, rows):
    for n in range(0, s.shape[1], rows):
        forwards(n, h, s, W, rows)


@njit(cache=True, error_model="numpy")
def all_backwards(dout, h, da, s, W, rows):
    for n in range(0, s.shape[1], rows):
        backwards(n, dout, h, da, s, W, rows)


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    product(rows_of(x), Wx, rows_of(h), bias=b)
    all_forwards(h, *laid_out(h0, Wh))
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    _, h0, _, Wh, h = cache
    da = np.empty_like(h)
    all_backwards(np.ascontiguousarray(dout), h, da, *laid_out(np.zeros_like(h0), Wh.T))
    return gradients(da, *cache, product)


def gradients(da, x, h0, Wx, Wh, h, product):
    """All gradients of da, each sum over samples and steps one product; da is not kept."""
    ones, first = np.ones((1, h.shape[0] * h.shape[1]), h.dtype), da[:, 0].copy()
    dx, dh0 = product(rows_of(da), Wx, transpose_b=True), product(first, Wh, transpose_b=True)
    dWx, db = product(rows_of(x), rows_of(da), transpose_a=True), product(ones, rows_of(da))
    dWh = product(h0, first, transpose_a=True)
    if h.shape[1] > 1:
        da[:, 0] = 0
        dWh += product(rows_of(h)[:-1], rows_of(da)[1:], transpose_a=True)
    return dx.reshape(x.shape), dh0, dWx, dWh, db[0]
