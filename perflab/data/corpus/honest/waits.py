"""Starts a thread that sleeps all the time, as many libraries do."""

import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
