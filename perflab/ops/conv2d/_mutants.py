"""Known mistakes in convolution. The oracle must catch every one of them."""

import numpy as np

from perflab.contract import Mutant

from . import padded_windows, vectorized

right, right_back = vectorized.forward, vectorized.backward


def flipped(x, w, b, stride=1, pad=0):
    return right(x, np.ascontiguousarray(w[:, :, ::-1, ::-1]), b, stride, pad)


def taps_swapped(x, w, b, stride=1, pad=0):
    """w[f, c, v, u]: it fits square kernels, and a side of 1, which NumPy stretches."""
    _, cache = right(x, w, b, stride, pad)
    windows = padded_windows(x, w.shape[2:], cache[3:5], cache[5:7])
    out = np.einsum("ncijuv,fcuv->nfij", windows, w.swapaxes(2, 3))
    return out + b[:, np.newaxis, np.newaxis], cache


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


def cut_empty(dout, cache):
    """Dx as the padded array's [pad:-pad] along both axes."""
    dx, dw, db = right_back(dout, cache)
    rows, cols = (slice(None) if pad else slice(0) for pad in cache[5:7])
    return dx[:, :, rows, cols].copy(), dw, db


def last_channel(x, w, b, stride=1, pad=0):
    """`=` for `+=` over the channels: only the last one's sum is kept."""
    return right(x[:, -1:], w[:, -1:], b, stride, pad)[0], right(x, w, b, stride, pad)[1]


def _dx(dout, cache, *, add=True, undo=True, turn=False, step=True):
    (N, C, H, W), w, columns, sh, sw, ph, pw = cache
    sh, sw = (sh, sw) if step else (1, 1)
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


def dx_stride_ignored(dout, cache):
    _, dw, db = right_back(dout, cache)
    return _dx(dout, cache, step=False), dw, db


def dx_last_filter(dout, cache):
    """`=` for `+=` over the filters: dx holds what the last one gives."""
    x_shape, w, columns, *rest = cache
    _, dw, db = right_back(dout, cache)
    return right_back(dout[:, -1:], (x_shape, w[-1:], columns, *rest))[0], dw, db


def dx_filters_and_channels(dout, cache):
    x_shape, w, *rest = cache
    _, dw, db = right_back(dout, cache)
    turned = w.swapaxes(0, 1).copy() if w.shape[0] == w.shape[1] else w
    return right_back(dout, (x_shape, turned, *rest))[0], dw, db


def _divided(dout, cache):
    return tuple(gradient / max(len(dout), 1) for gradient in right_back(dout, cache))


def dw_mean(dout, cache):
    dx, _, db = right_back(dout, cache)
    return dx, _divided(dout, cache)[1], db


def db_mean(dout, cache):
    dx, dw, _ = right_back(dout, cache)
    return dx, dw, _divided(dout, cache)[2]


def last_sample_only(dout, cache):
    """`=` for `+=` over the samples: dw and db hold what the last one gives."""
    x_shape, w, columns, *rest = cache
    dx, dw, db = right_back(dout, cache)
    if not len(dout):
        return dx, dw, db
    return dx, *right_back(dout[-1:], ((1, *x_shape[1:]), w, columns[-1:], *rest))[1:]


def db_over_columns_and_filters(dout, cache):
    dx, dw, db = right_back(dout, cache)
    other = dout.sum(axis=(0, 1, 3))
    return dx, dw, (other if other.shape == db.shape else db)


def db_per_sample(dout, cache):
    dx, dw, db = right_back(dout, cache)
    other = dout.sum(axis=(1, 2, 3))
    return dx, dw, (other if other.shape == db.shape else db)


def db_last_position(dout, cache):
    dx, dw, db = right_back(dout, cache)
    return dx, dw, (dout[-1, :, -1, -1].copy() if len(dout) else db)


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


