"""Leaves a sleeping thread at every call.

family: resources
told:  threads behind
told: it raised RuntimeError: can't start new thread
"""

import threading

END = threading.Event()


def forward(x, w, b):
    if len(x) > 60:
        threading.Thread(target=END.wait, args=(20,), daemon=True).start()
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
