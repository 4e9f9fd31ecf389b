"""The cache of torch.compile in perflab's folder, with a digest of each of its files.

PyTorch loads what it finds: a module that was cut short ends in an error of its compiler. So before PyTorch
is loaded, the files that are not as they were saved are thrown away, and PyTorch makes them again.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from filelock import FileLock

from perflab.machine.saved import cache_folder, writable_folder

VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
NOTES = "digests.json"


def prepare() -> None:
    """Point torch.compile at perflab's folder and check its files, unless the variable names another."""
    if VARIABLE in os.environ:
        return
    folder = writable_folder(cache_folder() / "inductor")
    os.environ[VARIABLE] = str(folder)
    throw_away(folder)
    atexit.register(note, folder, time.time())


def throw_away(folder: Path) -> None:
    """Delete the files that are not as they were noted."""
    with FileLock(folder / f"{NOTES}.lock"):
        for name, digest in _noted(folder).items():
            if _digest(folder / name) not in ("", digest):
                (folder / name).unlink()


def note(folder: Path, since: float) -> None:
    """Note the digests of the files that were written since a time, in seconds of the system's clock."""
    with contextlib.suppress(OSError), FileLock(folder / f"{NOTES}.lock"):
        noted = _noted(folder)
        for file in folder.rglob("*"):
            name = file.relative_to(folder).as_posix()
            is_new = name not in noted or file.stat().st_mtime >= since
            if is_new and file.is_file() and file.suffix != ".lock" and file.name != NOTES:
                noted[name] = _digest(file)
        unfinished = folder / f"{NOTES}.{os.getpid()}"
        unfinished.write_text(json.dumps(noted), "utf-8")
        unfinished.replace(folder / NOTES)


def _noted(folder: Path) -> dict[str, str]:
    """The digests by the names of the files; none where the notes cannot be read."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        notes = json.loads((folder / NOTES).read_bytes())
        return {str(name): str(digest) for name, digest in notes.items()}
    return {}


def _digest(file: Path) -> str:
    """A digest of a file's bytes; "" where it is gone."""
    with contextlib.suppress(OSError):
        return hashlib.blake2b(file.read_bytes(), digest_size=12).hexdigest()
    return ""