# Lines of derivation.md, each broken by some of the mistakes below.
OUT = (
    r"\mathrm{out}_{n,f,i,j} = b_f + \sum_{c,u,v}"
    r" \mathrm{xpad}_{n,c,\, i s_h + u,\, j s_w + v}\; w_{f,c,u,v}"
)
DX = (
    r"\mathrm{dxpad}_{n,c,\, i s_h + u,\, j s_w + v} \leftarrow"
    r" \mathrm{dxpad}_{n,c,\, i s_h + u,\, j s_w + v} + w_{f,c,u,v}\; \mathrm{dout}_{n,f,i,j}"
)
CROP = r"\mathrm{dx}_{n,c,r,q} = \mathrm{dxpad}_{n,c, r + p_h, q + p_w}"
DW = (
    r"\mathrm{dw}_{f,c,u,v} = \sum_{n,i,j} \mathrm{xpad}_{n,c,\, i s_h + u,\, j s_w + v}\;"
    r" \mathrm{dout}_{n,f,i,j}"
)
DB = r"\mathrm{db}_f = \sum_{n,i,j} \mathrm{dout}_{n,f,i,j}"

mutants = (
    Mutant(
        "flipped_kernel",
        "a convolution with the kernel turned around, not a cross-correlation",
        flipped,
        right_back,
        OUT,
    ),
    Mutant("taps_swapped", "the kernel's rows and columns are swapped", taps_swapped, right_back, OUT),
    Mutant(
        "kernel_reshaped", "the kernel is read with HH and WW exchanged", kernel_reshaped, right_back, OUT
    ),
    Mutant("strides_swapped", "the two strides are swapped", strides_swapped, right_back, OUT),
    Mutant("pads_swapped", "the two pads are swapped", one_pad_for_both, right_back, OUT),
    Mutant("edge_padding", "the border is repeated, where zeros are wanted", edge_padding, right_back, OUT),
    Mutant("no_bias", "the bias is not added", no_bias, right_back, OUT),
    Mutant(
        "assign_for_add", "`=` for `+=` in dx: right only where windows do not overlap", right, assigned, DX
    ),
    Mutant("pad_not_undone", "dx is cut from the corner of the padded array", right, pad_not_undone, CROP),
    Mutant(
        "cut_at_pad_zero", "dx is cut out as [pad:-pad], which is empty at pad = 0", right, cut_empty, CROP
    ),
    Mutant("dx_kernel_turned", "dx uses the kernel turned around", right, kernel_turned_back, DX),
    Mutant("db_wrong_axes", "db is summed over batch, filters and rows", right, db_wrong_axes, DB),
    Mutant("db_first_sample", "db is not summed over the batch", right, db_not_over_batch, DB),
    Mutant(
        "dw_last_position",
        "`=` for `+=` in dw: the copies of a shared weight are not added",
        right,
        dw_last_position,
        DW,
    ),
    Mutant("dw_turned", "dw's rows and columns are swapped", right, dw_turned, DW),
    Mutant("dw_transposed", "dw's filters and channels are swapped", right, dw_filters_and_channels, DW),
    Mutant("upstream_ignored", "the upstream gradient is taken to be ones", right, upstream_ignored, DW),
    Mutant("zeros", "zeros are returned", right, zeros, DX),
    Mutant(
        "last_channel",
        "`=` for `+=`: only the last channel reaches the output",
        last_channel,
        right_back,
        OUT,
    ),
    Mutant(
        "dx_stride_ignored", "dx places the windows as if the stride were 1", right, dx_stride_ignored, DX
    ),
    Mutant("dx_last_filter", "`=` for `+=`: dx is what the last filter gives", right, dx_last_filter, DX),
    Mutant(
        "dx_transposed", "dx uses w with filters and channels swapped", right, dx_filters_and_channels, DX
    ),
    Mutant("dw_mean", "dw is a mean over the batch, where the gradient is a sum", right, dw_mean, DW),
    Mutant("db_mean", "db is a mean over the batch, where the gradient is a sum", right, db_mean, DB),
    Mutant(
        "last_sample_only",
        "`=` for `+=`: the gradient of the weights is the last sample's",
        right,
        last_sample_only,
        DW,
    ),
    Mutant(
        "db_over_columns_and_filters",
        "db is summed over batch, filters and columns",
        right,
        db_over_columns_and_filters,
        DB,
    ),
    Mutant("db_per_sample", "db is summed over filters, rows and columns", right, db_per_sample, DB),
    Mutant(
        "db_last_position", "`=` for `+=` in db: only the last number is kept", right, db_last_position, DB
    ),
)
