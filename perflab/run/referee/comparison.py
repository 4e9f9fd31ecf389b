"""The corpus before perflab and what people use today: what each lets through, whom each accuses."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from perflab.contract import PerflabError
from perflab.machine import copies
from perflab.oracle.sandbox.sandbox import MOST_BYTES
from perflab.run.referee import habits, trial
from perflab.run.referee.corpus import PERFLAB, Kind

CASE = "digits"
LIMIT_S = 12.0  # for a file before one of the other judges
HOLDS, LETS, ACCUSES, CLEARS = "holds", "lets through", "accuses", "clears"
Tell = Callable[[int, int, str], None]


class Judge(NamedTuple):
    """Who judges a file: a function of it, a folder and a case; its limit in seconds; what it does."""

    function: Callable[[str, str, str], dict[str, Any]]
    limit_s: float
    meaning: str


JUDGES: Mapping[str, Judge] = {
    PERFLAB: Judge(trial.judge, 120.0, "perflab: review, and a race"),
    "stopwatch": Judge(habits.stopwatch, LIMIT_S, "one `np.allclose`, then a stopwatch"),
    "pytest-benchmark": Judge(habits.benchmark_alone, LIMIT_S, "pytest-benchmark alone"),
    "verify-once": Judge(habits.verify_once, LIMIT_S, "verified once on five seeds, to 1e-2, then timed"),
}


@dataclass(frozen=True)
class Finding:
    """What a judge found of a kind: a time in seconds, or why there is none; whose work the file calls."""

    kind: Kind
    judge: str
    seconds: float | None = None
    why: str = ""
    calls: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What is said of the file, beside its time too."""
        return self.why or (f"calls {', '.join(self.calls)}" if self.calls else "")

    @property
    def named(self) -> bool:
        """Whether a cheat is named as what it is, by perflab; others need not name it."""
        return self.kind.is_named_by(self.told)

    @property
    def outcome(self) -> str:
        """The word for what the judge did: of a cheat, a time without a word lets it through."""
        if self.kind.honest:
            return ACCUSES if self.why else CLEARS
        return HOLDS if self.told else LETS

    @property
    def wrong(self) -> bool:
        """Whether the judge is at fault; perflab is also where it gives a cheat another name."""
        unnamed = self.judge == PERFLAB and not self.kind.honest and not self.named
        return self.outcome in (LETS, ACCUSES) or unnamed


def compare(kinds: Sequence[Kind], judges: Sequence[str], tell: Tell) -> Iterator[Finding]:
    """Every judge's finding on every kind, in processes of their own that are ended in any case.

    `tell` gets how many are done, of how many, and what comes next.
    """
    prepare()
    pairs = [(kind, judge) for kind in kinds for judge in judges if kind.is_for(judge)]
    for place, (kind, judge) in enumerate(pairs):
        tell(place, len(pairs), f"{kind.name}, {judge}")
        yield find(kind, judge)


def prepare() -> None:
    """Say what the processes of the judges import, before the first of them."""
    copies.prepare([trial.__name__, habits.__name__, "pytest_benchmark.plugin"])


def find(kind: Kind, judge: str, case: str = CASE) -> Finding:
    """A judge's finding on a kind, of a copy of its file: a file may change itself."""
    function, limit_s, _ = JUDGES[judge]
    with tempfile.TemporaryDirectory(prefix="perflab-") as temporary:
        file = Path(temporary) / kind.path.name
        shutil.copy(kind.path, file)
        try:
            found = copies.call(function, (str(file), temporary, case), limit_s, MOST_BYTES)
        except PerflabError as error:
            return Finding(kind, judge, why=str(error))
    return Finding(kind, judge, found.get("seconds"), found.get("why", ""), tuple(found.get("calls", ())))


@dataclass(frozen=True)
class Tally:
    """How many cheats a judge let through, of how many; how many honest files it accused, of how many."""

    judge: str
    lets: int
    cheats: int
    accuses: int
    honest: int


def tallies(findings: Sequence[Finding]) -> list[Tally]:
    """A tally for each judge."""
    rows = []
    for judge in JUDGES:
        words = [each.outcome for each in findings if each.judge == judge]
        cheats, honest = words.count(LETS) + words.count(HOLDS), words.count(ACCUSES) + words.count(CLEARS)
        if words:
            rows.append(Tally(judge, words.count(LETS), cheats, words.count(ACCUSES), honest))
    return rows


def to_json(findings: Sequence[Finding], wall_s: float) -> dict[str, Any]:
    """All of it as plain JSON."""
    rows = [
        {
            **{name: getattr(each.kind, name) for name in ("name", "honest", "family")},
            **{name: getattr(each, name) for name in ("judge", "outcome", "seconds", "wrong")},
            "why": each.told,
        }
        for each in findings
    ]
    return {"findings": rows, "judges": [*map(vars, tallies(findings))], "wall_s": wall_s}
