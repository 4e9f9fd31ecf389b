"""A course's softmax loss, which gives loss and gradient in one call, as a pair of the contract."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import wraps
from io import StringIO
from typing import Any

Function = Callable[..., Any]


def of_scores(function: Function) -> tuple[Function, Function]:
    """softmax_loss(x, y): the loss of scores, and the gradient on these."""

    @wraps(function)
    def forward(X: Any, W: Any, y: Any, reg: Any) -> tuple[Any, Any]:
        scores = X @ W
        scores.flags.writeable = False  # an input like any other: writing to it is an error
        try:
            loss, dscores = function(scores, y)
        except ValueError as error:
            if "read-only" in str(error):
                raise ValueError(f"{function.__name__} writes to its input x") from error
            raise
        decay = X.dtype.type(0.5) * reg * (W * W).sum()
        return _as_inputs(loss + decay, X), (X, W, reg, dscores)

    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        X, W, reg, dscores = cache
        dS = dout * dscores
        return dS @ W.T, X.T @ dS + dout * reg * W

    return forward, backward


def of_weights(function: Function, share: float) -> tuple[Function, Function]:
    """softmax_loss_*(W, X, y, reg), which adds `share`·reg·ΣW²: the gradient on W alone."""

    @wraps(function)
    def forward(X: Any, W: Any, y: Any, reg: Any) -> tuple[Any, Any]:
        loss, dW = function(W, X, y, reg * (0.5 / share))
        return _as_inputs(loss, X), dW

    return forward, lambda dout, dW: (dout * dW,)


def _as_inputs(loss: Any, X: Any) -> Any:
    """A NumPy scalar in the inputs' dtype, which the course does not specify. Other values unchanged."""
    return X.dtype.type(loss) if getattr(loss, "shape", None) == () else loss


REGULARISATION = {
    1.0: "its loss adds reg·ΣW²: half of reg is passed to it",
    0.5: "its loss adds ½·reg·ΣW²: reg is passed as it is",
    None: "its loss adds neither reg·ΣW² nor ½·reg·ΣW²: half of reg is passed to it",
}
BY_GRADIENT = {
    1.0: "its loss adds neither, its dW has 2·reg·W: half of reg is passed to it",
    0.5: "its loss adds neither, its dW has reg·W: reg is passed as it is",
}


def regularisation(function: Function) -> tuple[float, str]:
    """The share of reg·ΣW² that a loss of (W, X, y, reg) means to add, 1 or ½, and what to say of it.

    Found by trying: by its loss, or, where that adds neither, by its gradient; 1 where that shows neither.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    W, X, y = rng.standard_normal((3, 4)), rng.standard_normal((5, 3)), np.arange(5) % 4
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            (no_loss, no_dW), (loss, dW) = (function(W.copy(), X.copy(), y.copy(), reg) for reg in (0.0, 1.0))
            share = float(loss - no_loss) / float((W * W).sum())
            slope = float((np.subtract(dW, no_dW) * W).sum() / (W * W).sum())
    except (Exception, SystemExit):  # the oracle gets the same error and reports it
        return 1.0, REGULARISATION[None]
    for known in (1.0, 0.5):
        if abs(share - known) < 1e-6:
            return known, REGULARISATION[known]
    for known in (1.0, 0.5):
        if abs(slope - 2 * known) < 1e-6:
            return known, BY_GRADIENT[known]
    return 1.0, REGULARISATION[None]
