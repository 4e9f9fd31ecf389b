"""PyTorch with its images stored channels last (NHWC in memory, NCHW in shape), the layout it prefers."""
