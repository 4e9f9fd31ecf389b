"""Numba's cache: one folder for each content of the operations."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from perflab.machine.kept import cache_folder

OPS = Path(__file__).parents[1] / "ops"


def prepare(operations: Iterable[Path] = (OPS,)) -> str:
    """Point Numba at a cache folder that can be written and is never stale; the folder's path.

    Numba's own key does not see a changed option or another file's change, so the folder is named by the
    content of all files of `operations`, folders of Python files. An explicit NUMBA_CACHE_DIR stays as it is.
    Without a writable home, a temporary folder of this process serves.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return os.environ["NUMBA_CACHE_DIR"]
    digest = hashlib.blake2b(digest_size=8)
    for root in operations:
        for file in sorted(root.rglob("*.py")):
            digest.update(file.read_bytes())
    folder = cache_folder() / f"numba-{digest.hexdigest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="perflab-numba-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:  # already configured: tell it
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    return str(folder)
