"""JAX: every forward and every backward one jitted function, gradients by jax.vjp."""
