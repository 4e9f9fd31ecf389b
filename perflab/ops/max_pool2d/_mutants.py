"""Known mistakes in max-pooling. The oracle must catch every one of them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perflab.contract import Mutant

from . import vectorized

right, right_back = vectorized.forward, vectorized.backward


def _windows(x, size, stride):
    size = (size, size) if isinstance(size, int) else size
    stride = (stride, stride) if isinstance(stride, int) else stride
    windows = sliding_window_view(x, size, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return windows.reshape(*windows.shape[:4], size[0] * size[1])


def _with_winner(x, size, stride, winner, out):
    _, (shape, _, *rest) = right(x, size, stride)
    return out, (shape, winner, *rest)


def last_maximum(x, size, stride):
    windows = _windows(x, size, stride)
    winner = windows.shape[4] - 1 - windows[..., ::-1].argmax(axis=4)
    return _with_winner(x, size, stride, winner, right(x, size, stride)[0])


def nan_skipped(x, size, stride):
    windows = _windows(x, size, stride)
    low = np.where(np.isnan(windows), -np.inf, windows)
    return _with_winner(x, size, stride, low.argmax(axis=4), np.fmax.reduce(windows, axis=4))


def average(x, size, stride):
    out, cache = right(x, size, stride)
    return _windows(x, size, stride).mean(axis=4, dtype=x.dtype), cache


def minimum(x, size, stride):
    windows = _windows(x, size, stride)
    return _with_winner(x, size, stride, windows.argmin(axis=4), windows.min(axis=4))


def largest_magnitude(x, size, stride):
    windows = _windows(x, size, stride)
    winner = np.abs(windows).argmax(axis=4)
    out = np.take_along_axis(windows, winner[..., np.newaxis], axis=4)[..., 0]
    return _with_winner(x, size, stride, winner, out)


def from_zero(x, size, stride):
    """The running maximum starts at 0, so a window of negative numbers yields 0."""
    out, cache = right(x, size, stride)
    return np.where(out < 0, x.dtype.type(0), out), cache


def masked(x, size, stride):
    out, cache = right(x, size, stride)
    return out, (x, out, *cache)


def _scatter(dout, cache, share):
    x, out, x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for i in range(OH):
        for j in range(OW):
            at = np.s_[:, :, i * stride_h : i * stride_h + size_h, j * stride_w : j * stride_w + size_w]
            top = out[:, :, i, j, np.newaxis, np.newaxis]
            mask = (x[at] == top) | (np.isnan(x[at]) & np.isnan(top))
            weight = mask / mask.sum(axis=(2, 3), keepdims=True) if share else mask
            dx[at] += (weight * dout[:, :, i, j, np.newaxis, np.newaxis]).astype(dout.dtype)
    return (dx,)


def to_every_maximum(dout, cache):
    return _scatter(dout, cache, share=False)


def shared_between_maxima(dout, cache):
    return _scatter(dout, cache, share=True)


def assigned(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.zeros(x_shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        row, col = divmod(int(winner[n, c, i, j]), size_w)
        dx[n, c, i * stride_h + row, j * stride_w + col] = dout[n, c, i, j]
    return (dx,)


def size_for_stride(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.zeros(x_shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        row, col = divmod(int(winner[n, c, i, j]), size_w)
        dx[n, c, (i * size_h + row) % x_shape[2], (j * size_w + col) % x_shape[3]] += dout[n, c, i, j]
    return (dx,)


def rows_and_columns_swapped(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    if size_h == size_w:
        winner = winner % size_w * size_w + winner // size_w
    return right_back(dout, (x_shape, winner, size_h, size_w, stride_h, stride_w))


def divided_by_height(dout, cache):
    """`divmod` by the window's height, where its width is wanted: right in square windows."""
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.zeros(x_shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        row, col = divmod(int(winner[n, c, i, j]), size_h)
        row, col = min(i * stride_h + row, x_shape[2] - 1), min(j * stride_w + col, x_shape[3] - 1)
        dx[n, c, row, col] += dout[n, c, i, j]
    return (dx,)


def upstream_ignored(dout, cache):
    return right_back(np.ones_like(dout), cache)


def zeros(dout, cache):
    return (np.zeros(cache[0], dout.dtype),)


mutants = (
    Mutant(
        "last_maximum",
        "on a tie the last maximum takes the gradient, not the first",
        last_maximum,
        right_back,
    ),
    Mutant("mask_for_argmax", "on a tie every maximum takes the whole gradient", masked, to_every_maximum),
    Mutant("tie_shared", "on a tie the maxima share the gradient", masked, shared_between_maxima),
    Mutant("nan_skipped", "a NaN is passed over, where it must show", nan_skipped, right_back),
    Mutant("average", "the mean of the window, not its maximum", average, right_back),
    Mutant("minimum", "the minimum of the window", minimum, right_back),
    Mutant("largest_magnitude", "the largest absolute value of the window", largest_magnitude, right_back),
    Mutant(
        "starts_at_zero", "the running maximum starts at 0: negative windows yield 0", from_zero, right_back
    ),
    Mutant("assign_for_add", "`=` for `+=`: right only where windows do not overlap", right, assigned),
    Mutant("size_for_stride", "windows are placed by their size, not their stride", right, size_for_stride),
    Mutant("taps_swapped", "the row and column in the window are swapped", right, rows_and_columns_swapped),
    Mutant(
        "divided_by_height",
        "the place in a window is found by its height, not its width",
        right,
        divided_by_height,
    ),
    Mutant("upstream_ignored", "the upstream gradient is taken to be ones", right, upstream_ignored),
    Mutant("zeros", "zeros are returned", right, zeros),
)
