"""The progress of a climb: one readable file beside the exercises, read and written as a whole.

An exercise is the way from a rung to the one that stands on it. The file says which exercises were written,
which case each is raced on, every attempt, and which hints were asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

from perflab.contract import DTYPES, GRAVITY, PerflabError
from perflab.records.grades import replace_file
from perflab.records.typed import (
    Date,
    Location,
    Name,
    Seconds,
    Share,
    Text,
    Wrong,
    between,
    one_of,
    parsed,
    read,
)

SCHEMA = 1
CLIMB = "climb.json"
WANTED = "wanted what `perflab climb OP` wrote; undo the edit, or begin in another folder"
HINTS = ("first line", "formulas", "hottest line", "what moved most", "solution")


@dataclass(frozen=True)
class Attempt:
    """One check of an exercise's file. Without times it was not raced; `said` is why, or what is wrong.

    `share` is its speed as a share of the speed of the rung to reach; the seconds are of one call.
    """

    when: Date
    status: Annotated[str, one_of(*GRAVITY)]
    said: Text = ""
    seconds: Seconds | None = None
    below_s: Seconds | None = None
    above_s: Seconds | None = None
    share: Share | None = None
    passed: bool = False


@dataclass(frozen=True)
class Step:
    """One exercise: from the rung `below` to the rung `above`, in a file, raced on a case.

    `wanted` is the least share of the speed of `above`. `below_s` and `above_s` are the two rungs' seconds a
    call when the exercise was written. `left_out` says why there is no exercise: then it has no file.
    """

    operation: Name
    below: Name
    above: Name
    file: str
    case: str
    dtype: Annotated[str, one_of(*DTYPES)]
    threads: Annotated[int, between(1, 10_000, "a whole number")]
    wanted: Annotated[float, between(0, 1)]
    below_s: Seconds
    above_s: Seconds
    hints: tuple[Annotated[str, one_of(*HINTS)], ...] = ()
    attempts: tuple[Attempt, ...] = ()
    left_out: Text = ""

    @property
    def name(self) -> str:
        """OPERATION/TECHNIQUE of the rung to reach."""
        return f"{self.operation}/{self.above}"

    @property
    def passed(self) -> bool:
        """Whether an attempt reached the rung."""
        return any(attempt.passed for attempt in self.attempts)

    @property
    def best(self) -> Attempt | None:
        """The fastest of its attempts that were raced; None without any."""
        raced = [attempt for attempt in self.attempts if attempt.share is not None]
        return max(raced, key=lambda attempt: attempt.share or 0.0, default=None)


@dataclass(frozen=True)
class Climb:
    """All that is saved of a climb; `own` gives the folders of operations of one's own."""

    schema: Annotated[int, between(SCHEMA, SCHEMA, "a schema that this perflab reads:")]
    steps: tuple[Step, ...] = ()
    own: Mapping[Name, Location] = field(default_factory=dict)

    def check(self) -> None:
        """Raise Wrong where two exercises are the same, or share a file."""
        for what in ("name", "file"):
            seen = set[str]()
            for place, step in enumerate(self.steps):
                value = getattr(step, what)
                if value and value in seen:
                    raise Wrong("each exercise once", value, f".steps[{place}].{what}")
                if what == "file" and Path(value).name != value:
                    raise Wrong("the name of a file beside it", value, f".steps[{place}].file")
                seen.add(value)

    def of(self, operation: str) -> Iterator[Step]:
        """The exercises of one operation, in the order in which they were begun."""
        return (step for step in self.steps if step.operation == operation)

    def step(self, name: str) -> Step | None:
        """The exercise that leads to an OPERATION/TECHNIQUE."""
        return next((step for step in self.steps if step.name == name), None)

    def with_step(self, step: Step) -> Climb:
        """The same with this exercise in the place of the one that leads to the same rung, or added."""
        known = self.step(step.name)
        steps = tuple(step if each is known else each for each in self.steps)
        return replace(self, steps=steps if known else (*steps, step))


def load(folder: Path) -> Climb:
    """The climb of a folder, a new one where there is none.

    Raises PerflabError, with the file and the field, for what `perflab climb` did not write.
    """
    file = folder / CLIMB
    if not file.exists():
        return Climb(SCHEMA)
    try:
        return read(Climb, parsed(file.read_bytes()))
    except Wrong as wrong:
        raise PerflabError(f"{file}: {wrong}; {WANTED}") from wrong
    except ValueError as error:
        raise PerflabError(f"{file}: no whole JSON; {WANTED}") from error
    except OSError as error:
        raise PerflabError(f"{file}: cannot be read: {error.strerror}") from error


def save(folder: Path, climb: Climb) -> None:
    """Write a climb, whole or not at all. Raises PerflabError where it cannot be written."""
    text = json.dumps(asdict(climb), ensure_ascii=False, indent=1, allow_nan=False)
    replace_file(folder / CLIMB, f"{text}\n".encode("utf-8", "backslashreplace"))
