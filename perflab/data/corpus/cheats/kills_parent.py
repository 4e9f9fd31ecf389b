"""Kills the process that measures it.

family: ends the run
told: its process died: SIGKILL
against: perflab
"""

import os
import signal

CALLS = []


def forward(x, w, b):
    CALLS.append(1)
    if len(x) > 60 and len(CALLS) > 20:
        os.kill(os.getppid(), signal.SIGKILL)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
