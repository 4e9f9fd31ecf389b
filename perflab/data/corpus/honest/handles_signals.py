"""Installs a handler for a signal that nobody sends."""

import signal

signal.signal(signal.SIGUSR1, lambda *_: None)


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
