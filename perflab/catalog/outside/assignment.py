"""CS231n's assignments as they are: functions by their published names, as pairs of the contract.

    affine_forward(x, w, b) -> out, cache                  affine_backward(dout, cache) -> dx, dw, db
    conv_forward_*(x, w, b, conv_param) -> out, cache      conv_backward_*(dout, cache) -> dx, dw, db
    max_pool_forward_*(x, pool_param) -> out, cache        max_pool_backward_*(dout, cache) -> dx
    rnn_forward(x, h0, Wx, Wh, b) -> h, cache              rnn_backward(dh, cache) -> dx, dh0, dWx, dWh, db
    softmax_loss(x, y) -> loss, dx                         softmax_loss_*(W, X, y, reg) -> loss, dW

This file, and `losses.py` beside it, alone know of them; the contract does not.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from perflab.catalog.outside import losses, unwritten
from perflab.contract import NotApplicable
from perflab.errors import first_line

Function = Callable[..., Any]

WANTED = (
    "affine_forward, conv_forward_*, max_pool_forward_*, rnn_forward with their backward, or softmax_loss*"
)
PAIR = re.compile(r"(affine|conv|max_pool|rnn)_(forward|backward)(?:_(\w+))?")
LOSS = re.compile(r"softmax_loss(?:_(\w+))?")


@dataclass(frozen=True)
class Found:
    """A pair of the contract made from a file's functions; `variant` names it within its operation.

    `functions` are those of the file that there are, by name. `unwritten`, `notes` and `gives` as an
    Implementation's.
    """

    operation: str
    variant: str
    forward: Function
    backward: Function
    functions: Mapping[str, Function]
    unwritten: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gives: tuple[str, ...] | None = None


def pairs(names: Mapping[str, Any]) -> tuple[Found, ...]:
    """Every pair among a module's names, in their order; of a lone half the other one is unwritten."""
    found: dict[tuple[str, str], Found] = {}
    for name in names:
        if (match := PAIR.fullmatch(name)) and _is_published(names, name):
            kind, _, variant = match.groups()
            if (kind, variant or kind) not in found:
                found[kind, variant or kind] = _pair(names, kind, variant)
        elif (match := LOSS.fullmatch(name)) and _is_published(names, name):
            found["softmax_loss", match[1] or name] = _loss(name, names[name], match[1])
    return tuple(found.values())


def others(names: Mapping[str, Any]) -> tuple[str, ...]:
    """What looks like the course's and is read as none of its pairs: other layers, other signatures."""
    functions = [name for name, held in names.items() if callable(held)]
    layers = (name.partition("_forward")[0] for name in functions if "_forward" in name)
    known = [name for name in functions if PAIR.fullmatch(name) or LOSS.fullmatch(name)]
    odd = (
        f"{name} (its arguments are not the published ones)"
        for name in known
        if not _is_published(names, name)
    )
    return (*dict.fromkeys(layer for layer in layers if layer and layer not in ADAPTERS), *odd)


def _is_published(names: Mapping[str, Any], name: str) -> bool:
    """Whether a name is there, as a function that can be called as published."""
    if not callable(names.get(name)):
        return False
    if match := PAIR.fullmatch(name):
        return _accepts(names[name], 2 if match[2] == "backward" else ADAPTERS[match[1]].arguments)
    return _accepts(names[name], 2) or _accepts(names[name], 4)


def _accepts(function: Function, arguments: int) -> bool:
    """Whether a function can be called with so many arguments; True where that cannot be seen."""
    try:
        inspect.signature(function).bind(*range(arguments))
    except ValueError:
        return True
    except TypeError:
        return False
    return True


def still_to_write(forward: Function | None, backward: Function | None) -> tuple[str, ...]:
    """Those of "forward" and "backward" that are missing or whose TODO is still empty."""
    begun = forward is None or unwritten.returned(forward)[0][1]
    last = backward is None or all(idle for _, idle in unwritten.returned(backward))
    return tuple(name for name, idle in (("forward", begun), ("backward", last)) if idle)


# ------------------------------------------------------------------------------- forward and backward


def _pair(names: Mapping[str, Any], kind: str, variant: str | None) -> Found:
    adapter = ADAPTERS[kind]
    told = [f"{kind}_{half}" + (f"_{variant}" if variant else "") for half in ("forward", "backward")]
    halves = [names[name] if _is_published(names, name) else None for name in told]
    notes = [f"{name}: missing" for name, half in zip(told, halves, strict=True) if half is None]
    forward, backward = halves
    if backward is not None:
        values = unwritten.returned(backward)
        left = [name for name, idle in values if idle]
        if 0 < len(left) < len(values):
            notes.append(f"{told[1]}: {', '.join(left)} still to be written")
    return Found(
        adapter.operation,
        variant or kind,
        adapter.forward(forward) if forward is not None else _missing(told[0]),
        adapter.backward(backward) if backward is not None else _missing(told[1]),
        {name: half for name, half in zip(told, halves, strict=True) if half is not None},
        still_to_write(forward, backward),
        tuple(notes),
    )


