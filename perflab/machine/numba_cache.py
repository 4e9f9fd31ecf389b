"""Numba's cache: one folder for each content of the operations."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from perflab.machine.saved import cache_folder, writable_folder

OPS = Path(__file__).parents[1] / "ops"


def prepare(operations: Iterable[Path] = (OPS,)) -> str:
    """Point Numba at a cache folder that can be written and is never stale; the folder's path.

    Numba's own key ignores a changed option or another file's change, so the folder is named by the
    content of all files of `operations`, folders of Python files. An explicit NUMBA_CACHE_DIR is not changed.
    Without a writable home, a temporary folder of this process is used.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return os.environ["NUMBA_CACHE_DIR"]
    digest = hashlib.blake2b(digest_size=8)
    for root in operations:
        for file in sorted(root.rglob("*.py")):
            digest.update(file.read_bytes())
    folder = str(writable_folder(cache_folder() / f"numba-{digest.hexdigest()}"))
    os.environ["NUMBA_CACHE_DIR"] = folder
    if "numba" in sys.modules:  # it has read the variable already
        sys.modules["numba"].config.CACHE_DIR = folder
    return folder
