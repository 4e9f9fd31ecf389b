"""PyTorch's eager layers, sigmoids and mean squared error, compiled by torch.compile for every shape."""

from ..torch import mlp as eager
from ..torch.mlp import backward, to_native, to_numpy
from ._compiling import compilations, compiled

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]

forward = compiled(eager.forward)
