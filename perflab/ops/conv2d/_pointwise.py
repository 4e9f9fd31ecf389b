"""The filters' gradient for windows of one pixel: the product of dout and x transposed, image by image."""

import numpy as np
from numba import get_num_threads, prange

from .._arrays import flat
from .._threads import parallel
from ..fully_connected._sweep import tiles
from ..fully_connected.packed import buffers, multiply
from ._bands import OPTIONS


@parallel(**OPTIONS)
def share(kernels, dout, x, row, part, dws, N, F, C, P, works, threads):
    """dws[thread] = Σ over its images of dout[n] (F × P) · x[n] (C × P) transposed."""
    for thread in prange(threads):
        sums, product = dws[thread], part[thread]
        for n in range(thread * N // threads, (thread + 1) * N // threads):
            left, right = dout[n * F * P :], x[n * C * P :]
            multiply(kernels, left, P, 1, right, 1, P, row, product, C, F, P, C, works[thread])
            for i in range(sums.size):
                sums[i] += product[i]


def filters(dout, x, w):
    (N, C), F, threads = x.shape[:2], len(w), get_num_threads()
    P = dout[0, 0].size if dout.size else 0
    dws, part = np.zeros((threads, F * C), x.dtype), np.empty((threads, F * C), x.dtype)
    row, works = np.zeros(C + 128, x.dtype), buffers(x.dtype, threads)
    share(tiles(x.dtype), flat(dout), flat(x), row, part, dws, N, F, C, P, works, threads)
    return dws.sum(axis=0).reshape(w.shape), dout.reshape(N, F, P).sum(axis=2).sum(axis=0)
