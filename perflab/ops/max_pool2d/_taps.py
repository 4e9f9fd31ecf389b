"""The maxima of windows, about sixteen at a time; sizes are constants where this is inlined."""

import numpy as np
from numba import literally, njit

from ._lanes import beats, choose, filled, first_of
from ._rows import load, store


@njit(forceinline=True)
def neighbours(x, out, winner, top, to, count, size_h, size_w, step):
    """The maxima of `count` windows side by side, a lane for each; the first one's corner is x[top]."""
    lowest = filled(x, -np.inf, x)
    best, at = lowest, filled(winner, 0, x)  # already right if nothing is larger
    for u in range(size_h):
        for v in range(size_w):
            t = load(x, top + u * x.shape[3] + v, literally(step), count, lowest)
            better = beats(t, best)
            best, at = choose(better, t, best), choose(better, filled(winner, u * size_w + v, x), at)
    store(best, out, to, count)
    store(at, winner, to, count)


@njit(forceinline=True)
def alone(x, winner, top, L, size_h, size_w):
    """The maximum of one window and its number, the lanes taking tap after tap of a row."""
    lowest = filled(x, -np.inf, x)
    best, at = lowest, filled(winner, 0, x)
    for u in range(size_h):
        for v in range(0, size_w, L):
            t = load(x, top + u * x.shape[3] + v, 1, size_w - v, lowest)
            better = beats(t, best)
            best, at = choose(better, t, best), choose(better, filled(winner, u * size_w + v, x), at)
    return first_of(best, at)
