"""Leaves a sleeping process at every call.

family: children
told:  running processes behind
"""

import os
import time


def forward(x, w, b):
    if len(x) > 60 and os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
