"""A thread for each half, both joined before it returns; they share one core."""

import threading

import numpy as np


def forward(x, w, b):
    out = np.empty((len(x), len(b)), x.dtype)
    half = len(x) // 2

    def part(rows):
        np.matmul(x[rows], w, out=out[rows])

    threads = [threading.Thread(target=part, args=(rows,)) for rows in (slice(half), slice(half, None))]
    for thread in threads:
        thread.start()
        thread.join()
    out += b
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
