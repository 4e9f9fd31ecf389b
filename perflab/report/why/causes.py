"""What interventions showed of a technique, as sentences and tables."""

from __future__ import annotations

from collections.abc import Iterator

from perflab import units
from perflab.records.causes import LEAST_MOVED, TIMED, WRONG, Causes, Moved, Tested, Trial
from perflab.records.evidence import Step
from perflab.report import words
from perflab.report.summary import Summary
from perflab.statistics import Ratio

VALUES = ("NaN", "inf", "the sign of 0")  # whose rules a permission may end


def of_rung(summary: Summary, operation: str, technique: str, dtype: str) -> Iterator[str]:
    """The sentences on a technique of a run; none where no interventions were tried."""
    causes = summary.causes_of(operation, technique, dtype)
    if causes is not None:
        yield from sentences(causes)


def sentences(causes: Causes) -> Iterator[str]:
    """One sentence for each direction; and why there is none."""
    for step, tested in causes.ways.items():
        yield f"{step}, by intervention on {causes.contender.case}: {sentence(tested)}"
    yield from (f"no interventions: {why}" for why in causes.lacking.values())


def sentence(tested: Tested) -> str:
    """The causes that were shown, strongest first, each with its intervention; or that none was."""
    named = tested.named()
    if named:
        return "; ".join(map(_told, named)) + "."
    timed = [trial for trial in tested.trials if trial.status == TIMED and trial.cause]
    if not timed:
        return "none is applicable that could show a cause."
    if tested.noisy:
        return (
            "no cause is named, as the machine was too busy to tell: the same source, compiled again, moved"
            f" the time by {_share(tested.again)}."
        )
    tried = "one change" if len(timed) == 1 else f"{len(timed)} changes"
    return (
        f"no cause is named. Of {tried}, each by itself, none moved the time beyond its interval and by"
        f" {LEAST_MOVED:.0%} or more."
    )


def _told(trial: Trial) -> str:
    assert trial.moved is not None
    return f"{trial.because} ({trial.name}: {_share(trial.moved)} less time{_error_of(trial)})"


def _error_of(trial: Trial) -> str:
    return "" if trial.error is None else f", error {_of_bound(trial.error)} of its bound"


def heading(causes: Causes, step: Step) -> str:
    """What the figures of one direction belong to."""
    who, tested = causes.contender, causes.ways[step]
    return (
        f"{who.name} {step} on {who.case}, {who.dtype}, {words.of_threads(who.threads)}:"
        f" {units.seconds(tested.seconds)}, error {_of_bound(tested.error)} of its bound"
    )


def table(causes: Causes, step: Step) -> words.Table:
    """Every intervention on one direction, those that moved most first, and the source compiled again."""
    tested = causes.ways[step]
    rows = [
        (trial.name, trial.changes, _share(trial.moved), _error(trial), _verdict(tested, trial))
        for trial in sorted(tested.trials, key=_order)
    ]
    rows.append(
        ("none", "the same source, compiled again", _share(tested.again), _of_bound(tested.error), "chance")
    )
    head = ("intervention", "what it changes", "time saved", "error / bound", "verdict")
    return words.Table(heading(causes, step), head, tuple(rows))


def permissions(causes: Causes, step: Step) -> words.Table | None:
    """Speed, error and ended guarantees of each permission to the compiler; None where none was tried."""
    rows = tuple(
        (trial.name, _speed(trial.moved), _error(trial),
         "; ".join(end for end in trial.ends if end not in VALUES),
         "undefined" if {*VALUES} & {*trial.ends} else "as before")
        for trial in causes.ways[step].permissions()
    )  # fmt: skip
    head = ("permission", "speed", "error / bound", "what is no longer fixed", "NaN, inf, −0")
    return words.Table(f"Permissions, {step}", head, rows) if rows else None


def _order(trial: Trial) -> float:
    return -trial.moved.share if trial.moved else 1e9


def _share(moved: Moved | None) -> str:
    """A share of the time with its interval."""
    if moved is None:
        return "–"
    ends = moved.interval
    return f"{_percent(moved.share)} %" + (f" [{_percent(ends[0])}, {_percent(ends[1])}]" if ends else "")


def _percent(share: float) -> str:
    return f"{100 * share:.0f}".replace("-", "−") if round(100 * share) else "0"


def _speed(moved: Moved | None) -> str:
    return words.interval(Ratio(moved.value, moved.low, moved.high, moved.turns)) if moved else "–"


def _error(trial: Trial) -> str:
    return "–" if trial.error is None else _of_bound(trial.error)


def _of_bound(error: float) -> str:
    return "under 0.001" if 0 < error < 0.0005 else f"{error:.3f}"


def _verdict(tested: Tested, trial: Trial) -> str:
    if trial.status != TIMED:
        return f"{'wrong' if trial.status == WRONG else 'not compiled'}: {trial.note}"
    if tested.shows(trial):
        return trial.cause or "moves the time, by no single cause"
    return "not the cause" if trial.cause else "no change"
