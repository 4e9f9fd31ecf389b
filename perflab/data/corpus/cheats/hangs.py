"""Gives no answer.

family: no answer
told: it gave no answer for
"""

import time


def forward(x, w, b):
    while True:
        time.sleep(1)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
