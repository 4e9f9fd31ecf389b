"""What a file from outside has that is known and cannot be read: it is said by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from perflab.catalog.outside.calls import accepts

FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "autograd", "mxnet", "chainer", "dezero", "tinygrad")
RECURRENT = re.compile(r"(time)?_?(rnn|gru|lstm)_?(layer|cell)?", re.IGNORECASE)


def named(names: Mapping[str, Any]) -> Iterator[str]:
    """Every such thing among a module's names, with what it is."""
    if callable(names.get("lossFun")):
        yield "lossFun (a loss of characters that takes its weights from the module)"
    for name, value in names.items():
        if not inspect.isclass(value):
            module = getattr(value, "__name__", "") if inspect.ismodule(value) else ""
            if module.partition(".")[0] in FRAMEWORKS:
                yield f"{name} (an autograd framework)"
        elif base := _framework_of(value):
            yield f"{name} (a class of {base}, an autograd framework)"
        elif _is_node(value):
            yield f"{name} (a node of an autograd framework: its backward takes no gradient)"
        elif RECURRENT.fullmatch(name) and callable(getattr(value, "backward", None)):
            yield f"{name} (a recurrent layer that keeps its state; wanted rnn_forward and rnn_backward)"


def _framework_of(cls: Any) -> str:
    modules = (base.__module__.partition(".")[0] for base in cls.__mro__[1:])
    return next((module for module in modules if module in FRAMEWORKS), "")


def _is_node(cls: Any) -> bool:
    """Whether a class records operations on itself: arithmetic, and a backward without an argument."""
    backward = getattr(cls, "backward", None)
    return callable(backward) and "__mul__" in vars(cls) and accepts(backward, 1)
