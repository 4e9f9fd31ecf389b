"""Does not come back from a call that is timed."""

CALLS = []


def forward(x, w, b):
    CALLS.append(1)
    while len(x) > 60 and len(CALLS) > 20:
        pass
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
