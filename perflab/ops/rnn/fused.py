"""Compiled steps in vector registers: a sum becomes a state before it leaves them, by a tanh of their own.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

A tile of sums starts from the inputs' product, takes the last state times Wh, and is written once, as the next
state. A few samples go through all their steps before the next few begin: their states stay in the first cache,
Wh in the second. The products before and after the loop are packed ones.
"""

import numpy as np
from numba import njit

from ..fully_connected.packed import product
from ._steps import TALL, panels, states, steps_of
from .one_product import rows

forwards, backwards = steps_of(*TALL)


@njit(cache=True, error_model="numpy")
def all_forwards(h, W, s):
    for n in range(0, h.shape[0], TALL[0]):
        forwards(h, W, s, n)


@njit(cache=True, error_model="numpy")
def all_backwards(dout, h, da, W, s):
    for n in range(0, h.shape[0], TALL[0]):
        backwards(dout, h, da, W, s, n)


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    product(rows(x), Wx, rows(h), bias=b)
    W = panels(Wh, False, TALL[1])
    all_forwards(h, W, states(h0, TALL[0], len(W) * W.shape[2]))
    return h, (x, h0, Wx, Wh, h)


def gradients(da, x, h0, Wx, Wh, h, product):
    """All gradients of da, each sum over samples and steps as one product."""
    dx = product(rows(da), Wx, transpose_b=True).reshape(x.shape)
    dWx, db, first = product(rows(x), rows(da), transpose_a=True), rows(da).sum(axis=0), da[:, 0].copy()
    dh0, dWh = product(first, Wh, transpose_b=True), product(h0, first, transpose_a=True)
    if h.shape[1] > 1:
        da[:, 0] = 0
        dWh += product(rows(h)[:-1], rows(da)[1:], transpose_a=True)
    return dx, dh0, dWx, dWh, db


def backward(dout, cache):
    x, h0, Wx, Wh, h = cache
    da, W = np.empty_like(h), panels(Wh, True, TALL[1])
    all_backwards(
        np.ascontiguousarray(dout), h, da, W, states(np.zeros_like(h0), TALL[0], len(W) * W.shape[2])
    )
    return gradients(da, x, h0, Wx, Wh, h, product)
