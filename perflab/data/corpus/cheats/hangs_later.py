"""Does not come back from a call that is timed.

family: no answer
told: it gave no answer for
"""

import time

CALLS = []


def forward(x, w, b):
    CALLS.append(1)
    while len(x) > 60 and len(CALLS) > 20:
        time.sleep(1)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
