"""Functions with `hparameters`, with channels last and samples in columns, as pairs of the contract.

    conv_forward(A_prev, W, b, hparameters) -> Z, cache    conv_backward(dZ, cache) -> dA_prev, dW, db
    pool_forward(A_prev, hparameters, mode) -> A, cache    pool_backward(dA, cache, mode) -> dA_prev
    linear_forward(A, W, b) -> Z, cache                    linear_backward(dZ, cache) -> dA_prev, dW, db

A_prev (N,H,W,C), W (f,f,C,F), b (1,1,1,F); in a linear layer A (D,N), W (M,D), b (M,1), and dW and db are
means over the samples. Arrays are turned as views; nothing is copied.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from perflab.catalog.outside import unwritten
from perflab.catalog.outside.calls import Function, accepts, call, missing, number, origins
from perflab.contract import Implementation, NotApplicable

KINDS = {"conv": "conv2d", "pool": "max_pool2d", "linear": "fully_connected"}
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)  # the axes of N,C,H,W with its channels last, and back
MEANS = "its dW and db are means over the samples, as published: they are multiplied by N"


def recognises(function: Any) -> bool:
    """Whether a function takes `hparameters`."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return False
    return any(name.lower().startswith("hparam") for name in names[1:])


def implementations(names: Mapping[str, Any], path: Path) -> tuple[Implementation, ...]:
    """Every pair of such functions among a module's names; a missing half of a pair is unwritten."""
    return tuple(
        _pair(names, path, kind)
        for kind in KINDS
        if _is_published(names, kind) and (kind == "linear" or recognises(names[f"{kind}_forward"]))
    )


def _is_published(names: Mapping[str, Any], kind: str) -> bool:
    forward, count = names.get(f"{kind}_forward"), {"conv": 4, "pool": 2, "linear": 3}[kind]
    return callable(forward) and accepts(forward, count)


def _pair(names: Mapping[str, Any], path: Path, kind: str) -> Implementation:
    first, second = f"{kind}_forward", f"{kind}_backward"
    forward, backward = names[first], names.get(second)
    functions = [name for name in (first, second) if callable(names.get(name))]
    notes = [f"{name}: missing" for name in (first, second) if name not in functions]
    still = unwritten.still_to_write(forward, backward)
    read: Callable[[Function, Function], tuple[Function, Function, str]] = {
        "conv": _conv, "pool": _pool, "linear": _linear
    }[kind]  # fmt: skip
    there, back, note = read(forward, backward or missing(second))
    notes += [note] if note and not still else []
    return Implementation(
        KINDS[kind], f"{path.stem}.{kind}", there, back, str(path.resolve()), " and ".join(functions),
        unwritten=still, notes=(*notes, *origins(names, path, functions)),
    )  # fmt: skip


def _conv(function: Function, back: Function) -> tuple[Function, Function, str]:
    @wraps(function)
    def forward(x: Any, w: Any, b: Any, stride: Any = 1, pad: Any = 0) -> tuple[Any, Any]:
        if w.shape[2] != w.shape[3]:
            raise NotApplicable(f"W holds one f; this case wants {w.shape[2]} and {w.shape[3]}")
        stride, pad = number(stride, "hparameters", "stride"), number(pad, "hparameters", "pad")
        turned = x.transpose(LAST), w.transpose(2, 3, 1, 0), b.reshape(1, 1, 1, -1)
        Z, cache = call(function, *turned, {"stride": stride, "pad": pad})
        return _turned(Z, FIRST), cache

    @wraps(back)
    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        dA, dW, db = call(back, dout.transpose(LAST), cache)
        return _turned(dA, FIRST), _turned(dW, (3, 2, 0, 1)), _flat(db)

    return forward, backward, "channels come last: its arrays are turned"


def _pool(function: Function, back: Function) -> tuple[Function, Function, str]:
    @wraps(function)
    def forward(x: Any, size: Any = 2, stride: Any = 2) -> tuple[Any, Any]:
        f, stride = number(size, "hparameters", "f"), number(stride, "hparameters", "stride")
        A, cache = call(function, x.transpose(LAST), {"f": f, "stride": stride})
        return _turned(A, FIRST), cache

    @wraps(back)
    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        return (_turned(call(back, dout.transpose(LAST), cache), FIRST),)

    return forward, backward, "channels come last: its arrays are turned"


def _linear(function: Function, back: Function) -> tuple[Function, Function, str]:
    mean = _takes_means(function, back)

    @wraps(function)
    def forward(x: Any, w: Any, b: Any) -> tuple[Any, Any]:
        Z, cache = call(function, x.T, w.T, b.reshape(-1, 1), samples=len(x))
        return _turned(Z, (1, 0)), cache

    @wraps(back)
    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        dA, dW, db = call(back, dout.T, cache, samples=len(dout))
        if mean and dW is not None and db is not None:
            dW, db = dW * len(dout), db * len(dout)
        return _turned(dA, (1, 0)), _turned(dW, (1, 0)), _flat(db)

    samples = "samples are columns: its arrays are turned"
    return forward, backward, f"{samples}; {MEANS}" if mean else samples


def _takes_means(function: Function, back: Function) -> bool:
    """Whether dW is a mean over the samples, as published, and not their sum; tried on whole numbers."""
    import numpy as np

    A, W, b, dZ = np.ones((2, 4)), np.ones((3, 2)), np.zeros((3, 1)), np.ones((3, 4))
    try:
        _, dW, _ = back(dZ, function(A, W, b)[1])
        return not np.allclose(dW, dZ @ A.T)
    except (Exception, SystemExit):  # the oracle gets the same error and reports it
        return True


def _turned(value: Any, axes: tuple[int, ...]) -> Any:
    """A view with its axes in this order; what has another number of axes as it is: the oracle says so."""
    return value.transpose(axes) if getattr(value, "ndim", 0) == len(axes) else value


def _flat(value: Any) -> Any:
    """One axis, where all others have one element."""
    shape = getattr(value, "shape", ())
    return value.reshape(-1) if shape and value.size == max(shape) else value
