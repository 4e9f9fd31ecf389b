"""What a vector of neighbouring windows does with its taps; sizes are constants where this is inlined."""

import numpy as np
from numba import njit

from ._lanes import beats, choose, equals, filled, load, plus, store, store_zipped


@njit(forceinline=True)
def best_of_windows(x, out, winner, top, to, count, window):
    """The maxima of `count` windows side by side, the first one's corner at x[top]."""
    W, (size_h, size_w, _, step) = x.shape[3], window
    best, at = filled(x, -np.inf, x), filled(winner, 0, x)  # right as it is, if nothing is larger
    for u in range(size_h):
        for v in range(size_w):
            t = load(x, top + u * W + v, step, 0, count, x)
            better = beats(t, best)
            best, at = choose(better, t, best), choose(better, filled(winner, u * size_w + v, x), at)
    store(best, out, to, count)
    store(at, winner, to, count)


@njit(forceinline=True)
def sum_of_windows(dout, winner, dx, at, to, i, u, edges, window):
    """dx[to] and what follows: the gradients of the windows over it that chose it, dout[at] the last."""
    OH, OW = dout.shape[2:]
    size_h, size_w, stride_h, step = window
    first, last, until = edges
    zero = filled(dout, 0, dout)
    even, odd = zero, zero
    for p in range((size_h - 1 - u) // stride_h + 1):
        if 0 <= i - p < OH:
            for q in range((size_w - 1) // step + 1):
                d = load(dout, at - p * OW - q, 1, first + q, last + q, dout)
                w = load(winner, at - p * OW - q, 1, first + q, last + q, dout)
                tap = (u + p * stride_h) * size_w + q * step
                even = plus(even, choose(equals(w, tap), d, zero))
                if step == 2 and q * step + 1 < size_w:
                    odd = plus(odd, choose(equals(w, tap + 1), d, zero))
    if step == 1:
        store(even, dx, to, until)
    else:
        store_zipped(even, odd, dx, to, until)
