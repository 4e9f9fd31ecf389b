"""JAX's jitted convolution, NCHW, gradients by jax.vjp.

Compiled again for every shape, stride and pad.
"""

import jax

from ._tensors import compilations, pair, to_native, to_numpy

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]


def _convolution(x, w, b, stride, pad):
    sides = [(size, size) for size in pad]
    out = jax.lax.conv_general_dilated(x, w, stride, sides, dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return out + b[:, None, None]


def _gradients(x, w, b, stride, pad, dout):
    _, pullback = jax.vjp(lambda x, w, b: _convolution(x, w, b, stride, pad), x, w, b)
    return pullback(dout)  # the compiler removes the forward, whose output is not used


_forward = jax.jit(_convolution, static_argnums=(3, 4))
_backward = jax.jit(_gradients, static_argnums=(3, 4))


def forward(x, w, b, stride=1, pad=0):
    """Of x (N,C,H,W), w (F,C,HH,WW), b (F,): out (N,F,OH,OW). stride and pad are an int or a pair."""
    cache = x, w, b, pair(stride), pair(pad)
    return jax.block_until_ready(_forward(*cache)), cache


def backward(dout, cache):
    """The gradients dx, dw, db."""
    return jax.block_until_ready(_backward(*cache, dout))
