"""PyTorch as written by hand: eager, NCHW, gradients by autograd."""
