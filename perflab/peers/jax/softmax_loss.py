"""JAX's jitted softmax loss, gradients by jax.vjp.

The scores are kept for backward, which computes their softmax again.
"""

import jax
import jax.numpy as jnp

from ._tensors import compilations, to_native, to_numpy

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]


def _loss(S, W, y, reg):
    of_label = jnp.take_along_axis(jax.nn.log_softmax(S), y[:, None], axis=1)
    return -of_label.mean() + 0.5 * reg * (W * W).sum()


@jax.jit
def _forward(X, W, y, reg):
    S = X @ W
    return _loss(S, W, y, reg), S


@jax.jit
def _backward(X, W, y, reg, S, dout):
    dS, dW = jax.vjp(lambda S, W: _loss(S, W, y, reg), S, W)[1](dout)
    dX, dW_of_scores = jax.vjp(jnp.matmul, X, W)[1](dS)
    return dX, dW + dW_of_scores


def forward(X, W, y, reg):
    """Of X (N,D), W (D,C), y (N,) labels, reg: the loss, a scalar."""
    loss, S = jax.block_until_ready(_forward(X, W, y, reg))
    return loss, (X, W, y, reg, S)


def backward(dout, cache):
    """The gradients dX, dW."""
    return jax.block_until_ready(_backward(*cache, dout))
