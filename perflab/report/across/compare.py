"""Two saved results side by side: how many times faster the newer one is, cell by cell.

Each side is a run's folder, a records.jsonl, or a file of another tool. Two runs are not paired: whatever
else changed between them is in the ratio too. Therefore results of environments that differ in what affects
speed are refused.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perflab.contract import PerflabError
from perflab.records.environment import REPORTED, Difference, differences
from perflab.records.typed import escaped
from perflab.report.across import allowed as shares
from perflab.report.across.matching import Choice
from perflab.report.across.timings import Side, Timing, labels
from perflab.report.across.unpaired import ratio
from perflab.statistics import Ratio, ratio_of_turns

UNDECIDED = ("not enough", "UNMEASURABLE")


@dataclass(frozen=True)
class Change:
    """One cell on both sides. `allowed` is the share by which it may be slower; None: no threshold.

    `name` is raw, `label` is how it is shown. `guessed` is true where the two names differ and a guess
    matched them.
    """

    name: str
    operation: str
    base: Timing
    new: Timing
    ratio: Ratio
    allowed: float | None = None
    label: str = ""
    guessed: bool = False

    @property
    def too_slow(self) -> bool:
        """Whether the whole interval is slower than what is allowed."""
        if self.allowed is None or self.ratio.high is None or self.ratio.verdict != "SLOWER":
            return False
        return self.ratio.high < 1 / (1 + self.allowed)

    @property
    def size(self) -> float:
        """How large the change is, whatever its direction: the absolute logarithm of the ratio."""
        return abs(math.log(self.ratio.value))


@dataclass(frozen=True)
class Comparison:
    """Two sides, the cells of both by size of change, and by name why the other cells have no ratio.

    `told` says which cells were matched although their names differ. `paired` is true where both sides were
    measured in turns.
    """

    base: Side
    new: Side
    differences: tuple[Difference, ...]  # these make two environments incomparable
    other_differences: tuple[Difference, ...]  # these are only reported
    changes: tuple[Change, ...]
    missing: Mapping[str, str]
    added: Mapping[str, str]
    unlike: Mapping[str, str]
    told: tuple[str, ...] = ()
    paired: bool = False

    @property
    def failed(self) -> tuple[Change, ...]:
        """The cells that are slower than allowed."""
        return tuple(change for change in self.changes if change.too_slow)

    @property
    def unfit(self) -> tuple[str, ...]:
        """Why the machine of either side was unfit to measure."""
        sides = (("BASE", self.base), ("NEW", self.new))
        return tuple(f"{name}: {reason}" for name, side in sides for reason in side.unfit)

    @property
    def counts(self) -> dict[str, int]:
        """How many cells got each verdict."""
        return dict(Counter(change.ratio.verdict for change in self.changes).most_common())

    def of(self, *verdicts: str) -> list[Change]:
        """The changes with these verdicts, by size."""
        return [change for change in self.changes if change.ratio.verdict in verdicts]


def compare(
    base: Side, new: Side, *, allowed: Mapping[str, float] | None = None, anyway: bool = False,
    choice: Choice | None = None, paired: bool = False,
) -> Comparison:  # fmt: skip
    """Match two sides by cell. `allowed` comes from `thresholds`, `choice` says how cells are matched.

    `paired` takes the ratios of perflab's own cells turn by turn, for two sides of one run. Raises
    PerflabError where the environments cannot be compared and `anyway` is false, where no cell has a ratio,
    and for a threshold of a pattern that fits no cell.
    """
    differing = tuple(differences(base.environment, new.environment))
    if differing and not anyway:
        raise PerflabError(f"cannot be compared: {'; '.join(map(str, differing))}; --anyway compares them")
    matched = (choice or Choice({})).match(base, new)
    base, new, allowed = matched.base, matched.new, allowed or {}
    shown = labels([*base.names | new.names])
    unlike = _without_ratio(base, new)
    common = [name for name in base.timings if name in new.timings and name not in unlike]
    if not common and not unlike:
        raise PerflabError(f"no cell was measured on both sides: {_tally(base)} and {_tally(new)}")
    fit, changes = not base.unfit and not new.unfit, []
    for name in common:
        old, newer = base.timings[name], new.timings[name]
        in_turns = ratio_of_turns(old.turns, newer.turns, fit) if paired and old.turns else None
        changes.append(
            Change(
                name, old.operation, old, newer, in_turns or ratio(old, newer, fit),
                shares.share(allowed, name, old.operation), shown[name], name in matched.guessed,
            )
        )  # fmt: skip
    if not changes:
        name, reason = next(iter(unlike.items()))
        none = f"no cell of {base.path} and {new.path} has one"
        raise PerflabError(f"no ratio: {shown[name]}: {reason}{_more(unlike)}; {none}")
    shares.check(allowed, {name: base.timings[name] for name in common})
    changes.sort(key=lambda change: -change.size)
    only_base = [name for name in base.timings if name not in new.names or name in new.absent]
    only_new = [name for name in new.timings if name not in base.names or name in base.absent]
    return Comparison(
        base, new, differing, tuple(differences(base.environment, new.environment, REPORTED)), tuple(changes),
        missing={shown[name]: new.absent.get(name, "not in it") for name in only_base},
        added={shown[name]: base.absent.get(name, "not in it") for name in only_new},
        unlike={shown[name]: reason for name, reason in unlike.items()},
        told=matched.told, paired=paired,
    )  # fmt: skip


def _without_ratio(base: Side, new: Side) -> dict[str, str]:
    """Why cells have no ratio although they are on a side with some time: one time is none, two problems."""
    reasons = {}
    for name in base.names | new.names:
        faults = [(side, each.faults[name]) for side, each in (("BASE", base), ("NEW", new))
                  if name in each.faults]  # fmt: skip
        if len({reason for _, reason in faults}) == 1 and len(faults) == 2:
            reasons[name] = f"in both: {faults[0][1]}"
        elif faults:
            reasons[name] = "; ".join(f"{side}: {reason}" for side, reason in faults)
        elif name in base.timings and name in new.timings:
            problems = base.timings[name].problem, new.timings[name].problem
            if None not in problems and problems[0] != problems[1]:
                reasons[name] = "another problem under the same name"
    return reasons


def _more(unlike: Mapping[str, str]) -> str:
    return f"; {len(unlike) - 1} more" if len(unlike) > 1 else ""


def _tally(side: Side) -> str:
    """How many cells a side has, with its first cell, or the first that it lacks and why."""
    reasons = [f"{escaped(name)}: {reason}" for name, reason in {**side.faults, **side.absent}.items()]
    names = [*map(escaped, side.timings), *reasons]
    return f"{side.path} has {len(side.timings)}" + (f" (first: {names[0]})" if names else "")


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain JSON; the warnings come first."""
    from perflab.report.across import wording

    return {
        "banner": wording.banner(comparison), "unfit": list(comparison.unfit),
        "base": side_json(comparison.base), "new": side_json(comparison.new), **cells_json(comparison),
    }  # fmt: skip


