"""An implementation and the inputs of a case, ready to be called and traced."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from perflab.catalog import inputs
from perflab.catalog.cases import costs as costs_of
from perflab.contract import Case, Implementation, Operation
from perflab.evidence.compiled import dispatchers_of, workspace, would_deadlock
from perflab.evidence.steps import Trace, watched

MOST_LOADS = 5  # calls until none of them may compile or load anything more
MOST_FLOPS = 2e7


def fitting(described: Operation, names: tuple[str, ...], dtype: str) -> str:
    """The largest case of at most MOST_FLOPS, which all but interpreted rungs run fast, or the smallest."""
    flops = {name: costs_of(described, described.case(name), dtype)["step"].flops for name in names}
    small = [name for name in names if flops[name] <= MOST_FLOPS]
    return max(small, key=flops.__getitem__) if small else min(names, key=flops.__getitem__)


class Scene:
    """An implementation and a case's inputs in one dtype; `samples` replaces the batch size."""

    def __init__(
        self, described: Operation, implementation: Implementation, case: Case, dtype: str, samples: int = 0
    ) -> None:
        if samples and "N" in case.sizes:
            case = replace(case, sizes={**case.sizes, "N": samples})
        self.implementation, self.case, self.dtype = implementation, case, dtype
        self.args = tuple(inputs.make(described, case, dtype).values())
        self.dout = inputs.upstream(described, case, dtype)
        self.costs = costs_of(described, case, dtype)

    def call(self) -> None:
        """Call forward and backward once."""
        _, cache = self.implementation.forward(*self.args)
        self.implementation.backward(self.dout, cache)

    def traced(self, trace: Callable[..., Trace], *, memory: bool = True) -> dict[str, Trace]:
        """Trace forward and backward, again where that made Numba compile or load something."""
        functions = (self.implementation.forward, self.implementation.backward)
        for _ in range(MOST_LOADS):
            dispatchers = [dispatcher for function in functions for dispatcher in dispatchers_of(function)]
            before = sum(len(dispatcher.overloads) for dispatcher in dispatchers)
            memory = memory and not would_deadlock(dispatchers)
            forward, backward = trace(memory=memory), trace(memory=memory)
            if memory:
                gc.collect()
            out, cache = self._call(functions[0], forward, self.args)
            grads = self._call(functions[1], backward, (self.dout, cache))
            dispatchers = [dispatcher for function in functions for dispatcher in dispatchers_of(function)]
            if sum(len(dispatcher.overloads) for dispatcher in dispatchers) == before:
                break
        forward.outputs = out.nbytes if isinstance(out, np.ndarray) else 0
        backward.outputs = sum(gradient.nbytes for gradient in grads)
        return {"forward": forward, "backward": backward}

    def _call(self, function: Callable[..., Any], trace: Trace, args: tuple[Any, ...]) -> Any:
        trace.before = workspace(function, self.dtype)
        result = watched(trace, partial(function, *args))
        trace.after = workspace(function, self.dtype)
        return result
