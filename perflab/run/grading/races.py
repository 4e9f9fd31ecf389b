"""Races the right functions of several submissions at a time, beside the rungs of NumPy, one after another.

A race is a run in a folder of its own: saved turn by turn, and gone on with where it was interrupted.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from perflab import records
from perflab.contract import FIRST_RUNGS, NoSpaceLeft, PerflabError
from perflab.records import Plan, Run
from perflab.records.grades import RACES, Grade
from perflab.run import presets, request
from perflab.run.explaining import gather, lacking_evidence, shares
from perflab.run.schedule import pending

TOGETHER = 10  # submissions in one race: they share the turns of the rungs
RUNGS = FIRST_RUNGS[:3]  # nothing of these is compiled
EVIDENCE_S = 120.0  # for the lines on which each raced file spends its time


def saved(folder: Path) -> list[Run]:
    """The races of a folder so far, in the order in which they began."""
    places = sorted((folder / RACES).glob(f"*/{records.RECORDS}"), key=lambda file: int(file.parent.name))
    return [records.read(file.parent) for file in places]


def race(folder: Path, grades: Sequence[Grade], tell: Callable[[int], None]) -> list[str]:
    """Race what is right and was not raced; `tell` gets how many submissions are settled.

    Returns a sentence for each race that could not be finished. Raises KeyboardInterrupt, and NoSpaceLeft.
    """
    problems: list[str] = []
    known = saved(folder)
    for run in known:
        if not _is_finished(run):
            problems += _measure(run.folder, run.plan, resume=True)
    raced = {name for run in known for name in run.plan.outside}
    waiting = [grade for grade in grades if any(name not in raced for name in _columns(grade))]
    waiting.sort(key=lambda grade: sorted(each.operation for each in grade.racing()))  # few rungs a race
    together = [waiting[first : first + TOGETHER] for first in range(0, len(waiting), TOGETHER)]
    number = max((int(run.folder.name) for run in known), default=-1)
    while together:
        tell(len(grades) - sum(map(len, together)))
        several = together.pop(0)
        number += 1
        place = folder / RACES / str(number)
        if failed := _measure(place, _plan(several)):
            shutil.rmtree(place, ignore_errors=True)  # the next command races it anew
            if len(several) > 1:  # one of them is the reason: each alone
                together = [[grade] for grade in several] + together
            else:
                problems += failed
    tell(len(grades))
    return problems


def _columns(grade: Grade) -> Iterator[str]:
    return (f"{each.operation}/{grade.label(each)}" for each in grade.racing())


def _plan(grades: Sequence[Grade]) -> Plan:
    files = {
        f"{each.operation}/{grade.label(each)}": each.path for grade in grades for each in grade.racing()
    }
    chosen: dict[str, tuple[str, ...]] = {}
    for name in files:
        operation, _, technique = name.partition("/")
        chosen[operation] = (*chosen.get(operation, RUNGS), technique)
    return presets.make(chosen, presets.GRADE_PRESET, outside=files, foreign=tuple(files))


def _measure(folder: Path, plan: Plan, resume: bool = False) -> list[str]:
    """Measure a race, then gather where the time goes; a sentence where that could not be finished."""
    try:
        with request.opened(folder, plan, resume=resume) as measure:
            measure(lambda _: None)
            names = _unexplained(records.read(folder))
            gather(folder, "evidence", EVIDENCE_S, shares(names))
    except NoSpaceLeft:
        raise
    except PerflabError as error:
        return [f"race {folder.name}: {error}"]
    return []


def _is_finished(run: Run) -> bool:
    """Whether nothing is left to measure of a race, and no evidence on a submission is missing."""
    left = (
        block
        for threads in run.plan.threads
        for process in run.parts(threads)
        for block in pending(run, threads, process)
    )
    return not _unexplained(run) and next(left, None) is None


def _unexplained(run: Run) -> list[str]:
    return [name for name in lacking_evidence(run) if name in run.plan.outside]
