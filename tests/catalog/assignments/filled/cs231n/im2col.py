import numpy as np


def get_im2col_indices(x_shape, field_height, field_width, padding=1, stride=1):
    N, C, H, W = x_shape
    assert (H + 2 * padding - field_height) % stride == 0, "height does not work"
    assert (W + 2 * padding - field_width) % stride == 0, "width does not work"
    out_height = (H + 2 * padding - field_height) // stride + 1
    out_width = (W + 2 * padding - field_width) // stride + 1
    k, u, v = (a.reshape(-1, 1) for a in np.indices((C, field_height, field_width)))
    i, j = (a.reshape(1, -1) * stride for a in np.indices((out_height, out_width)))
    return k, u + i, v + j


def im2col_indices(x, field_height, field_width, padding=1, stride=1):
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    k, i, j = get_im2col_indices(x.shape, field_height, field_width, padding, stride)
    return padded[:, k, i, j]


def col2im_indices(cols, x_shape, field_height=3, field_width=3, padding=1, stride=1):
    N, C, H, W = x_shape
    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=cols.dtype)
    k, i, j = get_im2col_indices(x_shape, field_height, field_width, padding, stride)
    np.add.at(padded, (slice(None), k, i, j), cols)
    return padded[:, :, padding : padding + H, padding : padding + W]
