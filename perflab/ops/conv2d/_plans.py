"""How the work of a convolution is cut, planned once for all calls of the same sizes."""

from functools import lru_cache

import numpy as np

from .._simd import BYTES
from . import _columns, _correlate, _reduce
from ._bands import bands, offsets

OWN_SUMS = 1 << 19  # bytes of dw up to which every thread has its own


@lru_cache(maxsize=64)
def output_plan(x, w, stride, pad, grid, itemsize, threads):
    F, C, HH, WW = w
    shares = sharers(x[0] * grid[0] * grid[1], F, itemsize, threads)
    cut = bands(x, (HH, WW), stride, pad, grid, 0, itemsize, threads // shares, block(itemsize))
    taps = offsets(cut, C, np.arange(HH), np.arange(WW))
    return _columns.planned(cut, [taps], [np.arange(taps.size)], taps.size, F, shares, itemsize, threads)


@lru_cache(maxsize=64)
def inputs_plan(x, w, dout, stride, pad, itemsize, threads):
    F, C, HH, WW = w
    reach, before, grid, origin = around(x, (HH, WW), stride, pad)
    shares = sharers(x[0] * grid[0] * grid[1], C, itemsize, threads)
    cut = bands(dout, reach, (1, 1), before, grid, 0, itemsize, threads // shares, block(itemsize))
    places = np.arange(F * C * HH * WW).reshape(F, C, HH, WW)[:, 0]
    sources = [part.ravel() for part in phases(places, stride)]
    taps = taps_of_phases(cut, w, stride, reach)
    return _columns.planned(cut, taps, sources, HH * WW, C, shares, itemsize, threads, stride, origin)


@lru_cache(maxsize=64)
def direct_output_plan(x, w, stride, pad, grid, itemsize, threads):
    F, C, HH, WW = w
    cut = bands(x, (HH, WW), stride, pad, grid, F, itemsize, threads)
    taps = offsets(cut, C, np.arange(HH), np.arange(WW))
    return _correlate.planned(cut, [taps], F, itemsize, threads)


@lru_cache(maxsize=64)
def direct_inputs_plan(x, w, dout, stride, pad, itemsize, threads):
    C, weight = w[1], w[1] * stride[0] * stride[1]
    reach, before, grid, origin = around(x, w[2:], stride, pad)
    cut = bands(dout, reach, (1, 1), before, grid, weight, itemsize, threads)
    taps = taps_of_phases(cut, w, stride, reach)
    return _correlate.planned(cut, taps, C, itemsize, threads, stride, origin)


@lru_cache(maxsize=64)
def filters_plan(x, w, stride, pad, grid, itemsize, threads):
    """Where dw is large, each thread has its own filters instead of sums of its own."""
    F, C, HH, WW = w
    wide = F * itemsize >= 4 * BYTES * threads
    shares = threads if wide and F * C * HH * WW * itemsize > OWN_SUMS else 1
    cut = bands(x, (HH, WW), stride, pad, grid, F, itemsize, threads // shares)
    taps = offsets(cut, C, np.arange(HH), np.arange(WW))
    return _reduce.planned(cut, taps, F, shares, itemsize, threads)


def same_sums(x, w, pad):
    """The shapes of x and w, or others with the same sums: a kernel as large as the image has all its pixels.

    Each pixel is then a channel of an image of one pixel, and the gradient of x needs no zeros around dout.
    """
    (N, C, H, W), F = x, w[0]
    if pad == (0, 0) and w[2:] == (H, W):
        return (N, C * H * W, 1, 1), (F, C * H * W, 1, 1)
    return x, w


def phases(taps, stride):
    """The taps (…, HH, WW) that each phase of dx meets."""
    return [taps[..., u :: stride[0], v :: stride[1]] for u, v in np.ndindex(stride)]


def taps_of_phases(cut, w, stride, reach):
    """Where each phase's taps are in a band of dout, from the last to the first."""
    last, shapes = (reach[0] - 1, reach[1] - 1), [part.shape for part in phases(np.empty(w[2:]), stride)]
    return [offsets(cut, w[0], last[0] - np.arange(HH), last[1] - np.arange(WW)) for HH, WW in shapes]


def block(itemsize):
    """The positions of a whole block of panels."""
    return _columns.PANELS * _columns.VECTORS * BYTES // itemsize


def sharers(positions, filters, itemsize, threads):
    """How many threads share the positions; each of them has its own filters."""
    few = 2 * positions <= threads * block(itemsize)
    return threads if few and filters >= 16 * threads else 1


def around(x, taps, stride, pad):
    """How each phase of dx reads dout: the most taps, the zeros before, the grid, and where it begins."""
    reach = -(-taps[0] // stride[0]), -(-taps[1] // stride[1])
    skipped = pad[0] // stride[0], pad[1] // stride[1]
    grid = tuple((x[2 + i] - 1 + pad[i]) // stride[i] - skipped[i] + 1 for i in (0, 1))
    before = tuple(reach[i] - 1 - skipped[i] for i in (0, 1))
    return reach, before, grid, tuple(skipped[i] * stride[i] - pad[i] for i in (0, 1))
