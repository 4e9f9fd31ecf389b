"""Loops of every form; a comment marks each line on which one begins ("loop") or is told why not ("in")."""

import numpy as np
from numba import njit


@njit
def strict(x, w, b):
    out = np.empty((x.shape[0], w.shape[1]), x.dtype)
    for n in range(x.shape[0]):  # loop: innermost loops only
        for m in range(w.shape[1]):  # loop
            total = b[m]
            for d in range(x.shape[1]):  # loop: loop not vectorized
                total += x[n, d] * w[d, m]  # in: reorder floating-point operations
            out[n, m] = total
    return out


@njit
def entered_late(a, b):
    n = a.shape[0] - 1
    k = 0
    s = a[0] * 2
    b[0] = s
    while k < n:  # loop: vectorized loop
        b[k] = a[k] * s  # in
        k += 1
    return s


@njit(fastmath=True)
def reassociated(a):
    total = a[0] * 0
    last = a.shape[0]
    for value in a:  # loop: vectorized loop
        total += value
    return total / last


@njit
def left_early(a, most):
    at = 0
    while True:  # loop: loop not vectorized
        if a[at] > most or at == a.shape[0] - 1:
            break
        at += 1
    return at


@njit
def carried(a, b):
    for i in range(2, a.shape[0]):  # loop: loop not vectorized
        a[i] = a[i - 1] * b[i]  # in: unsafe dependent memory operations
    a[0] = 1


def forward(x, w, b):
    flat = x.reshape(-1)
    entered_late(flat, np.empty_like(flat))
    reassociated(flat)
    left_early(flat, np.float32(1e9))
    carried(flat.copy(), flat)
    return strict(x, w, b), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
