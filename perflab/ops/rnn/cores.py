"""The compiled steps on every core: samples share only weights, so each core takes some through all steps.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

Cut by neurons, the cores would wait for each other after every step; cut by samples, they meet once. The
weights' gradients are sums over all samples: products after the loop, cut among the cores as any product is.
"""

import numpy as np
from numba import get_num_threads, njit, prange

from ..fully_connected.cores import product
from ._steps import backwards, forwards, laid_out
from .fused import gradients
from .one_product import rows as rows_of


@njit(cache=True, error_model="numpy", parallel=True)
def all_forwards(h, s, W, rows):
    for part in prange(s.shape[1] // rows):
        forwards(part * rows, h, s, W, rows)


@njit(cache=True, error_model="numpy", parallel=True)
def all_backwards(dout, h, da, s, W, rows):
    for part in prange(s.shape[1] // rows):
        backwards(part * rows, dout, h, da, s, W, rows)


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    product(rows_of(x), Wx, rows_of(h), bias=b)
    all_forwards(h, *laid_out(h0, Wh, get_num_threads()))
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    _, h0, _, Wh, h = cache
    da = np.empty_like(h)
    all_backwards(np.ascontiguousarray(dout), h, da, *laid_out(np.zeros_like(h0), Wh.T, get_num_threads()))
    return gradients(da, *cache, product)
