"""PyTorch's eager linear layer, compiled by torch.compile for every shape."""

from ..torch import fully_connected as eager
from ..torch.fully_connected import backward, to_native, to_numpy
from ._compiling import compilations, compiled

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]

forward = compiled(eager.forward)
