"""Loops over threads that are compiled as plain loops where there is one thread."""

from types import FunctionType

from numba import get_num_threads, njit


def parallel(**options):
    """As njit(parallel=True, **options), but on one thread as njit(**options).

    A parallel loop's body is compiled three times: for itself, inside the function that a thread calls, and
    inside the caller. On one thread that would take half of all compilation, for nothing.
    """
    return lambda function: _Parallel(function, options)


class _Parallel:
    """Both forms of a function, each compiled when it is first called; the attributes are the used one's."""

    def __init__(self, function, options):
        self.together = njit(parallel=True, **options)(function)
        copied = FunctionType(
            function.__code__, function.__globals__, function.__name__, closure=function.__closure__
        )
        copied.__qualname__ = f"{function.__qualname__}_alone"  # a file of its own in the cache
        self.alone = njit(**options)(copied)

    def __call__(self, *args):
        return (self.alone if get_num_threads() == 1 else self.together)(*args)

    def __getattr__(self, name):
        return getattr(self.alone if get_num_threads() == 1 else self.together, name)
