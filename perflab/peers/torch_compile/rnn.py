"""PyTorch's eager steps, compiled by torch.compile for every shape.

The steps are compiled one after the other, so that compiling takes the longer the more there are.
"""

from ..torch import rnn as eager
from ..torch.rnn import backward, to_native, to_numpy
from ._compiling import compilations, compiled

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]

forward = compiled(eager.forward)
