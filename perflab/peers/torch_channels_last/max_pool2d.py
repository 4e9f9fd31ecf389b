"""PyTorch's eager max-pooling, channels last in memory, gradients by autograd.

The first of several equal maxima takes the gradient. A window with NaN gives NaN, as it should, but its
gradient goes to its last NaN, not to the first. No channels (C = 0) are refused.
"""

from ..torch.max_pool2d import backward, forward
from ._tensors import to_native, to_numpy

__all__ = ["backward", "forward", "to_native", "to_numpy"]
