"""Is right, and prints megabytes.

family: resources
told: it printed
"""


def forward(x, w, b):
    for _ in range(100):
        print("x" * 50_000)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
