"""JAX's jitted dense layers, sigmoids and squared error, gradients by jax.vjp.

The weighted sums of both layers are kept for backward, which computes their sigmoids again.
"""

import jax

from ._tensors import compilations, to_native, to_numpy

__all__ = ["backward", "compilations", "forward", "to_native", "to_numpy"]


def _layer(a, W, b):
    return a @ W.T + b


def _loss(z3, t):
    return 0.5 * ((jax.nn.sigmoid(z3) - t) ** 2).mean()


def _outputs(z2, W3, b3):
    return _layer(jax.nn.sigmoid(z2), W3, b3)


@jax.jit
def _forward(x, W2, b2, W3, b3, t):
    z2 = _layer(x, W2, b2)
    z3 = _outputs(z2, W3, b3)
    return _loss(z3, t), z2, z3


@jax.jit
def _backward(x, W2, b2, W3, b3, t, z2, z3, dout):
    (dz3,) = jax.vjp(lambda z3: _loss(z3, t), z3)[1](dout)
    dz2, dW3, db3 = jax.vjp(_outputs, z2, W3, b3)[1](dz3)
    return *jax.vjp(_layer, x, W2, b2)[1](dz2), dW3, db3


def forward(x, W2, b2, W3, b3, t):
    """Of x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k): the loss, a scalar."""
    loss, z2, z3 = jax.block_until_ready(_forward(x, W2, b2, W3, b3, t))
    return loss, (x, W2, b2, W3, b3, t, z2, z3)


def backward(dout, cache):
    """The gradients dx, dW2, db2, dW3, db3."""
    return jax.block_until_ready(_backward(*cache, dout))
