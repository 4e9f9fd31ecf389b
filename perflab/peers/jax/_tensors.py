"""NumPy arrays to JAX's arrays and back.

Importing this module switches JAX to 64 bits, so that float64 and int64 keep their types.
"""

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
_compiled = []


@jax.monitoring.register_event_duration_secs_listener
def _listen(event, seconds, **_):
    if event == "/jax/core/compile/backend_compile_duration":
        _compiled.append(seconds)


def compilations():
    """How many functions JAX has compiled in this process."""
    return len(_compiled)


def to_native(value):
    """A JAX array on the CPU, and bound to it, of an array or a NumPy float; anything else unchanged.

    Always a copy: JAX would use the array's own memory where it happens to be aligned to 64 bytes.
    """
    if not isinstance(value, np.ndarray | np.floating):
        return value
    return jax.block_until_ready(jax.device_put(np.array(value), jax.devices("cpu")[0]))


def to_numpy(value):
    """The array's numbers: a read-only view where they are in the host's memory, else a copy."""
    return np.asarray(value)


def pair(value):
    """An int or two ints as two ints, hashable: a static argument of a jitted function."""
    return (value, value) if isinstance(value, int | np.integer) else tuple(value)
