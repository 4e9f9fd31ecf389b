"""The compiled steps on every core: samples share nothing but weights, so each core takes some through all steps.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

Cut by neurons, the cores would wait for each other after every step; cut by samples, they meet once. The
weights' gradients are sums over all samples: products after the loop, cut among the cores as any product is.
"""

import numpy as np
from numba import njit, prange

from ..fully_connected.cores import product
from ._steps import TALL, panels, states, steps_of
from .fused import gradients
from .one_product import rows

forwards, backwards = steps_of(*TALL)


@njit(cache=True, error_model="numpy", parallel=True)
def all_forwards(h, W, s):
    for part in prange(s.shape[1] // TALL[0]):
        forwards(h, W, s, part * TALL[0])


@njit(cache=True, error_model="numpy", parallel=True)
def all_backwards(dout, h, da, W, s):
    for part in prange(s.shape[1] // TALL[0]):
        backwards(dout, h, da, W, s, part * TALL[0])


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    product(rows(x), Wx, rows(h), bias=b)
    W = panels(Wh, False, TALL[1])
    all_forwards(h, W, states(h0, TALL[0], len(W) * W.shape[2]))
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    x, h0, Wx, Wh, h = cache
    da, W = np.empty_like(h), panels(Wh, True, TALL[1])
    all_backwards(
        np.ascontiguousarray(dout), h, da, W, states(np.zeros_like(h0), TALL[0], len(W) * W.shape[2])
    )
    return gradients(da, x, h0, Wx, Wh, h, product)
