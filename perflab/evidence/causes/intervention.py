"""What an intervention is: a change, and the cause that it shows where the time moves with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perflab.evidence.causes.program import Program, Trees


@dataclass(frozen=True)
class Change:
    """What differs from the original in one call; what is not given is the original's.

    trees      the changed files
    flags      Numba's flags while it is compiled: {"fastmath": {"reassoc"}}
    args       the arguments
    extra      further arguments, after all others
    guard      flags with which it is compiled first and called once: where that raises, it is not applicable
    verified   false where it computes with other numbers, so that there is nothing to compare
    """

    trees: Trees | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    args: tuple[Any, ...] | None = None
    extra: tuple[Any, ...] = ()
    guard: Mapping[str, Any] | None = None
    verified: bool = True


@dataclass(frozen=True)
class Intervention:
    """One change that shows one cause.

    name       what is done, as a row of a table
    cause      what is shown where it moves the time; several may show one; "" for none
    because    the cause in one sentence
    changes    what it changes, in one line
    apply      the change of a program, or None where it is not applicable
    ends       of a permission to the compiler: the guarantees that end with it
    """

    name: str
    cause: str
    because: str
    changes: str
    apply: Callable[[Program], Change | None]
    ends: tuple[str, ...] = ()
