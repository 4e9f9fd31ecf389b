"""A generator that lives as long as the file does."""


def products():
    answer = None
    while True:
        x, w, b = yield answer
        answer = x @ w + b


PRODUCTS = products()
next(PRODUCTS)


def forward(x, w, b):
    return PRODUCTS.send((x, w, b)), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
