"""The floating-point warnings of NumPy's products, which some BLAS libraries raise without a reason.

Kernels that work on whole vectors also compute on numbers beyond the matrix, and leave the processor's flags
set (numpy issues 28687 and 29820: Accelerate and OpenBLAS on processors with SME). NumPy then warns of a
division by zero in a product of finite numbers whose result is finite.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from perflab.contract import DTYPES

NAMES = ("matmul", "dot", "vecdot", "matvec", "vecmat", "inner", "tensordot")
SIZES = (1, 3, 8, 17, 33, 100)


@cache
def spurious_warnings() -> tuple[str, ...]:
    """The warnings that products of finite numbers raise on this machine, each once; usually none."""
    return probe(np.matmul) + probe(np.dot)


def probe(multiply: Callable[..., Any]) -> tuple[str, ...]:
    """The warnings of a function that multiplies matrices, on finite ones of several shapes and dtypes."""
    rng = np.random.default_rng(0)
    found: dict[str, None] = {}
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        for rows, deep, columns, dtype in product(SIZES, SIZES, SIZES, DTYPES):
            a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((rows, deep), (deep, columns)))
            before = len(caught)
            results = multiply(a, b), multiply(b.T, a.T)
            if all(np.isfinite(result).all() for result in results):
                found |= dict.fromkeys(str(warning.message) for warning in caught[before:])
    return tuple(found)


def is_spurious(message: str) -> bool:
    """Whether a warning may have no reason: it names a product, and this machine's BLAS has such flags."""
    return message.rpartition(" encountered in ")[2] in NAMES and bool(spurious_warnings())
