"""What the machine or a variable lacks, where an exception is due to that."""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig

from perflab.contract import Lacking, PerflabError
from perflab.errors import first_line, reason
from perflab.machine import numba_cache

LAYER = "NUMBA_THREADING_LAYER"
JIT = "NUMBA_DISABLE_JIT"
COMPILERS = {"C": ("CC", "gcc"), "C++": ("CXX", "g++")}  # the variable that names it, and the usual package


def check_compiler(name: str) -> None:
    """Raise Lacking, of what is named so, where Numba is told to compile nothing.

    Raises ImportError where there is no Numba.
    """
    import numba

    if numba.config.DISABLE_JIT:
        told = f"{JIT}={os.environ[JIT]}" if JIT in os.environ else "DISABLE_JIT in Numba's configuration"
        raise Lacking(f"{name}: {told}: nothing is compiled; wanted 0")


def compiler_words(language: str) -> list[str]:
    """The command of the system's compiler for "C" or "C++"; empty where only setuptools knows it."""
    variable, _ = COMPILERS[language]
    return shlex.split(os.environ.get(variable) or sysconfig.get_config_var(variable) or "")


def system_compiler(language: str) -> str:
    """What to say where the system has no compiler for "C" or "C++"; "" where it has one."""
    words, (variable, package) = compiler_words(language), COMPILERS[language]
    if not words or shutil.which(words[0]):
        return ""
    return f"no {language} compiler: {words[0]} is not found; wanted: the package {package}, or {variable}"


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
