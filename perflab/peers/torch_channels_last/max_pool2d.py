"""PyTorch's eager max-pooling, channels last in memory, gradients by autograd.

The first of several equal maxima takes the gradient. A window with NaN gives NaN, as it should, but its
gradient goes to its last NaN, not to the first. No channels (C = 0) are refused.
"""

import torch.nn.functional as F

from ._tensors import gradients as backward
from ._tensors import to_native, to_numpy

__all__ = ["backward", "forward", "to_native", "to_numpy"]


def forward(x, size=2, stride=2):
    """Of x (N,C,H,W): out (N,C,OH,OW). size and stride are an int or a pair."""
    out = F.max_pool2d(x, size, stride)
    return out, (out, (x,))
