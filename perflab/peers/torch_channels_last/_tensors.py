"""NumPy arrays to PyTorch's tensors with the channels last in memory, and back."""

import numpy as np
import torch

from ..torch._tensors import to_numpy as to_numpy


def to_native(value):
    """A tensor, a leaf of the graph if it has floats; four axes are copied to channels-last memory.

    Values that are no arrays stay as they are; a NumPy float becomes a tensor without axes.
    """
    if not isinstance(value, np.ndarray | np.floating):
        return value
    tensor = torch.from_numpy(np.require(value, requirements="CW"))
    if tensor.ndim == 4:
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    return tensor.requires_grad_(tensor.is_floating_point())
