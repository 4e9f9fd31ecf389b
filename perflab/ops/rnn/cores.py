"""The compiled steps on every core: samples share only weights, so each core takes some through all steps.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

Cut by neurons, the cores would wait for each other after every step; cut by samples, they synchronise once.
The weights' gradients are sums over all samples and steps: each core sums over some, and the sums are added
up.
"""

import numpy as np

from .._arrays import aligned
from .._spread import shares
from ..fully_connected import packed
from ..fully_connected.cores import product
from ._steps import backwards, forwards, laid_out
from .fused import gradients
from .one_product import rows as rows_of


def over_rows(left, right):
    """The product leftᵀ·right, each core's share of the rows by itself, then all together."""
    cut = shares(left.size * right.shape[1])
    out = aligned((cut[2], left.shape[1], right.shape[1]), left.dtype)
    packed.product(left, right, out, transpose_a=True, threads=cut, cut=packed.BY_DEPTH)
    return out.sum(axis=0) if cut[2] > 1 else out[0]


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    product(rows_of(x), Wx, rows_of(h), bias=b)
    cut = shares(h.size * len(b))
    forwards(*cut, h, *laid_out(h0, Wh, cut[2]))
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    _, h0, _, Wh, h = cache
    da, cut = np.empty_like(h), shares(h.size * len(Wh))
    backwards(*cut, np.ascontiguousarray(dout), h, da, *laid_out(np.zeros_like(h0), Wh.T, cut[2]))
    return gradients(da, *cache, product, over_rows)
