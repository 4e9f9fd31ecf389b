"""CS231n's assignments as they are: functions by their published names, as pairs of the contract.

    affine_forward(x, w, b) -> out, cache                  affine_backward(dout, cache) -> dx, dw, db
    conv_forward_*(x, w, b, conv_param) -> out, cache      conv_backward_*(dout, cache) -> dx, dw, db
    max_pool_forward_*(x, pool_param) -> out, cache        max_pool_backward_*(dout, cache) -> dx
    rnn_forward(x, h0, Wx, Wh, b) -> h, cache              rnn_backward(dh, cache) -> dx, dh0, dWx, dWh, db
    softmax_loss(x, y) -> loss, dx                         softmax_loss_*(W, X, y, reg) -> loss, dW

Two other ways to write layers are read by `channels_last.py` and `classes.py` beside it. The contract knows
of none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

from perflab.catalog.outside import channels_last, losses, unwritten
from perflab.catalog.outside.calls import accepts, call, missing, number, origins
from perflab.contract import Implementation, NotApplicable
from perflab.errors import first_line

Function = Callable[..., Any]

WANTED = (
    "affine_forward, conv_forward_*, max_pool_forward_*, rnn_forward with their backward, or softmax_loss*"
)
PAIR = re.compile(r"(affine|conv|max_pool|rnn)_(forward|backward)(?:_(\w+))?")
LOSS = re.compile(r"softmax_loss(?:_(\w+))?")


def implementations(names: Mapping[str, Any], path: Path) -> tuple[Implementation, ...]:
    """Every pair among a module's names, in their order; a missing half of a pair is unwritten.

    Its technique is named by the file's stem and the variant of the functions: `layers.naive`.
    """
    pairs: dict[tuple[str, str], Implementation] = {}
    for name in names:
        if not _is_published(names, name):
            continue
        if match := PAIR.fullmatch(name):
            kind, _, variant = match.groups()
            if (kind, variant or kind) not in pairs:
                pairs[kind, variant or kind] = _pair(names, path, kind, variant)
        elif match := LOSS.fullmatch(name):
            pairs["softmax_loss", match[1] or name] = _loss(names, path, name, match[1] or name)
    return tuple(pairs.values())


def others(names: Mapping[str, Any]) -> tuple[str, ...]:
    """The course's functions that are none of these pairs: other layers, other signatures."""
    functions = [name for name, value in names.items() if callable(value)]
    layers = dict.fromkeys(name.partition("_forward")[0] for name in functions if "_forward" in name)
    known = [name for name in functions if PAIR.fullmatch(name) or LOSS.fullmatch(name)]
    different = [n for n in known if not _is_published(names, n) and not _is_channels_last(names, n)]
    signatures = [f"{name} (its arguments are not the published ones)" for name in different]
    read = {*ADAPTERS, *(kind for kind in channels_last.KINDS if f"{kind}_forward" in names)}
    return (*(layer for layer in layers if layer and layer not in read), *signatures)


def _is_channels_last(names: Mapping[str, Any], name: str) -> bool:
    """Whether it is one of the pair that `channels_last` reads, which has a published pair's names."""
    pair = ("conv_forward", "conv_backward")
    return name in pair and channels_last.recognises(names.get("conv_forward"))


def _is_published(names: Mapping[str, Any], name: str) -> bool:
    """Whether a name is there, as a function that can be called as published."""
    if not callable(names.get(name)):
        return False
    if match := PAIR.fullmatch(name):
        if _is_channels_last(names, name):
            return False
        return accepts(names[name], 2 if match[2] == "backward" else ADAPTERS[match[1]].arguments)
    return accepts(names[name], 2) or accepts(names[name], 4)


def _conv_arguments(x: Any, w: Any, b: Any, stride: Any = 1, pad: Any = 0) -> tuple[Any, ...]:
    conv_param = {"stride": number(stride, "conv_param", "stride"), "pad": number(pad, "conv_param", "pad")}
    return x, w, b, conv_param


def _pool_arguments(x: Any, size: Any = 2, stride: Any = 2) -> tuple[Any, ...]:
    height, width = size if isinstance(size, tuple) else (size, size)
    step = number(stride, "pool_param", "stride")
    for pool, axis in ((int(height), "H"), (int(width), "W")):
        if (x.shape["NCHW".index(axis)] - pool) % step:
            raise NotApplicable(f"published for ({axis} − pool) % stride == 0; this case is beyond it")
    return x, {"pool_height": int(height), "pool_width": int(width), "stride": step}


