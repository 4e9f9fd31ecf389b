"""Raises and catches an exception at every call."""


def forward(x, w, b):
    try:
        raise LookupError(x.shape)
    except LookupError:
        return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
