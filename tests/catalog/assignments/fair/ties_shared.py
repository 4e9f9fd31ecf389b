"""Right. Tied maxima share the gradient evenly; tiles alone."""

import numpy as np


def max_pool_forward_reshape(x, pool_param):
    h, w, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, H, W = x.shape
    assert h == w == s, "tiles only"
    assert H % h == 0 and W % w == 0
    tiles = x.reshape(N, C, H // h, h, W // w, w)
    out = tiles.max(axis=3).max(axis=4)
    return out, (x, tiles, out)


def max_pool_backward_reshape(dout, cache):
    x, tiles, out = cache
    mask = tiles == out[:, :, :, None, :, None]
    d = np.where(mask, dout[:, :, :, None, :, None], 0)
    d = d / mask.sum(axis=(3, 5), keepdims=True)
    return d.reshape(x.shape).astype(x.dtype)
