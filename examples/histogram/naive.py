"""A weighted histogram in one scalar loop: each addition waits for the one before it in the same bin.

bins (N,) int, w (N,), start (B,) -> out (B,)
"""

import numpy as np


def forward(bins, w, start):
    (B,) = start.shape
    out = np.empty(B, start.dtype)
    for b in range(B):
        out[b] = start[b]
    for n in range(bins.shape[0]):
        out[bins[n]] += w[n]
    return out, ()
