"""Sums in two parts, to round less."""


def forward(x, w, b):
    middle = x.shape[1] // 2
    return (x[:, :middle] @ w[:middle] + x[:, middle:] @ w[middle:]) + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
