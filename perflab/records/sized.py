"""Cases of one's own sizes: how they are named, and how a table shortens the names of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from perflab.records.typed import Name, between

LARGEST = 2**31 - 1  # of a size: what the kernels' indices hold


@dataclass(frozen=True)
class Sized:
    """The size of every axis, and the parameters, of a case that no operation names.

    >>> one = Sized({"N": 2, "C": 16}, {"stride": (2, 1), "pad": 1})
    >>> one.name, one.words
    ('N2-C16-stride2x1-pad1', 'N=2 C=16 stride=2x1 pad=1')
    """

    sizes: Mapping[Name, Annotated[int, between(1, LARGEST, "a whole number")]]
    parameters: Mapping[Name, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, str]:
        """Every size and parameter as it is typed, in the operation's order."""
        return {name: _typed(value) for name, value in {**self.sizes, **self.parameters}.items()}

    @property
    def name(self) -> str:
        """Its name as a case: all its sizes and parameters."""
        return _named(self.values)

    @property
    def words(self) -> str:
        """The words that name it after `--size`."""
        return " ".join(f"{name}={value}" for name, value in self.values.items())


def labels(cases: Sequence[Sized]) -> dict[str, str]:
    """The short name of each case in a table: what is not common to all; the whole name of a single one.

    >>> labels([Sized({"N": 2, "C": 16}), Sized({"N": 2, "C": 32})])
    {'N2-C16': 'C16', 'N2-C32': 'C32'}
    """
    same = _same(cases)
    return {
        case.name: _named({name: value for name, value in case.values.items() if name not in same})
        or case.name
        for case in cases
    }


def common(cases: Sequence[Sized]) -> str:
    """What all these cases have in common, where they are several; "" where that is nothing.

    >>> common([Sized({"N": 2, "C": 16}), Sized({"N": 2, "C": 32})])
    'N2'
    """
    return _named(_same(cases)) if len(cases) > 1 else ""


def _same(cases: Iterable[Sized]) -> dict[str, str]:
    first, *others = (case.values.items() for case in cases)
    return {name: value for name, value in first if all((name, value) in other for other in others)}


def _named(values: Mapping[str, str]) -> str:
    return "-".join(f"{name}{value}" for name, value in values.items())


def _typed(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
