"""Imports what it needs at its first call."""


def forward(x, w, b):
    from scipy.linalg import blas

    name = "sgemm" if x.dtype.char == "f" else "dgemm"
    if not x.size or not w.size:
        return x @ w + b, (x, w)
    return getattr(blas, name)(1.0, w.T, x.T).T + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
