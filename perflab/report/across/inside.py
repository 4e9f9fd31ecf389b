"""One saved result compared with itself: every cell with the baseline of its own problem."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from perflab.contract import PerflabError
from perflab.records.typed import escaped
from perflab.report.across import selection
from perflab.report.across.timings import Side, Timing


def against(side: Side, baseline: str) -> tuple[Side, Side]:
    """A side as base and new: under each cell's name the baseline's times, and its own.

    `baseline` is a technique, a function, a benchmark's name, or a pattern of names. The baseline of a cell
    has the same operation, case, dtype, direction and threads, or the same parameters; a single benchmark is
    the baseline of all. Raises PerflabError where it is none, or where two could be that of one cell.
    """
    found = {name: timing for name, timing in side.timings.items() if _is(baseline, name, timing)}
    if not found:
        wrong = [name for name in side.faults if _is(baseline, name, None)]
        hint = (
            f"{escaped(wrong[0])}: {side.faults[wrong[0]]}"
            if wrong
            else selection.nearest(baseline, side.names)
        )
        raise PerflabError(f"--baseline {baseline!r}: no such benchmark in {side.path}; {hint}")
    by_place, by_problem = _by_key(found, True), _by_key(found, False)
    base: dict[str, Timing] = {}
    absent: dict[str, str] = {}
    for name, timing in side.timings.items():
        if name in found:
            continue
        near = by_place.get(_key(timing, True)) or by_problem.get(_key(timing, False)) or []
        if not near and len(found) == 1 and not timing.cell:
            near = [*found]
        if len(near) > 1:
            both = " and ".join(map(escaped, near[:2]))
            raise PerflabError(
                f"--baseline {baseline!r}: {both} could be that of {escaped(name)}; wanted one"
            )
        if near:
            base[name] = replace(found[near[0]], problem=None, operation=timing.operation)
        else:
            absent[name] = "no baseline with its parameters"
    others = {
        name: replace(timing, problem=None) for name, timing in side.timings.items() if name not in found
    }
    if not base:
        raise PerflabError(f"--baseline {baseline!r}: nothing beside it in {side.path} to compare")
    title = f"{escaped(baseline)} in {side.path}"
    return (
        replace(side, path=title, timings=base, absent=absent, faults={}, notes=()),
        replace(side, timings=others),
    )


def _is(baseline: str, name: str, timing: Timing | None) -> bool:
    if name == baseline or selection.pattern(baseline).fullmatch(name):
        return True
    if timing is None:
        return False
    cell = timing.cell
    if cell:
        return baseline in (cell.technique, f"{cell.operation}/{cell.technique}")
    return baseline == timing.operation


def _key(timing: Timing, place: bool) -> Hashable:
    """What a cell and its baseline have in common."""
    if timing.cell:
        return replace(timing.cell, technique="")
    parts = timing.parts
    return (parts.place if parts and place else (), parts.parameters if parts else "")


def _by_key(found: Mapping[str, Timing], place: bool) -> dict[Hashable, list[str]]:
    keyed: dict[Hashable, list[str]] = {}
    for name, timing in found.items():
        keyed.setdefault(_key(timing, place), []).append(name)
    return keyed
