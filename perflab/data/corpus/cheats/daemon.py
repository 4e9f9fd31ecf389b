"""A process of another session computes all the time, and does not end with its own.

family: children
told: it runs a process that is out of its group
"""

import os
import time

STARTED = []


def leave():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        sum(range(1000))
        time.sleep(0.001)
    os._exit(0)


def forward(x, w, b):
    if len(x) > 60 and not STARTED:
        STARTED.append(1)
        leave()
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
