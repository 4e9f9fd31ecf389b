"""Sets the interpreter up as it likes it: the collector, the recursion limit, NumPy's errors."""

import gc
import sys

import numpy as np

gc.disable()
gc.freeze()
sys.setrecursionlimit(5000)
np.seterr(all="ignore")


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
