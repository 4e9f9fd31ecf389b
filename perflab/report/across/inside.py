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
    the baseline of all. "@" and the beginning of a commit is each technique as it was at that commit, in a
    run with --against. Raises PerflabError where it is none, or where two could be that of one cell.
    """
    found = {name: timing for name, timing in side.timings.items() if _is(baseline, name, timing)}
    if not found:
        hint = selection.nearest(baseline, side.names)
        for name in side.faults:
            hint = f"{escaped(name)}: {side.faults[name]}" if _is(baseline, name, None) else hint
        raise PerflabError(f"--baseline {baseline!r}: no such benchmark in {side.path}; {hint}")
    of_commit = baseline.startswith("@")
    by_key = [_by_key(found, place, of_commit) for place in (True, False)]
    base: dict[str, Timing] = {}
    absent: dict[str, str] = {}
    others = {name: replace(t, problem=None) for name, t in side.timings.items() if name not in found}
    for name, timing in others.items():
        keys = (_key(timing, place, of_commit) for place in (True, False))
        near = next((each[key] for each, key in zip(by_key, keys, strict=True) if key in each), [])
        if not near and len(found) == 1 and not timing.cell:
            near = [*found]
        if len(near) > 1:
            which = f"{' and '.join(map(escaped, near[:2]))} could be that of {escaped(name)}"
            raise PerflabError(f"--baseline {baseline!r}: {which}; wanted one")
        if near:
            base[name] = replace(found[near[0]], problem=None, operation=timing.operation)
        else:
            absent[name] = "no baseline with its parameters"
    if not base:
        raise PerflabError(f"--baseline {baseline!r}: nothing beside it in {side.path} to compare")
    title = f"{escaped(baseline)} in {side.path}"
    then = replace(side, path=title, timings=base, absent=absent, faults={}, notes=())
    return then, replace(side, timings=others)


def _is(baseline: str, name: str, timing: Timing | None) -> bool:
    if name == baseline or selection.pattern(baseline).fullmatch(name):
        return True
    if timing is None:
        return False
    cell = timing.cell
    if cell and baseline.startswith("@"):
        _, at, commit = cell.technique.partition("@")
        return bool(at) and commit.startswith(baseline[1:])
    if cell:
        return baseline in (cell.technique, f"{cell.operation}/{cell.technique}")
    return baseline == timing.operation


def _key(timing: Timing, place: bool, of_commit: bool) -> Hashable:
    """What a cell and its baseline have in common; of another commit, the technique too."""
    if timing.cell:
        technique = timing.cell.technique.partition("@")[0] if of_commit else ""
        return replace(timing.cell, technique=technique)
    parts = timing.parts
    return (parts.place if parts and place else (), parts.parameters if parts else "")


def _by_key(found: Mapping[str, Timing], place: bool, of_commit: bool) -> dict[Hashable, list[str]]:
    keyed: dict[Hashable, list[str]] = {}
    for name, timing in found.items():
        keyed.setdefault(_key(timing, place, of_commit), []).append(name)
    return keyed
