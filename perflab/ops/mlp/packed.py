"""Products and passes on every core: packed products that include the bias, passes cut by rows.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

The products are those of fully_connected/cores.py, whose sums start from the bias; a transposed matrix is
only packed in another order. Every core passes over its own rows, with its own bias gradients, which are
added at the end.
"""

import numpy as np
from numba import get_num_threads, prange

from .._threads import parallel
from ..fully_connected.cores import product
from . import fused


@parallel(cache=True, error_model="numpy")
def activate(A, parts):
    N, none = len(A), np.zeros(A.shape[1], A.dtype)
    for part in prange(parts):
        fused.activate(A[N * part // parts : N * (part + 1) // parts], none)


@parallel(cache=True, error_model="numpy")
def squares(A, t, sums):
    N, parts = len(A), len(sums)
    for part in prange(parts):
        i0, i1 = N * part // parts, N * (part + 1) // parts
        sums[part] = fused.squares(A[i0:i1], t[i0:i1])


@parallel(cache=True, error_model="numpy")
def output_errors(A, t, share, d, dbs):
    N, parts = len(A), len(dbs)
    for part in prange(parts):
        i0, i1 = N * part // parts, N * (part + 1) // parts
        fused.output_errors(A[i0:i1], t[i0:i1], share, d[i0:i1], dbs[part])


@parallel(cache=True, error_model="numpy")
def hidden_errors(A, d, dbs):
    N, parts = len(A), len(dbs)
    for part in prange(parts):
        i0, i1 = N * part // parts, N * (part + 1) // parts
        fused.hidden_errors(A[i0:i1], d[i0:i1], dbs[part])


def forward(x, W2, b2, W3, b3, t):
    x, W2, W3, t = map(np.ascontiguousarray, (x, W2, W3, t))
    parts = get_num_threads()
    a2 = product(x, W2, transpose_b=True, bias=b2)
    activate(a2, parts)
    a3 = product(a2, W3, transpose_b=True, bias=b3)
    activate(a3, parts)
    sums = np.empty(parts, x.dtype)
    squares(a3, t, sums)
    return sums.sum() / x.dtype.type(2 * t.size), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    parts = get_num_threads()
    d3 = np.empty_like(a3)
    db2, db3 = np.zeros((parts, a2.shape[1]), x.dtype), np.zeros((parts, a3.shape[1]), x.dtype)
    output_errors(a3, t, dout / x.dtype.type(t.size), d3, db3)
    d2 = product(d3, W3)
    hidden_errors(a2, d2, db2)
    dW2, dW3 = product(d2, x, transpose_a=True), product(d3, a2, transpose_a=True)
    return product(d2, W2), dW2, db2.sum(axis=0), dW3, db3.sum(axis=0)
