"""The naive loops, unchanged, compiled by Numba."""

from numba import njit

from . import naive

forward = njit(cache=True)(naive.forward)
backward = njit(cache=True)(naive.backward)
