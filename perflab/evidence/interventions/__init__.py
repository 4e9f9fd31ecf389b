"""Given a compiled program, each file gives one change to it that shows one cause of its time, or refutes it.

The folder is the registry: a file with an `intervention` is one. It says when it is applicable and what it
changes; `evidence.causes` compiles, verifies and times it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from perflab.evidence.causes.intervention import Intervention


@cache
def known() -> tuple[Intervention, ...]:
    """Every intervention of the folder, by its file's name."""
    files = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in files if not name.startswith("_")]
    return tuple(module.intervention for module in modules)
