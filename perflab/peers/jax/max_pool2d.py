"""JAX's jitted max-pooling, NCHW, gradients by jax.vjp.

The first of several equal maxima takes the gradient. A window with NaN gives NaN, as it should, but its
gradient goes to the largest value after its last NaN, or to that NaN if it is at the end, not to the first
NaN. Compiled again for every shape, size and stride.
"""

import jax

from ._tensors import compilations, pair, to_native, to_numpy

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]


def _pooling(x, size, stride):
    return jax.lax.reduce_window(x, -float("inf"), jax.lax.max, (1, 1, *size), (1, 1, *stride), "VALID")


def _gradients(x, size, stride, dout):
    _, pullback = jax.vjp(lambda x: _pooling(x, size, stride), x)
    return pullback(dout)  # the compiler removes the forward, whose output is not used


_forward = jax.jit(_pooling, static_argnums=(1, 2))
_backward = jax.jit(_gradients, static_argnums=(1, 2))


def forward(x, size=2, stride=2):
    """Of x (N,C,H,W): out (N,C,OH,OW). size and stride are an int or a pair."""
    cache = x, pair(size), pair(stride)
    return jax.block_until_ready(_forward(*cache)), cache


def backward(dout, cache):
    """The gradient dx."""
    return jax.block_until_ready(_backward(*cache, dout))
