"""The compiled steps on every core: samples share only weights, so each core takes some through all steps.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

Cut by neurons, the cores would wait for each other after every step; cut by samples, they synchronise once.
The weights' gradients are sums over all samples and steps: each core sums over some, and the sums are added
up.
"""

import numpy as np
from numba import get_num_threads, prange

from .._arrays import aligned
from .._threads import parallel
from ..fully_connected.cores import product
from ..fully_connected.packed import buffers, multiply
from ._steps import backwards, forwards, laid_out
from .fused import gradients
from .one_product import rows as rows_of


@parallel(cache=True, error_model="numpy")
def all_forwards(h, s, W, rows):
    for part in prange(s.shape[1] // rows):
        forwards(part * rows, h, s, W, rows)


@parallel(cache=True, error_model="numpy")
def all_backwards(dout, h, da, s, W, rows):
    for part in prange(s.shape[1] // rows):
        backwards(part * rows, dout, h, da, s, W, rows)


@parallel(cache=True, error_model="numpy")
def shares(left, right, row, out, works):
    """out[part] = leftᵀ·right over as many rows for each part."""
    (K, N), (parts, _, M) = left.shape, out.shape
    a, b, c = left.reshape(-1), right.reshape(-1), out.reshape(-1)
    for part in prange(parts):
        first, end = K * part // parts, K * (part + 1) // parts
        ours, theirs, sums = a[first * N :], b[first * M :], c[part * N * M :]
        multiply(ours, 1, N, theirs, M, 1, row, sums, M, N, end - first, M, works[part])


def over_rows(left, right):
    """The product leftᵀ·right, each core's share of the rows by itself, then all together."""
    M, cores = right.shape[1], get_num_threads()
    out = aligned((cores, left.shape[1], M), left.dtype)
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    shares(left, right, np.zeros(M, left.dtype), out, buffers(left.dtype, cores))
    return out.sum(axis=0)


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    product(rows_of(x), Wx, rows_of(h), bias=b)
    all_forwards(h, *laid_out(h0, Wh, get_num_threads()))
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    _, h0, _, Wh, h = cache
    da = np.empty_like(h)
    all_backwards(np.ascontiguousarray(dout), h, da, *laid_out(np.zeros_like(h0), Wh.T, get_num_threads()))
    return gradients(da, *cache, product, over_rows)
