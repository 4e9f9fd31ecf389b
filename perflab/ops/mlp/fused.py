"""One compiled pass does everything but the product: bias and sigmoid, slope and bias gradient.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

In place, NumPy still needs six passes over memory for a sigmoid. The compiled pass reads a number, does all
operations on it in vector registers, with the exp of softmax_loss/jit_exp.py, and writes it back. BLAS
computes the products.
"""

import numpy as np
from numba import njit

from ..softmax_loss.jit_exp import FAST, exp


@njit(cache=True, error_model="numpy", fastmath=FAST)
def activate(A, b):
    """σ(A + b) in place of A, row by row."""
    zero, one = A.dtype.type(0), A.dtype.type(1)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            z = A[i, j] + b[j]
            e = exp(-abs(z))
            A[i, j] = (one if z >= zero else e) / (one + e)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def squares(A, t):
    """Σ (A − t)²."""
    total = A.dtype.type(0)
    for i in range(A.shape[0]):
        row = A.dtype.type(0)
        for m in range(A.shape[1]):
            row += (A[i, m] - t[i, m]) * (A[i, m] - t[i, m])
        total += row
    return total


@njit(cache=True, error_model="numpy", fastmath=FAST)
def output_errors(A, t, share, d, db):
    """BP1: d = share·(A − t)·σ'; BP3: its sum over the rows is added to db."""
    one = A.dtype.type(1)
    for i in range(A.shape[0]):
        for m in range(A.shape[1]):
            d[i, m] = share * (A[i, m] - t[i, m]) * (A[i, m] * (one - A[i, m]))
            db[m] += d[i, m]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def hidden_errors(A, d, db):
    """The end of BP2: d becomes d·σ'; BP3: its sum over the rows is added to db."""
    one = A.dtype.type(1)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            d[i, j] *= A[i, j] * (one - A[i, j])
            db[j] += d[i, j]


def forward(x, W2, b2, W3, b3, t):
    a2 = np.dot(x, W2.T)
    activate(a2, b2)
    a3 = np.dot(a2, W3.T)
    activate(a3, b3)
    J = x.dtype.type(squares(a3, t)) / x.dtype.type(2 * t.size)
    return J, (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    d3, db2, db3 = np.empty_like(a3), np.zeros(a2.shape[1], x.dtype), np.zeros(a3.shape[1], x.dtype)
    output_errors(a3, t, dout / x.dtype.type(t.size), d3, db3)
    d2 = np.dot(d3, W3)
    hidden_errors(a2, d2, db2)
    return np.dot(d2, W2), np.dot(d2.T, x), db2, np.dot(d3.T, a2), db3
