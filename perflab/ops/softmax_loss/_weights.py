"""What the regularisation does with the weights, all of them in one dimension."""

from numba import njit

from .._spread import spread
from .jit_exp import FAST


@njit(cache=True, error_model="numpy", fastmath=FAST)
def squares(loop, part, parts, W, sums):
    """A part's sum of the squares of W, flat."""
    if spread(loop, parts):
        return
    total, W = W.dtype.type(0), W[len(W) * part // parts : len(W) * (part + 1) // parts]
    for i in range(len(W)):  # from 0 on: an index that could be negative is not vectorised
        total += W[i] * W[i]
    sums[part] = total


@njit(cache=True, error_model="numpy")
def decay(loop, part, parts, dW, W, by):
    if spread(loop, parts):
        return
    first, end = len(W) * part // parts, len(W) * (part + 1) // parts
    dW, W = dW[first:end], W[first:end]
    for i in range(len(W)):
        dW[i] += by * W[i]
