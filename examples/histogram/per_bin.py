"""One Python loop over the bins, each one's samples chosen by a mask: every sample is looked at B times.

bins (N,) int, w (N,), start (B,) -> out (B,)
"""

import numpy as np


def forward(bins, w, start):
    out = np.empty_like(start)
    for b in range(len(start)):
        out[b] = start[b] + w[bins == b].sum()
    return out, ()
