from __future__ import print_function
import numpy as np

try:
    from cs231n.im2col_cython import col2im_cython
except ImportError as missing:
    col2im_cython = None
    print("Build the extension first:", missing)

from .im2col import *


def conv_forward_im2col(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    F, C, HH, WW = w.shape
    cols = im2col_indices(x, HH, WW, pad, stride)
    out_height = (x.shape[2] + 2 * pad - HH) // stride + 1
    out = w.reshape(F, -1) @ cols + b[:, np.newaxis]
    return out.reshape(x.shape[0], F, out_height, cols.shape[2] // out_height), (x, w, b, conv_param, cols)


def conv_backward_im2col(dout, cache):
    x, w, b, conv_param, cols = cache
    N, F = dout.shape[:2]
    flat = dout.reshape(N, F, -1)
    dw = (flat @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    dcols = w.reshape(F, -1).T @ flat
    dx = col2im_indices(dcols, x.shape, *w.shape[2:], conv_param["pad"], conv_param["stride"])
    return dx, dw, flat.sum(axis=(0, 2))


def conv_forward_strides(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    out = np.einsum("ncijuv,fcuv->nfij", windows, w) + b[:, np.newaxis, np.newaxis]
    return out, (x, w, b, conv_param)


def conv_backward_strides(dout, cache):
    from .layers import conv_backward_naive

    return conv_backward_naive(dout, cache)


conv_forward_fast = conv_forward_strides
conv_backward_fast = conv_backward_strides


def max_pool_forward_reshape(x, pool_param):
    N, C, H, W = x.shape
    s = pool_param["stride"]
    assert pool_param["pool_height"] == pool_param["pool_width"] == s, "Invalid pool params"
    assert H % s == 0 and W % s == 0
    tiles = x.reshape(N, C, H // s, s, W // s, s)
    out = tiles.max(axis=(3, 5))
    return out, (x, tiles, out)


def max_pool_backward_reshape(dout, cache):
    x, tiles, out = cache
    mask = tiles == out[:, :, :, np.newaxis, :, np.newaxis]
    return (mask * dout[:, :, :, np.newaxis, :, np.newaxis]).reshape(x.shape)
