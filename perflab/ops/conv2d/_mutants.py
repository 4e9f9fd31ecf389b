"""Known mistakes in convolution. The oracle must catch every one of them."""

import numpy as np

from perflab.contract import Mutant

from . import vectorized

right, right_back = vectorized.forward, vectorized.backward


def flipped(x, w, b, stride=1, pad=0):
    return right(x, np.ascontiguousarray(w[:, :, ::-1, ::-1]), b, stride, pad)


def taps_swapped(x, w, b, stride=1, pad=0):
    turned = w.swapaxes(2, 3).copy() if w.shape[2] == w.shape[3] else w
    return right(x, turned, b, stride, pad)[0], right(x, w, b, stride, pad)[1]


def kernel_reshaped(x, w, b, stride=1, pad=0):
    """Reads the kernel's memory as WW rows of HH taps; square kernels do not give it away."""
    F, C, HH, WW = w.shape
    turned = w.reshape(F, C, WW, HH).swapaxes(2, 3).copy() if HH != WW else w
    return right(x, turned, b, stride, pad)[0], right(x, w, b, stride, pad)[1]


def strides_swapped(x, w, b, stride=1, pad=0):
    sh, sw = stride
    out, cache = right(x, w, b, stride, pad)
    other, _ = right(x, w, b, (sw, sh), pad)
    return (other if other.shape == out.shape else out[:, :, ::-1].copy()), cache


def one_pad_for_both(x, w, b, stride=1, pad=0):
    out, cache = right(x, w, b, stride, pad)
    wrong, _ = right(x, w, b, stride, (pad[1], pad[0]))
    return (wrong if wrong.shape == out.shape else np.zeros_like(out)), cache


def no_bias(x, w, b, stride=1, pad=0):
    return right(x, w, 0 * b, stride, pad)


def edge_padding(x, w, b, stride=1, pad=0):
    if x.size == 0:
        return right(x, w, b, stride, pad)
    (ph, pw) = pad
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), mode="edge")
    return right(padded, w, b, stride, 0)[0], right(x, w, b, stride, pad)[1]


def _dx(dout, cache, *, add=True, undo=True, turn=False):
    (N, C, H, W), w, columns, sh, sw, ph, pw = cache
    F, C, HH, WW = w.shape
    OH, OW = dout.shape[2:]
    kernel = w[:, :, ::-1, ::-1] if turn else w
    dxp = np.zeros((N, C, H + 2 * ph, W + 2 * pw), w.dtype)
    for i in range(OH):
        for j in range(OW):
            window = np.einsum("nf,fcuv->ncuv", dout[:, :, i, j], kernel)
            at = np.s_[:, :, i * sh : i * sh + HH, j * sw : j * sw + WW]
            dxp[at] = dxp[at] + window if add else window
    top, left = (ph, pw) if undo else (0, 0)
    return dxp[:, :, top : top + H, left : left + W].copy()


def assigned(dout, cache):
    _, dw, db = right_back(dout, cache)
    return _dx(dout, cache, add=False), dw, db


def pad_not_undone(dout, cache):
    _, dw, db = right_back(dout, cache)
    return _dx(dout, cache, undo=False), dw, db


def kernel_turned_back(dout, cache):
    _, dw, db = right_back(dout, cache)
    return _dx(dout, cache, turn=True), dw, db


def db_wrong_axes(dout, cache):
    dx, dw, db = right_back(dout, cache)
    other = dout.sum(axis=(0, 1, 2))
    return dx, dw, (other if other.shape == db.shape else db)


def db_not_over_batch(dout, cache):
    dx, dw, db = right_back(dout, cache)
    return dx, dw, (dout[0].sum(axis=(1, 2)) if len(dout) else db)


def dw_last_position(dout, cache):
    """`=` for `+=`: dw keeps what the last output position gave, not the sum over all."""
    dx, dw, db = right_back(dout, cache)
    _, w, columns, *_ = cache
    last = np.einsum("nf,nk->fk", dout[:, :, -1, -1], columns[:, :, -1])
    return dx, last.reshape(w.shape).astype(w.dtype), db


def dw_turned(dout, cache):
    dx, dw, db = right_back(dout, cache)
    turned = dw.swapaxes(2, 3) if dw.shape[2] == dw.shape[3] else dw
    return dx, np.ascontiguousarray(turned), db


def dw_filters_and_channels(dout, cache):
    dx, dw, db = right_back(dout, cache)
    turned = dw.swapaxes(0, 1) if dw.shape[0] == dw.shape[1] else dw
    return dx, np.ascontiguousarray(turned), db


def upstream_ignored(dout, cache):
    return right_back(np.ones_like(dout), cache)


def zeros(dout, cache):
    return tuple(np.zeros_like(gradient) for gradient in right_back(dout, cache))


mutants = (
    Mutant(
        "flipped_kernel",
        "a convolution with the kernel turned around, not a cross-correlation",
        flipped,
        right_back,
    ),
    Mutant("taps_swapped", "the kernel's rows and columns are swapped", taps_swapped, right_back),
    Mutant("kernel_reshaped", "the kernel is read with HH and WW exchanged", kernel_reshaped, right_back),
    Mutant("strides_swapped", "the two strides are swapped", strides_swapped, right_back),
    Mutant("pads_swapped", "the two pads are swapped", one_pad_for_both, right_back),
    Mutant("edge_padding", "the border is repeated, where zeros are wanted", edge_padding, right_back),
    Mutant("no_bias", "the bias is not added", no_bias, right_back),
    Mutant("assign_for_add", "`=` for `+=` in dx: right only where windows do not overlap", right, assigned),
    Mutant("pad_not_undone", "dx is cut from the corner of the padded array", right, pad_not_undone),
    Mutant("dx_kernel_turned", "dx uses the kernel turned around", right, kernel_turned_back),
    Mutant("db_wrong_axes", "db is summed over batch, filters and rows", right, db_wrong_axes),
    Mutant("db_first_sample", "db is not summed over the batch", right, db_not_over_batch),
    Mutant(
        "dw_last_position",
        "`=` for `+=` in dw: the copies of a shared weight are not added",
        right,
        dw_last_position,
    ),
    Mutant("dw_turned", "dw's rows and columns are swapped", right, dw_turned),
    Mutant("dw_transposed", "dw's filters and channels are swapped", right, dw_filters_and_channels),
    Mutant("upstream_ignored", "the upstream gradient is taken to be ones", right, upstream_ignored),
    Mutant("zeros", "zeros are returned", right, zeros),
)
