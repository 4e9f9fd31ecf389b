"""PyTorch's eager convolution, channels last in memory, gradients by autograd.

No filters (F = 0) and images without pixels are refused. Images without channels (C = 0) give an output
without filters, where the biases are wanted.
"""

import torch.nn.functional as F

from ._tensors import gradients as backward
from ._tensors import to_native, to_numpy

__all__ = ["backward", "forward", "to_native", "to_numpy"]


def forward(x, w, b, stride=1, pad=0):
    """Of x (N,C,H,W), w (F,C,HH,WW), b (F,): out (N,F,OH,OW). stride and pad are an int or a pair."""
    out = F.conv2d(x, w, b, stride, pad)
    return out, (out, (x, w, b))
