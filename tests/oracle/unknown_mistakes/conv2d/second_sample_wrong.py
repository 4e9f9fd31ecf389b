"""The output of all samples but the first lacks its bias."""

import numpy as np


def _pair(value):
    return (value, value) if isinstance(value, int) else value


def forward(x, w, b, stride=1, pad=0):
    (sh, sw), (ph, pw) = _pair(stride), _pair(pad)
    (N, C, H, W), (F, _, HH, WW) = x.shape, w.shape
    OH, OW = (H + 2 * ph - HH) // sh + 1, (W + 2 * pw - WW) // sw + 1
    xp = np.zeros((N, C, H + 2 * ph, W + 2 * pw))
    xp[:, :, ph : ph + H, pw : pw + W] = x
    out = np.zeros((N, F, OH, OW))
    for f in range(F):
        for i in range(OH):
            for j in range(OW):
                patch = xp[:, :, i * sh : i * sh + HH, j * sw : j * sw + WW]
                out[:, f, i, j] = np.sum(patch * w[f], axis=(1, 2, 3)) + b[f]
    out[1:] -= b[:, None, None]
    return out, (xp, x.shape, w, sh, sw, ph, pw)


def backward(dout, cache):
    xp, (N, _C, H, W), w, sh, sw, ph, pw = cache
    (F, _, HH, WW), (OH, OW) = w.shape, dout.shape[2:]
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros(F)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    g = dout[n, f, i, j]
                    patch = xp[n, :, i * sh : i * sh + HH, j * sw : j * sw + WW]
                    db[f] += g
                    dw[f] += patch * g
                    dxp[n, :, i * sh : i * sh + HH, j * sw : j * sw + WW] += w[f] * g
    return dxp[:, :, ph : ph + H, pw : pw + W].copy(), dw, db
