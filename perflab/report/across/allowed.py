"""By what share a cell may be slower: `--fail-if-slower`, for all cells or by patterns of names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from perflab.contract import PerflabError
from perflab.report.across import selection
from perflab.report.across.timings import Timing


def thresholds(arguments: Sequence[str]) -> dict[str, float]:
    """By what share each pattern of names may be slower; the empty one means every other cell.

    A number with a percent sign is percent. A number without it is a share below 1, and percent from 1 on.
    Raises PerflabError for any other text.

    >>> thresholds(["5%", "conv2d/*=0.1", "rnn=5"])
    {'': 0.05, 'conv2d/*': 0.1, 'rnn': 0.05}
    """
    allowed = {}
    for argument in arguments:
        pattern, equals, share = argument.rpartition("=")
        match = re.fullmatch(r"(\d+\.?\d*|\.\d+)(%?)", share.strip(), re.ASCII)
        if match is None or (equals and not pattern):
            form = "a share such as 5%, 5 or 0.05, or PATTERN=SHARE"
            raise PerflabError(f"--fail-if-slower: {argument!r}; wanted {form}")
        number = float(match[1])
        allowed[pattern] = number / 100 if match[2] or number >= 1 else number
    return allowed


def share(allowed: Mapping[str, float], name: str, operation: str) -> float | None:
    """The share by which a cell may be slower; the last pattern that fits it decides, None without any."""
    fitting = [value for pattern, value in allowed.items() if pattern and _fits(pattern, name, operation)]
    return fitting[-1] if fitting else allowed.get("")


def check(allowed: Mapping[str, float], cells: Mapping[str, Timing]) -> None:
    """Raise PerflabError where a pattern fits none of these cells."""
    for pattern in filter(None, allowed):
        if not fits_any(pattern, cells):
            hint = selection.nearest(
                pattern, [f"{timing.operation}/{name}" for name, timing in cells.items()]
            )
            raise PerflabError(f"--fail-if-slower: {pattern!r} is not on both sides; {hint}")


def fits_any(pattern: str, cells: Mapping[str, Timing]) -> bool:
    """Whether a pattern fits any of these cells."""
    return any(_fits(pattern, name, timing.operation) for name, timing in cells.items())


def _fits(pattern: str, name: str, operation: str) -> bool:
    return pattern == operation or selection.pattern(pattern).fullmatch(name) is not None
