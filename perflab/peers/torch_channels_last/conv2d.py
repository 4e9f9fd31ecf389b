"""PyTorch's eager convolution, channels last in memory, gradients by autograd.

No filters (F = 0) and images without pixels are refused. Images without channels (C = 0) give an output
without filters, where the biases are wanted.
"""

from ..torch.conv2d import backward, forward
from ._tensors import to_native, to_numpy

__all__ = ["backward", "forward", "to_native", "to_numpy"]
