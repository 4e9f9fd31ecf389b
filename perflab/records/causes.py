"""What interventions showed of a compiled technique: each one's time beside the original's, and what follows.

An intervention is one change to the same source, or to its inputs. Whether it names a cause is decided here
alone, from the saved times: the terminal, the report and the study page say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from perflab.contract import Contender
from perflab.records.evidence import Step
from perflab.records.typed import FLAT, Name, Rule, Share, Whole, Wrong, between, one_of
from perflab.statistics import Ratio

LEAST_MOVED = 0.10  # of the time, which a named cause moved at least
CLEAR_OF = 0.05  # of the time: the interval of a named cause lies above
TIMED, WRONG, REFUSED = "timed", "wrong", "refused"
Times = Annotated[float, between(1e-9, 1e9, "a ratio of times")]
Positive = Annotated[float, Rule("seconds above 0", lambda value: 0 < value < 1e9)]


@dataclass(frozen=True)
class Moved:
    """How many times faster than the original, with the interval that allows for all tests made at once."""

    value: Times
    low: Times | None
    high: Times | None
    turns: Whole

    @property
    def share(self) -> float:
        """The share of the original's time that it saved, negative where it took longer."""
        return 1 - 1 / self.value

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the share; None with too few turns."""
        return None if self.low is None or self.high is None else (1 - 1 / self.low, 1 - 1 / self.high)


@dataclass(frozen=True)
class Trial:
    """One intervention on one function.

    cause      what it shows where it moves the time; "" of a permission that shows no single cause
    because    the cause in one sentence
    changes    what it changes
    status     "timed"; "wrong" if its results were beyond the rounding bound; "refused" if it did not compile
    note       why it was not timed
    error      its worst error as a share of the rounding bound; None where other numbers were computed
    ends       of a permission to the compiler: the guarantees that end with it
    """

    name: Name
    cause: str
    because: str
    changes: str
    status: Annotated[str, one_of(TIMED, WRONG, REFUSED)]
    moved: Moved | None = None
    error: Share | None = None
    ends: tuple[str, ...] = ()
    note: str = ""

    def check(self) -> None:
        """Raise Wrong for one that was timed and has no time."""
        if self.status == TIMED and self.moved is None:
            raise Wrong("its time, as it was timed", path=".moved")


@dataclass(frozen=True)
class Tested:
    """All interventions on one function that were applicable, and what they were compared with.

    `seconds` and `error` are the original's. `again` compares the unchanged source, compiled a second time:
    what it moves is chance.
    """

    seconds: Positive
    error: Share
    again: Moved
    trials: tuple[Trial, ...] = ()

    @property
    def threshold(self) -> float:
        """The share of time above which an interval must lie to name a cause."""
        chance = self.again.interval
        return max(CLEAR_OF, chance[1] if chance else 1.0)

    @property
    def noisy(self) -> bool:
        """Whether what chance moved is more than what a cause has to move."""
        chance = self.again.interval
        return chance is None or max(-chance[0], chance[1]) > LEAST_MOVED

    def shows(self, trial: Trial) -> bool:
        """Whether a trial moved the time beyond its interval, by enough, with right results."""
        if trial.moved is None or trial.status != TIMED or (interval := trial.moved.interval) is None:
            return False
        return trial.moved.share >= LEAST_MOVED and interval[0] > self.threshold

    def named(self) -> list[Trial]:
        """Of each cause that was shown the trial that moved most, those that moved most first."""
        best: dict[str, Trial] = {}
        for trial in sorted(filter(self.shows, self.trials), key=_share, reverse=True):
            if trial.cause:
                best.setdefault(trial.cause, trial)
        return [*best.values()]

    def permissions(self) -> list[Trial]:
        """The trials that only allowed the compiler more."""
        return [trial for trial in self.trials if trial.ends]


def _share(trial: Trial) -> float:
    return trial.moved.share if trial.moved else 0.0


def moved(ratio: Ratio) -> Moved:
    """A ratio of times, as it is saved."""
    return Moved(ratio.value, ratio.low, ratio.high, ratio.pairs)


@dataclass(frozen=True)
class Causes:
    """What interventions showed of each direction of a technique, on one case; or why there is nothing."""

    kind: ClassVar[str] = "causes"
    contender: Contender = field(metadata=FLAT)
    ways: Mapping[Step, Tested] = field(default_factory=dict)
    lacking: Mapping[Step, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Plain JSON: the fields of a record of kind "causes"."""
        return asdict(self.contender) | {
            "ways": {step: asdict(tested) for step, tested in self.ways.items()},
            "lacking": dict(self.lacking),
        }
