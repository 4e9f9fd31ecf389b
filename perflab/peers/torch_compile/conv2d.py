"""PyTorch's eager convolution, compiled by torch.compile for every shape.

No filters (F = 0) and images without pixels are refused. Images without channels (C = 0) give an output
without filters, where the biases are wanted.
"""

from ..torch import conv2d as eager
from ..torch.conv2d import backward, to_native, to_numpy
from ._compiling import compilations, compiled

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]

forward = compiled(eager.forward)
