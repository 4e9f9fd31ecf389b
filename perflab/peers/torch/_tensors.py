"""NumPy arrays to PyTorch's tensors and back."""

import numpy as np
import torch


def to_native(value):
    """A tensor on the array's own memory, a leaf of the graph if it has floats; else the value.

    A read-only or strided array is copied first. A NumPy float becomes a tensor without axes.
    """
    if not isinstance(value, np.ndarray | np.floating):
        return value
    tensor = torch.from_numpy(np.require(value, requirements="CW"))
    return tensor.requires_grad_(tensor.is_floating_point())


def to_numpy(value):
    """The tensor's numbers as a C-contiguous array, without a copy if they are contiguous already."""
    return value.detach().contiguous().numpy()


def gradients(dout, cache):
    """Autograd's gradients of `cache`, an output and its leaves; the graph is kept for the next call."""
    out, leaves = cache
    return torch.autograd.grad(out, leaves, dout, retain_graph=True)
