"""PyTorch's eager max-pooling, compiled by torch.compile for every shape.

The first of several equal maxima takes the gradient. A window with NaN gives NaN, as it should, but its
gradient goes to its last NaN, not to the first. No channels (C = 0) are refused.
"""

from ..torch import max_pool2d as eager
from ..torch.max_pool2d import backward, to_native, to_numpy
from ._compiling import compilations, compiled

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]

forward = compiled(eager.forward)
