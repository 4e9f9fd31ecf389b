"""An implementation and the inputs of a case, ready to be called and traced."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from perflab.catalog import inputs
from perflab.catalog.cases import costs as costs_of
from perflab.contract import Case, Implementation, Operation
from perflab.evidence.compiled import dispatchers_of, waits_for_ever, workspace
from perflab.evidence.steps import Trace, watched

MOST_LOADS = 5  # calls until none of them may compile or load anything more
MOST_FLOPS = 2e7


def fitting(described: Operation, names: tuple[str, ...], dtype: str) -> str:
    """The largest case that all but the interpreted rungs get through at once, or the smallest."""
    flops = {name: costs_of(described, described.case(name), dtype)["step"].flops for name in names}
    fitting = [name for name in names if flops[name] <= MOST_FLOPS]
    return max(fitting, key=flops.__getitem__) if fitting else min(names, key=flops.__getitem__)


class Scene:
    """An implementation and a case's inputs in one dtype, of so many samples where a number is given."""

    def __init__(
        self, described: Operation, held: Implementation, case: Case, dtype: str, samples: int | None = None
    ) -> None:
        if samples and "N" in case.sizes:
            case = replace(case, sizes={**case.sizes, "N": samples})
        self.held, self.case, self.dtype = held, case, dtype
        self.args = tuple(inputs.make(described, case, dtype).values())
        self.dout = inputs.upstream(described, case, dtype)
        self.costs = costs_of(described, case, dtype)

    def call(self) -> None:
        """Once, both ways."""
        _, kept = self.held.forward(*self.args)
        self.held.backward(self.dout, kept)

    def traced(self, trace: Callable[..., Trace], *, memory: bool = True) -> dict[str, Trace]:
        """Both ways, watched; once more where that made Numba load something."""
        held = self.held
        for _ in range(MOST_LOADS):
            dispatchers = [*dispatchers_of(held.forward), *dispatchers_of(held.backward)]
            before = sum(len(dispatcher.overloads) for dispatcher in dispatchers)
            memory = memory and not waits_for_ever(dispatchers)
            forward, backward = trace(memory=memory), trace(memory=memory)
            if memory:
                gc.collect()
            forward.before = workspace(held.forward, self.dtype)
            out, kept = watched(forward, partial(held.forward, *self.args))
            forward.after = workspace(held.forward, self.dtype)
            backward.before = workspace(held.backward, self.dtype)
            grads = watched(backward, partial(held.backward, self.dout, kept))
            backward.after = workspace(held.backward, self.dtype)
            dispatchers = [*dispatchers_of(held.forward), *dispatchers_of(held.backward)]
            if sum(len(dispatcher.overloads) for dispatcher in dispatchers) == before:
                break
        forward.outputs = out.nbytes if isinstance(out, np.ndarray) else 0
        backward.outputs = sum(gradient.nbytes for gradient in grads)
        return {"forward": forward, "backward": backward}
