"""The calls of a round: the same loop for what is built in and for what runs in a contestant's process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from perflab.contract import Array, WrongForm

CHANGE = 0.5  # of an element, between the first turn of a round and the last
Set = tuple[tuple[Any, ...], Any]  # the arguments of forward, and the upstream gradient
Call = Callable[[], Any]
Change = tuple[Callable[[Any], None], Any]  # what writes into every set, and what it writes


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


def changes_of(columns: Sequence[Array], turns: int) -> list[Change]:
    """A change for each turn: the columns are changed one after the other, and at last put back.

    A column is one element of an array, in every set.
    """
    changes: list[Change] = []
    for turn in range(turns if columns else 0):
        column = columns[turn % len(columns)]
        left = (turns - 1 - turn) // len(columns)  # how often it changes again
        by = CHANGE * left * len(columns) / turns
        changes.append((column.fill, column[0] + by) if left else (partial(np.copyto, column), column.copy()))
    return changes


def play_changing(calls: Sequence[Call], changes: Sequence[Change]) -> list[Any]:
    """As `play`, with a change of the contents before each turn: no call gets what an earlier one got."""
    held: list[Any] = []
    for write, value in changes:
        write(value)
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
