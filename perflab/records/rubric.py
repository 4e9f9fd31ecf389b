"""A rubric: the points of a class's functions, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from perflab.contract import PerflabError
from perflab.errors import unknown
from perflab.records.typed import Rule, Wrong, at_least, read, shown

Points = Annotated[float, at_least(0, "points, a number")]
More = Annotated[float, Rule("a number above 0", lambda value: 0 < value < 1e12)]
EXAMPLE = """\
# The points of a class: perflab grade all submissions/* --rubric rubric.toml

limit = 10                   # the seconds that a case may take, unless --limit says otherwise

# One table for each function that counts: an operation, or "OPERATION/VARIANT" where a file has several, such
# as "conv2d/fast" for conv_forward_fast. Of several that fit, a submission's best one counts.

[fully_connected]
right = 4                    # points if it is right
unwritten = 0                # points if it is still to be written
fast = [                     # further points if it is right and fast; every step that is reached counts
    { times = 10, points = 1 },       # 10 times as fast as the naive loops, forward and backward together
    { times = 100, points = 1 },
]

[conv2d]
right = 6
fast = [{ times = 10, points = 2 }, { seconds = 0.005, points = 1 }]

[max_pool2d]
right = 4
"""


@dataclass(frozen=True)
class Step:
    """Points for a speed: so many `times` as fast as naive, or a call within so many `seconds`."""

    points: Points
    times: More | None = None
    seconds: More | None = None

    def check(self) -> None:
        """Raise Wrong unless it has exactly one of the two."""
        if (self.times is None) == (self.seconds is None):
            raise Wrong("either times or seconds", path=".times")


@dataclass(frozen=True)
class Entry:
    """The points of one function."""

    right: Points = 1.0
    unwritten: Points = 0.0
    fast: tuple[Step, ...] = ()

    @property
    def most(self) -> float:
        """All points that it can bring."""
        return max(self.right + sum(step.points for step in self.fast), self.unwritten)


@dataclass(frozen=True)
class Rubric:
    """The entries by function, OPERATION or OPERATION/VARIANT; `limit_s` is 0 where it names none."""

    entries: Mapping[str, Entry]
    limit_s: float = 0.0

    def of(self, operation: str, variant: str) -> str:
        """The function of this rubric that an implementation is for; "" for none."""
        names = (f"{operation}/{variant}", operation)
        return next((name for name in names if name in self.entries), "")


def load(file: Path, operations: Iterable[str]) -> Rubric:
    """A rubric from a TOML file, for these operations.

    Raises PerflabError, in one line, for a file that cannot be read, an unknown key or function, and points
    that are no numbers.
    """
    known = list(operations)
    try:
        plain = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise PerflabError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PerflabError(f"{file}: not a rubric in TOML: {str(error).splitlines()[0]}") from error
    try:
        limit_s = read(_Limit, {"limit": plain.pop("limit", None)}).limit
        entries = {name: _entry(name, table, known) for name, table in plain.items()}
    except Wrong as wrong:
        raise PerflabError(f"{file}: {wrong}") from wrong
    except PerflabError as error:
        raise PerflabError(f"{file}: {error}") from error
    if not entries:
        raise PerflabError(f"{file}: no function in it; wanted a table such as [{known[0]}]")
    return Rubric(entries, limit_s or 0.0)


@dataclass(frozen=True)
class _Limit:
    limit: More | None


def _entry(name: str, table: Any, known: list[str]) -> Entry:
    if not isinstance(table, dict):
        raise PerflabError(unknown("key", shown(name).strip("'"), ["limit", *known]))
    if name.partition("/")[0] not in known:
        raise PerflabError(unknown("function", name, known))
    _check_keys(name, table, Entry)
    steps = table.get("fast", ())
    for place, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict):
            _check_keys(f"{name}.fast[{place}]", step, Step)
    try:
        return read(Entry, table)
    except Wrong as wrong:
        raise wrong.within(f".{name}") from None


def _check_keys(where: str, table: Mapping[str, Any], kind: Any) -> None:
    names = [each.name for each in fields(kind)]
    for key in table:
        if key not in names:
            raise PerflabError(unknown("key", f"{where}.{key}", names, key))
