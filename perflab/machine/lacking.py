"""What the machine or a variable lacks, where an exception is due to that."""

from __future__ import annotations

import os

from perflab.contract import Lacking, PerflabError
from perflab.errors import first_line, reason
from perflab.machine import numba_cache

LAYER = "NUMBA_THREADING_LAYER"
JIT = "NUMBA_DISABLE_JIT"


def check_compiler(name: str) -> None:
    """Raise Lacking, of what is named so, where Numba is told to compile nothing.

    Raises ImportError where there is no Numba.
    """
    import numba

    if numba.config.DISABLE_JIT:
        told = f"{JIT}={os.environ[JIT]}" if JIT in os.environ else "DISABLE_JIT in Numba's configuration"
        raise Lacking(f"{name}: {told}: nothing is compiled; wanted 0")


def told(error: BaseException) -> str:
    """An exception in one line; where a variable or a folder is at fault, that line begins with it."""
    text = str(error)
    if isinstance(error, PerflabError):
        return first_line(text)
    if "no locator available" in text:  # for Numba's cache
        return numba_cache.unwritable("Numba's cache", "no folder can be written")
    if "threading layer" in text.lower():
        layer = os.environ.get(LAYER, "")
        return f"{LAYER}={layer}: {first_line(text)}" if layer else f"{first_line(text)} ({LAYER} is not set)"
    return reason(error)
