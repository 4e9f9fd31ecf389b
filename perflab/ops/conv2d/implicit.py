"""No stored matrix of columns: a panel of columns is computed in the cache, multiplied and discarded.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
A panel contains some taps of three vectors of positions. The positions continue from row to row and from
image to image, so that all lanes are used. All filters are multiplied with the panel while it is in the L1
cache. Each copied number is used by every filter, so the rung is fast where there are many. Where there are
few positions, each core has its own filters instead of its own positions. Where a kernel is as large as the
image, every pixel counts as a channel of a single pixel. The gradient of x is computed in the same way, from
dout and the flipped filters; that of w is computed by the rung below.
"""

import numpy as np
from numba import get_num_threads

from .._arrays import aligned, flat
from . import jit_parallel, simd
from ._columns import correlate
from ._plans import inputs_plan, output_plan, same_sums


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    x_shape, w_shape = same_sums(x.shape, w.shape, pad)
    OH, OW = ((x_shape[i] + 2 * pad[i - 2] - w_shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = aligned((len(x), len(w), OH, OW), x.dtype)
    if out.size:
        plan = output_plan(x_shape, w_shape, stride, pad, (OH, OW), x.itemsize, get_num_threads())
        correlate(plan, flat(x), flat(w), b, out)
    return out, (x, w, stride, pad)


def backward(dout, cache):
    x, w, stride, pad = cache
    x_shape, w_shape = same_sums(x.shape, w.shape, pad)
    if w_shape[2:] != (1, 1) and not np.isfinite(w).all():  # the zeros around dout would make NaN of inf
        return jit_parallel.backward(dout, cache)
    threads, dx = get_num_threads(), aligned(x_shape, x.dtype)
    if dx.size:
        plan = inputs_plan(x_shape, w_shape, dout.shape, stride, pad, x.itemsize, threads)
        correlate(plan, flat(dout), flat(w), np.zeros(x_shape[1], x.dtype), dx)
    dw, db = simd.filters(dout, x.reshape(x_shape), w.reshape(w_shape), stride, pad, threads)
    return dx.reshape(x.shape), dw.reshape(w.shape), db
