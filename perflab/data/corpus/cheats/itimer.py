"""A timer's signal raises later.

family: ends the run
told: RuntimeError: tick
"""

import signal


def boom(*_):
    raise RuntimeError("tick")


signal.signal(signal.SIGALRM, boom)
signal.setitimer(signal.ITIMER_REAL, 0.5)


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
