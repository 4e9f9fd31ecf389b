"""The calls of a round: the same loop for what is built in and for what runs in a contestant's process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import Any

from perflab.contract import WrongForm

Set = tuple[tuple[Any, ...], Any]  # the arguments of forward, and the upstream gradient
Call = Callable[[], Any]


def calls_on(
    direction: str, forward: Callable[..., Any], backward: Callable[..., Any], sets: Sequence[Set],
    caches: Sequence[Any],
) -> list[Call]:  # fmt: skip
    """A call on each set, without arguments and set-up; `caches` are those of forward, for "backward"."""
    if direction == "forward":
        return [partial(forward, *args) for args, _ in sets]
    if direction == "backward":
        return [partial(backward, dout, cache) for (_, dout), cache in zip(sets, caches, strict=True)]

    def step(args: Sequence[Any], dout: Any) -> Any:
        out, cache = forward(*args)
        return out, backward(dout, cache)

    return [partial(step, args, dout) for args, dout in sets]


def play(calls: Sequence[Call], turns: int) -> list[Any]:
    """Make each call in turn, so many times; the results of the last turn, all held at once."""
    held: list[Any] = []
    for _ in repeat(None, turns):
        held = [call() for call in calls]
    return held


def tensors_of(direction: str, result: Any) -> tuple[Any, ...]:
    """Out and gradients, as far as a direction has them, of what its call returned.

    Raises WrongForm where that is not of the form that it must have.
    """
    if direction == "backward":
        return tuple_of(result, "backward", "a tuple of gradients")
    both = tuple_of(result, "forward", "out and cache")
    if len(both) != 2:
        raise WrongForm(f"forward returned a tuple of {len(both)}; wanted out and cache")
    if direction == "forward":
        return (both[0],)
    return (both[0], *tuple_of(both[1], "backward", "a tuple of gradients"))


def tuple_of(value: Any, who: str, wanted: str) -> tuple[Any, ...]:
    """The value, if it is a tuple and of no class below it: that may compute when it is read."""
    if type(value) is not tuple:
        raise WrongForm(f"{who} returned a {type(value).__name__}; wanted {wanted}")
    return value
