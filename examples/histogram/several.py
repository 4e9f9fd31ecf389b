"""Four histograms side by side, added at the end: an addition seldom waits for the one before it.

bins (N,) int, w (N,), start (B,) -> out (B,)
"""

import numpy as np
from numba import njit


@njit(cache=True)
def forward(bins, w, start):
    (N,), (B,) = bins.shape, start.shape
    parts = np.zeros((4, B), start.dtype)
    whole = N - N % 4
    for n in range(0, whole, 4):
        parts[0, bins[n]] += w[n]
        parts[1, bins[n + 1]] += w[n + 1]
        parts[2, bins[n + 2]] += w[n + 2]
        parts[3, bins[n + 3]] += w[n + 3]
    for n in range(whole, N):
        parts[0, bins[n]] += w[n]
    out = np.empty(B, start.dtype)
    for b in range(B):
        out[b] = start[b] + (parts[0, b] + parts[1, b]) + (parts[2, b] + parts[3, b])
    return out, ()
