"""Products and passes on every core: packed products that include the bias, passes cut by rows.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

The products are those of fully_connected/cores.py, whose sums start from the bias; a transposed matrix is
only packed in another order. Every core passes over its own rows, with its own bias gradients, which are
added at the end.
"""

import numpy as np
from numba import njit

from .._spread import shares, spread
from ..fully_connected.cores import product
from . import fused

PASS = 16  # multiplications that an element of a pass takes the time of


@njit(cache=True, error_model="numpy")
def activate(loop, part, parts, A, none):
    if not spread(loop, parts):
        fused.activate(A[len(A) * part // parts : len(A) * (part + 1) // parts], none)


@njit(cache=True, error_model="numpy")
def squares(loop, part, parts, A, t, sums):
    if not spread(loop, parts):
        i0, i1 = len(A) * part // parts, len(A) * (part + 1) // parts
        sums[part] = fused.squares(A[i0:i1], t[i0:i1])


@njit(cache=True, error_model="numpy")
def output_errors(loop, part, parts, A, t, share, d, dbs):
    if not spread(loop, parts):
        i0, i1 = len(A) * part // parts, len(A) * (part + 1) // parts
        fused.output_errors(A[i0:i1], t[i0:i1], share, d[i0:i1], dbs[part])


@njit(cache=True, error_model="numpy")
def hidden_errors(loop, part, parts, A, d, dbs):
    if not spread(loop, parts):
        i0, i1 = len(A) * part // parts, len(A) * (part + 1) // parts
        fused.hidden_errors(A[i0:i1], d[i0:i1], dbs[part])


def forward(x, W2, b2, W3, b3, t):
    x, W2, W3, t = map(np.ascontiguousarray, (x, W2, W3, t))
    a2 = product(x, W2, transpose_b=True, bias=b2)
    activate(*shares(PASS * a2.size), a2, np.zeros_like(b2))
    a3 = product(a2, W3, transpose_b=True, bias=b3)
    cut = shares(PASS * a3.size)
    activate(*cut, a3, np.zeros_like(b3))
    sums = np.empty(cut[2], x.dtype)
    squares(*cut, a3, t, sums)
    return sums.sum() / x.dtype.type(2 * t.size), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    of_2, of_3 = shares(PASS * a2.size), shares(PASS * a3.size)
    d3 = np.empty_like(a3)
    db2, db3 = np.zeros((of_2[2], a2.shape[1]), x.dtype), np.zeros((of_3[2], a3.shape[1]), x.dtype)
    output_errors(*of_3, a3, t, dout / x.dtype.type(t.size), d3, db3)
    d2 = product(d3, W3)
    hidden_errors(*of_2, a2, d2, db2)
    dW2, dW3 = product(d2, x, transpose_a=True), product(d3, a2, transpose_a=True)
    return product(d2, W2), dW2, db2.sum(axis=0), dW3, db3.sum(axis=0)
