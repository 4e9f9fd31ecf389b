"""What is saved on this machine from run to run, and where."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perflab.machine import scratch
from perflab.machine.system import cpu_name, version_of
from perflab.machine.threads import cores


def prepare_matplotlib() -> None:
    """Give matplotlib a temporary folder where the home cannot be written, before it is imported."""
    if "MPLCONFIGDIR" not in os.environ:
        folder = _home("XDG_CONFIG_HOME", ".config") / "matplotlib"
        if (writable := writable_folder(folder)) != folder:
            os.environ["MPLCONFIGDIR"] = str(writable)


def cache_folder() -> Path:
    """The folder of perflab's cache, which may be deleted; it need not exist, nor be writable."""
    return _home("XDG_CACHE_HOME", ".cache") / "perflab"


def _home(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or os.path.join(os.path.expanduser("~"), default))  # noqa: PTH111, PTH118


def writable_folder(folder: Path) -> Path:
    """The folder, made if need be; where it cannot be written, a temporary folder of this process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        held = contextlib.ExitStack()
        atexit.register(held.close)
        return held.enter_context(scratch.folder(folder.name))


def save(name: str, values: Mapping[str, Any]) -> None:
    """Save values measured on this machine for later runs; nothing is saved where the home is read-only."""
    path = cache_folder() / f"{name}.json"
    text = json.dumps({**values, "machine": identity()}, allow_nan=False, ensure_ascii=False, indent=1)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def load_saved(name: str) -> dict[str, Any] | None:
    """The values that `save` wrote under this name, if they are of this machine; else None."""
    try:
        values = json.loads((cache_folder() / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) and values.pop("machine", None) == identity() else None


def identity() -> str:
    """The machine and its software in one line, which changes whenever measured times may change."""
    software = f"{platform.release()} {platform.python_version()} {version_of('numpy')}"
    return f"{platform.node()} {cpu_name()} {cores()} {software}"
