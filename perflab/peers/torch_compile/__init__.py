"""PyTorch's code of the column `torch`, unchanged, compiled by torch.compile; gradients by autograd."""
