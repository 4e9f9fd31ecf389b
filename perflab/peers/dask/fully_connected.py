"""Dask's linear layer: NumPy on chunks of rows.

Samples add up: dw and db are sums over the chunks.
"""

import numpy as np

from ._rows import of_chunks, to_native, to_numpy

__all__ = ["backward", "forward", "to_native", "to_numpy"]


def _forward(x, w, b):
    return (x @ w + b,)


def _backward(dout, x, w):
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def forward(x, w, b):
    """Of x (N,D), w (D,M), b (M,): out (N,M)."""
    (out,) = of_chunks(_forward, (x,), (w, b))
    return np.concatenate(out), (x, w)


def backward(dout, cache):
    """The gradients dx, dw, db."""
    x, w = cache
    dx, dw, db = of_chunks(_backward, (dout, x), (w,))
    return np.concatenate(dx), sum(dw), sum(db)
