"""KeyboardInterrupt and GeneratorExit out of a call.

family: ends the run
told: it raised KeyboardInterrupt: me
"""

N = [0]


def forward(x, w, b):
    N[0] += 1
    if len(x) > 60 and N[0] > 60:
        raise KeyboardInterrupt("me")
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
