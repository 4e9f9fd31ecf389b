"""The operations: one folder each, one file a technique."""
