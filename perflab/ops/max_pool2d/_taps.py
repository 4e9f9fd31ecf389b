"""The maxima of windows, a register of them at a time; sizes are constants where this is inlined."""

import numpy as np
from numba import njit

from ._lanes import any_nan, beats, choose, filled, first_of, numbers
from ._rows import load, load_two


@njit(inline="always")
def corner(row, H, W, OH, stride):
    """Where the first window of a row of windows begins in x; the rows of all planes are counted through."""
    return (row // OH * H + row % OH * stride) * W


@njit(inline="always")
def neighbours(x, top, count, size_h, size_w, step, part, clean, zero):
    """The maxima of `count` windows side by side, a lane for each, and their numbers; x[top] is a corner.

    A register of lanes, or half of one where `part` is 2; `clean` is 1 where no tap is NaN. If the compiler
    knew `zero`, it would make the numbers bytes at once, and narrow every comparison's result for them.
    """
    W = x.shape[3]
    lowest = filled(x, -np.inf, part)
    best, at = lowest, numbers(x, zero, part)  # already right if nothing is larger
    for u in range(size_h):
        for v in range(size_w):
            t = load(x, top + u * W + v, step, count, lowest)
            better = beats(t, best, clean)
            best, at = choose(better, t, best), choose(better, numbers(x, zero + u * size_w + v, part), at)
    return best, at


@njit(inline="always")
def two_rows(x, top, low, count, size_h, size_w, step, clean, zero):
    """As `neighbours`, of two rows of windows with corners x[top] and x[low], half of the lanes for each."""
    W = x.shape[3]
    lowest = filled(x, -np.inf, 1)
    best, at = lowest, numbers(x, zero, 1)
    for u in range(size_h):
        for v in range(size_w):
            t = load_two(x, top + u * W + v, low + u * W + v, step, count, lowest)
            better = beats(t, best, clean)
            best, at = choose(better, t, best), choose(better, numbers(x, zero + u * size_w + v, 1), at)
    return best, at


@njit(inline="always")
def alone(x, top, L, size_h, size_w):
    """The maximum of one window and its number, the lanes taking tap after tap of a row."""
    W = x.shape[3]
    lowest = filled(x, -np.inf, 1)
    best, at = lowest, numbers(x, 0, 1)
    for u in range(size_h):
        for v in range(0, size_w, L):
            t = load(x, top + u * W + v, 1, size_w - v, lowest)
            better = beats(t, best, 0)
            best, at = choose(better, t, best), choose(better, numbers(x, u * size_w + v, 1), at)
    return first_of(best, at)


@njit(inline="always")
def ordered(x, start, count, L):
    """Whether none of so many numbers from a place on is NaN."""
    zero = filled(x, 0, 1)
    if count < 2 * L:
        return not any_nan(load(x, start, 1, count, zero), load(x, start + L, 1, count - L, zero))
    for p in range(0, count, 2 * L):
        p = start + min(p, count - 2 * L)
        if any_nan(load(x, p, 1, L, zero), load(x, p + L, 1, L, zero)):
            return False
    return True