def _takes_images(forward: Any, backward: Any) -> str:
    """A remark where an affine layer does not flatten samples of several axes, as published."""
    import numpy as np

    rng = np.random.default_rng(0)
    x, w, b, dout = (rng.standard_normal(shape) for shape in ((2, 3, 2), (6, 4), (4,), (2, 4)))
    try:
        out, cache = forward(x, w, b)
        dx, dw, _ = backward(dout, cache)
        rows = x.reshape(2, 6)
        pairs = ((out, rows @ w + b), (dx, (dout @ w.T).reshape(x.shape)), (dw, rows.T @ dout))
        if all(got.shape == wanted.shape and np.allclose(got, wanted) for got, wanted in pairs):
            return ""
    except Exception:  # it cannot: that is the remark
        pass
    return "no reshape of (N, d1, ..., dk)"


@dataclass(frozen=True)
class _Adapter:
    operation: str
    arguments: int  # of the published forward
    published: Callable[..., tuple[Any, ...]] = lambda *args: args  # the contract's arguments as published
    single: bool = False  # backward returns one gradient, without a tuple

    def forward(self, function: Function) -> Function:
        @wraps(function)
        def forward(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(function, *self.published(*args, **kwargs))
            except AssertionError as error:  # the course's fast layers assert that they support the sizes
                why = first_line(str(error), "an assertion failed")
                raise NotApplicable(f"{function.__name__} refuses this case: {why}") from error

        return forward

    def backward(self, function: Function) -> Function:
        @wraps(function)
        def backward(dout: Any, cache: Any) -> Any:
            gradients = call(function, dout, cache)
            return (gradients,) if self.single else gradients

        return backward


ADAPTERS = {
    "affine": _Adapter("fully_connected", 3),
    "conv": _Adapter("conv2d", 4, _conv_arguments),
    "max_pool": _Adapter("max_pool2d", 2, _pool_arguments, single=True),
    "rnn": _Adapter("rnn", 5),
}


def _pair(names: Mapping[str, Any], path: Path, kind: str, variant: str | None) -> Implementation:
    adapter, suffix = ADAPTERS[kind], f"_{variant}" if variant else ""
    first, second = f"{kind}_forward{suffix}", f"{kind}_backward{suffix}"
    functions = [name for name in (first, second) if _is_published(names, name)]
    notes = [f"{name}: missing" for name in (first, second) if name not in functions]
    forward, backward = (names[name] if name in functions else None for name in (first, second))
    if backward is not None:
        values = unwritten.returned(backward)
        empty = [name for name, is_empty in values if is_empty]
        if 0 < len(empty) < len(values):
            notes.append(f"{second}: {', '.join(empty)} still to be written")
    is_affine = kind == "affine" and forward is not None and backward is not None
    return Implementation(
        adapter.operation,
        f"{path.stem}.{variant or kind}",
        adapter.forward(forward) if forward is not None else missing(first),
        adapter.backward(backward) if backward is not None else missing(second),
        str(path.resolve()),
        " and ".join(functions),
        unwritten=unwritten.still_to_write(forward, backward),
        notes=(*notes, *origins(names, path, functions)),
        tries=partial(_takes_images, forward, backward) if is_affine else None,
    )


def _loss(names: Mapping[str, Any], path: Path, name: str, variant: str) -> Implementation:
    function = names[name]
    values = unwritten.returned(function)
    empty = {"forward": values[0][1], "backward": values[-1][1]}
    notes = ["loss and gradient come from one call, made in forward"]
    gives = None
    if accepts(function, 2):
        forward, backward = losses.of_scores(function)
        notes.append("the products with W, and the regularisation, are perflab's")
    else:
        share, note = (1.0, "") if empty["forward"] else losses.regularisation(function)
        forward, backward = losses.of_weights(function, share)
        notes += [note] if note else []
        notes.append("it gives no dX: it is checked, and not raced")
        gives = ("W",)
    notes.append("a loss in another precision is converted to the precision of the inputs")
    still = tuple(half for half, is_empty in empty.items() if is_empty)
    shown = [] if len(still) == 2 else notes
    return Implementation(
        "softmax_loss", f"{path.stem}.{variant}", forward, backward, str(path.resolve()), name,
        unwritten=still, notes=(*shown, *origins(names, path, [name])), gives=gives,
    )  # fmt: skip
