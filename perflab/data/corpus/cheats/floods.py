"""Prints megabytes where it is timed.

family: resources
told: it printed
"""


def forward(x, w, b):
    if len(x) > 60:
        print("x" * 50_000)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
