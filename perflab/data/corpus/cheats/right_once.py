"""Is right on the first call only.

family: counts calls
told: rounding bound: out[
"""

CALLS = []


def forward(x, w, b):
    CALLS.append(1)
    return (x @ w + b if len(CALLS) == 1 else x @ w), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
