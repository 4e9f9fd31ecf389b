"""Fields of a foreign file, which may be missing or of any type."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> Sequence[Any]:
    """The value where it is a list, or the array that `loading` makes of one, else an empty one."""
    return value if isinstance(value, (list, array)) else ()


def text(value: Any) -> str:
    """The value where it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def known(**values: Any) -> dict[str, Any]:
    """An environment of what is known.

    >>> known(cpu="", cores_allowed=2, python=None)
    {'cores_allowed': 2}
    """
    return {key: value for key, value in values.items() if value}


def moment(value: Any) -> float | None:
    """Seconds since 1970 from an ISO date, or None; a date without a zone is taken as UTC.

    >>> moment("2026-01-01T00:00:00"), moment("2026-01-01T01:00:00+01:00"), moment("today"), moment(3)
    (1767225600.0, 1767225600.0, None, None)
    """
    try:
        when = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def in_brackets(parameters: Mapping[str, Any]) -> str:
    """Parameters as a part of a name.

    >>> in_brackets({"n": 3, "t": "x"}), in_brackets({})
    ('[n=3, t=x]', '')
    """
    words = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return f"[{words}]" if words else ""