def cells_json(comparison: Comparison) -> dict[str, Any]:
    """The verdict, what differs and every cell as plain JSON, without the sides."""
    from perflab.report.across import verdict

    return {
        "verdict": verdict.sentence(comparison), "mean": verdict.mean_json(verdict.mean(comparison.changes)),
        "differences": list(map(vars, comparison.differences)),
        "told": list(map(vars, comparison.other_differences)),
        "matched": list(comparison.told),
        "counts": comparison.counts,
        "changes": list(map(_change_json, comparison.changes)),
        **{name: dict(getattr(comparison, name)) for name in ("missing", "added", "unlike")},
    }  # fmt: skip


def _change_json(change: Change) -> dict[str, Any]:
    base, new, ratio = change.base, change.new, change.ratio
    return {
        "name": change.label, "operation": escaped(change.operation), "base_s": base.median_s,
        "new_s": new.median_s, "base_values": len(base.values), "new_values": len(new.values),
        "ratio": ratio.value, "low": ratio.low, "high": ratio.high, "verdict": ratio.verdict,
        "allowed": change.allowed, "too_slow": change.too_slow, "guessed": change.guessed,
    }  # fmt: skip


def side_json(side: Side) -> dict[str, Any]:
    """A side as plain JSON, without its times."""
    return {"path": side.path, "kind": side.kind, "cells": len(side.timings), "notes": list(side.notes)}
