"""JAX: forward and backward are one jitted function each, gradients by jax.vjp."""
