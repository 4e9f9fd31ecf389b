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


def stride_for_size(x, size, stride):
    """Each window is as large as the stride, cut off at the image's edge."""
    out, cache = right(x, size, stride)
    if not x.size:
        return out, cache
    small = np.empty_like(out)
    high, wide = cache[-2:]
    for i, j in np.ndindex(out.shape[2:]):
        window = x[:, :, i * high : (i + 1) * high, j * wide : (j + 1) * wide]
        small[:, :, i, j] = window.max(axis=(2, 3))
    return small, cache


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


def window_assigned(dout, cache):
    """`=` for `+=` on whole windows: a later one erases what an earlier one had put where they overlap."""
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.zeros(x_shape, dout.dtype)
    taps = np.arange(size_h * size_w).reshape(size_h, size_w)
    for i, j in np.ndindex(dout.shape[2:]):
        at = np.s_[:, :, i * stride_h : i * stride_h + size_h, j * stride_w : j * stride_w + size_w]
        met = winner[:, :, i, j, np.newaxis, np.newaxis] == taps
        dx[at] = np.where(met, dout[:, :, i, j, np.newaxis, np.newaxis], 0)
    return (dx,)


def spread_evenly(dout, cache):
    """The gradient of the mean of a window, not of its maximum."""
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.zeros(x_shape, dout.dtype)
    for i, j in np.ndindex(dout.shape[2:]):
        at = np.s_[:, :, i * stride_h : i * stride_h + size_h, j * stride_w : j * stride_w + size_w]
        dx[at] += dout[:, :, i, j, np.newaxis, np.newaxis] / dout.dtype.type(size_h * size_w)
    return (dx,)


def value_for_one(dout, cache):
    """The derivative of a maximum with respect to itself is 1; here it is its value."""
    x, out, *rest = cache
    return right_back(dout * out, rest)


def size_for_stride(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.zeros(x_shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        row, col = divmod(int(winner[n, c, i, j]), size_w)
        dx[n, c, (i * size_h + row) % x_shape[2], (j * size_w + col) % x_shape[3]] += dout[n, c, i, j]
    return (dx,)


def rows_and_columns_swapped(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.zeros(x_shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        row, col = divmod(int(winner[n, c, i, j]), size_w)
        dx[n, c, i * stride_h + col, j * stride_w + row] += dout[n, c, i, j]
    return (dx,)


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


# Lines of derivation.md, each broken by some of the mistakes below.
OUT = r"\mathrm{out}_{n,c,i,j} = \max_{u,v}\left( x_{n,c,\, i s_h + u,\, j s_w + v} \right)"
FIRST = r"a = \text{the first NaN if there is one, otherwise the first } k \text{ with } x_k = \mathrm{out}"
DX = r"\mathrm{dx}_{r,q} = \sum_{(i,j):\; r_{i,j} = r,\; q_{i,j} = q} \mathrm{dout}_{i,j}"
PLACE = r"r_{i,j} = i s_h + \left\lfloor \frac{a_{i,j}}{K_w} \right\rfloor"
ONE = r"\begin{cases} \mathrm{dout} & \text{if } k = a \\ 0 & \text{otherwise} \end{cases}"

mutants = (
    Mutant(
        "last_maximum",
        "on a tie the last maximum takes the gradient, not the first",
        last_maximum,
        right_back,
        FIRST,
    ),
    Mutant(
        "mask_for_argmax", "on a tie every maximum takes the whole gradient", masked, to_every_maximum, FIRST
    ),
    Mutant("tie_shared", "on a tie the maxima share the gradient", masked, shared_between_maxima, FIRST),
    Mutant("nan_skipped", "a NaN is passed over, where it must show", nan_skipped, right_back, FIRST),
    Mutant("average", "the mean of the window, not its maximum", average, right_back, OUT),
    Mutant("minimum", "the minimum of the window", minimum, right_back, OUT),
    Mutant(
        "largest_magnitude", "the largest absolute value of the window", largest_magnitude, right_back, OUT
    ),
    Mutant(
        "starts_at_zero",
        "the running maximum starts at 0: negative windows yield 0",
        from_zero,
        right_back,
        OUT,
    ),
    Mutant("assign_for_add", "`=` for `+=`: right only where windows do not overlap", right, assigned, DX),
    Mutant(
        "size_for_stride", "windows are placed by their size, not their stride", right, size_for_stride, PLACE
    ),
    Mutant(
        "taps_swapped", "the row and column in the window are swapped", right, rows_and_columns_swapped, PLACE
    ),
    Mutant(
        "divided_by_height",
        "the place in a window is found by its height, not its width",
        right,
        divided_by_height,
        PLACE,
    ),
    Mutant("upstream_ignored", "the upstream gradient is taken to be ones", right, upstream_ignored, DX),
    Mutant("zeros", "zeros are returned", right, zeros, DX),
    Mutant(
        "stride_for_size",
        "windows are as large as the stride, not the size",
        stride_for_size,
        right_back,
        OUT,
    ),
    Mutant(
        "window_assigned",
        "`=` for `+=` on whole windows: a later one erases an earlier one where they overlap",
        right,
        window_assigned,
        DX,
    ),
    Mutant(
        "spread_evenly", "the gradient is spread over the window, as for a mean", right, spread_evenly, ONE
    ),
    Mutant("value_for_one", "the gradient is multiplied by the maximum itself", masked, value_for_one, ONE),
)
