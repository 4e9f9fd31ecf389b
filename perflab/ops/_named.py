"""Kernels that one function creates for different sizes, each with its own name."""

from numba import njit


def named(*sizes, **options):
    """As njit(**options), for a kernel that these sizes are built into.

    Numba distinguishes symbols by a function's name and by a count that starts again in every process: of two
    kernels with one name, compiled in different processes and cached, one would be called for the other.
    """

    def compiled(function):
        function.__qualname__ += "".join(f"_{size}" for size in sizes)
        return njit(**options)(function)

    return compiled
