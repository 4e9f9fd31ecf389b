"""Reads address 0 in a call that is timed.

family: ends the run
told: its process died: SIGSEGV
"""

import ctypes

CALLS = []


def forward(x, w, b):
    CALLS.append(1)
    if len(x) > 60 and len(CALLS) > 20:
        ctypes.string_at(0)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
