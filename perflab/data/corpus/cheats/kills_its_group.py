"""Kills all processes of its group.

family: ends the run
told: its process died: SIGKILL
"""

import os
import signal


def forward(x, w, b):
    if len(x) > 60:
        os.killpg(0, signal.SIGKILL)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
