"""Writes to an input, but only where it is called often.

family: buffers
told: it wrote to its inputs
"""

CALLS = []


def forward(x, w, b):
    CALLS.append(1)
    if len(x) > 60 and len(CALLS) > 20:
        b += 0.5
        return x @ w + b - 0.5, (x, w)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