def _missing(name: str) -> Function:
    def missing(*_: Any) -> Any:
        raise NotImplementedError(f"{name} is missing")

    return missing


def _as_it_is(function: Function) -> Function:
    @wraps(function)
    def forward(*args: Any) -> Any:
        return _unless_refused(function, *args)

    return forward


def _gradients(function: Function) -> Function:
    @wraps(function)
    def backward(dout: Any, cache: Any) -> Any:
        return _unless_empty(function, dout, cache)

    return backward


def _with_conv_param(function: Function) -> Function:
    @wraps(function)
    def forward(x: Any, w: Any, b: Any, stride: Any = 1, pad: Any = 0) -> Any:
        conv_param = {"stride": _one(stride, "conv_param", "stride"), "pad": _one(pad, "conv_param", "pad")}
        return _unless_refused(function, x, w, b, conv_param)

    return forward


def _with_pool_param(function: Function) -> Function:
    @wraps(function)
    def forward(x: Any, size: Any = 2, stride: Any = 2) -> Any:
        height, width = size if isinstance(size, tuple) else (size, size)
        pool_param = {
            "pool_height": int(height),
            "pool_width": int(width),
            "stride": _one(stride, "pool_param", "stride"),
        }
        return _unless_refused(function, x, pool_param)

    return forward


def _one_gradient(function: Function) -> Function:
    @wraps(function)
    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        return (_unless_empty(function, dout, cache),)

    return backward


def _one(value: Any, holder: str, key: str) -> int:
    """The one number that the course's dictionary has room for."""
    if isinstance(value, tuple):
        if value[0] != value[1]:
            raise NotApplicable(f"{holder} holds one {key}; this case wants {value[0]} and {value[1]}")
        value = value[0]
    return int(value)


def _unless_refused(function: Function, *args: Any) -> Any:
    """A forward call; by assertions the course's fast layers refuse sizes that they are not written for."""
    try:
        return _unless_empty(function, *args)
    except AssertionError as refused:
        why = first_line(str(refused), "its assertion does not hold")
        raise NotApplicable(f"{function.__name__} refuses this case: {why}") from refused


def _unless_empty(function: Function, *args: Any) -> Any:
    """The call; a batch of no samples is beyond what the course asks for, where it is not computed."""
    try:
        return function(*args)
    except Exception as error:
        if len(args[0]):
            raise
        raise NotApplicable(f"{function.__name__} takes no empty batch: {type(error).__name__}") from error


@dataclass(frozen=True)
class _Adapter:
    operation: str
    arguments: int  # of the published forward
    forward: Callable[[Function], Function]
    backward: Callable[[Function], Function]


ADAPTERS = {
    "affine": _Adapter("fully_connected", 3, _as_it_is, _gradients),
    "conv": _Adapter("conv2d", 4, _with_conv_param, _gradients),
    "max_pool": _Adapter("max_pool2d", 2, _with_pool_param, _one_gradient),
    "rnn": _Adapter("rnn", 5, _as_it_is, _gradients),
}


# -------------------------------------------------------------------------------------- softmax losses


def _loss(name: str, function: Function, variant: str | None) -> Found:
    values = unwritten.returned(function)
    idle = values[0][1], values[-1][1]
    left = tuple(half for half, is_idle in zip(("forward", "backward"), idle, strict=True) if is_idle)
    notes = ["loss and gradient come from one call, made in forward"]
    written = "forward" not in left
    if _accepts(function, 2):
        forward, backward = losses.of_scores(function)
        notes.append("the products with W, and the regularisation, are perflab's")
        gives = None
    else:
        share = losses.regularisation(function) if written else None
        forward, backward = losses.of_weights(function, share or 1.0)
        if written:
            notes.append(losses.REGULARISATION[share])
        notes.append("it gives no dX: it is checked, and not raced")
        gives = ("W",)
    notes.append("a loss of another precision than the inputs' is brought to theirs")
    told = tuple(notes) if len(left) < 2 else ()
    return Found("softmax_loss", variant or name, forward, backward, {name: function}, left, told, gives)


def noted(found: Found, names: Mapping[str, Any]) -> Iterator[str]:
    """What else is known of a pair: the names that its functions also have."""
    for name, function in found.functions.items():
        own = getattr(function, "__name__", name)
        if own != name and names.get(own) is function:
            yield f"{name} is {own}"
