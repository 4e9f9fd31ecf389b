"""What is stored on this machine from run to run, and where."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perflab.machine.system import cpu_name, version_of
from perflab.machine.threads import cores


def prepare_matplotlib() -> None:
    """Give matplotlib a folder of its own where the home cannot be written, before it is imported."""
    if "MPLCONFIGDIR" in os.environ:
        return
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")  # noqa: PTH111, PTH118
    folder = Path(home) / "matplotlib"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="perflab-matplotlib-")
        atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)


def cache_folder() -> Path:
    """Where perflab keeps what may be made again; it need not exist, nor be writable."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    return Path(home) / "perflab"


def store(name: str, held: Mapping[str, Any]) -> None:
    """Keep what was found about this machine for later runs; a home that cannot be written keeps none."""
    path = cache_folder() / f"{name}.json"
    text = json.dumps({**held, "machine": identity()}, allow_nan=False, ensure_ascii=False, indent=1)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def stored(name: str) -> dict[str, Any] | None:
    """What `store` stored under this name, if it was found on this very machine; else None."""
    try:
        held = json.loads((cache_folder() / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return held if isinstance(held, dict) and held.pop("machine", None) == identity() else None


def identity() -> str:
    """The machine and what measures on it, in a word that changes when figures would."""
    numpy = version_of("numpy")
    return (
        f"{platform.node()} {cpu_name()} {cores()} {platform.release()} {platform.python_version()} {numpy}"
    )
