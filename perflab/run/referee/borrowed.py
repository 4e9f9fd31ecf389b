"""What of others a file calls for the operation: perflab's own techniques, and libraries of whole operations.

That is allowed. It is named beside the result, so that nobody takes the file for their author's work.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

OURS = "perflab.ops."
LIBRARIES = ("torch", "jax", "jaxlib", "tensorflow", "sklearn", "onnxruntime", "cv2", "tinygrad", "mlx")


@contextmanager
def called() -> Iterator[list[str]]:
    """A list that names what is called from this thread while the block runs, in the order of the calls."""
    names: list[str] = []

    def on_event(frame: FrameType, event: str, function: Any) -> None:
        if event == "call":
            note(frame.f_globals.get("__name__"))
        elif event == "c_call":
            note(getattr(function, "__module__", None))

    def note(module: Any) -> None:
        name = _name_of(module) if isinstance(module, str) else ""
        if name and name not in names:
            names.append(name)

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        yield names
    finally:
        sys.setprofile(before)


def compiled_in(pair: Any) -> list[str]:
    """The names of those whose compiled functions a pair's module holds: their calls are not observed."""
    values = [*pair, *(v for function in pair for v in getattr(function, "__globals__", {}).values())]
    modules = [getattr(value, "__module__", None) for value in values if hasattr(value, "signatures")]
    return [name for module in modules if isinstance(module, str) and (name := _name_of(module))]


def _name_of(module: str) -> str:
    """What to call a module's owner; empty where it is nobody's in particular."""
    if module.startswith(OURS):
        *_, technique = module.removeprefix(OURS).split(".")[1:] or [""]
        return f"perflab's {technique}" if technique and not technique.startswith("_") else ""
    library = module.partition(".")[0].lstrip("_")
    return library if library in LIBRARIES else ""
