"""Crashes the interpreter.

family: ends the run
told: it crashed the interpreter: SIGSEGV
"""

import ctypes


def forward(x, w, b):
    ctypes.string_at(0)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
