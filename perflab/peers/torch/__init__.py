"""PyTorch as one writes it by hand: eager, NCHW, gradients by autograd."""
