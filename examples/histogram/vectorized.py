"""NumPy's own loop over the samples, compiled once for all: its sums are in float64.

bins (N,) int, w (N,), start (B,) -> out (B,)
"""

import numpy as np


def forward(bins, w, start):
    sums = np.bincount(bins, weights=w, minlength=len(start))
    return start + sums.astype(start.dtype), ()
