"""Asks the interpreter to end.

family: ends the run
told: SystemExit: 0
"""

import sys


def forward(x, w, b):
    sys.exit(0)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
