"""A climb in a folder: begins exercises, judges attempts, saves the progress. What it shows is in `show/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from perflab import catalog, machine
from perflab.contract import RIGHT, PerflabError
from perflab.machine import scratch

if TYPE_CHECKING:
    from perflab.oracle.sandbox.review import FileReview
    from perflab.records import Run
    from perflab.records.causes import Causes
    from perflab.records.climb import Attempt, Climb, Step
    from perflab.report import Summary

Say = Callable[[str], None]


@dataclass(frozen=True)
class Checked:
    """An attempt: the step with it, the review, the next exercise, and what else there is to say of it."""

    step: Step
    attempt: Attempt
    reviewed: FileReview
    following: Step | None = None
    problem: str = ""


def quiet(line: str) -> None:
    """Say nothing."""


def load(folder: Path) -> Climb:
    """The climb of a folder, with the operations of one's own that it names admitted."""
    from perflab.records import climb as saved

    found = saved.load(folder)
    for name, own in found.own.items():
        if any(step.operation == name for step in found.steps):
            catalog.admit(Path(own))
    return found


def known(climb: Climb, step: Step) -> Step:
    """The step, if its rungs exist. Raises PerflabError for one that the ladder does not have any more."""
    from perflab.learn.climb import exercises

    rungs = exercises.ways(catalog.operation(step.operation))
    if rungs.get(step.above) != step.below:
        raise PerflabError(
            f"{step.name}: this ladder has no way from {step.below} to {step.above} any more;"
            f" wanted one that is open: perflab climb {catalog.typed(step.operation)}"
        )
    return step


def begin(
    folder: Path, climb: Climb, operation: str, above: str = "", say: Say = quiet
) -> tuple[Climb, Step | None]:
    """The next exercise of an operation, written if it is not there yet, and the climb with it.

    Rungs that are not told apart on this machine are left out, by name. None where all are reached. Raises
    PerflabError where a file is in the way.
    """
    from perflab.catalog import own, starter
    from perflab.learn.climb import exercises
    from perflab.records import climb as saved

    described = catalog.operation(operation)
    if catalog.is_own(operation):
        climb = replace(climb, own={**climb.own, operation: str(own.folders()[operation])})
    while goal := exercises.chosen(climb, described, above):
        step = climb.step(f"{operation}/{goal}")
        if step is None or (step.left_out and above):
            step = new_step(climb, folder, operation, goal, say)
        elif (folder / step.file).exists():
            return climb, step
        if not step.left_out:
            starter.write_new(folder / step.file, exercises.text(step))
        climb = climb.with_step(step)
        saved.save(folder, climb)
        if not step.left_out:
            return climb, step
        say(f"left out: {step.name}: {step.left_out}")
        if above:
            break
    return climb, None


def new_step(climb: Climb, folder: Path, operation: str, above: str, say: Say = quiet) -> Step:
    """An exercise on the first case that tells its rungs apart, or the step that says that none does."""
    from perflab.learn.climb import exercises
    from perflab.records.climb import Step
    from perflab.run import climbing

    described = catalog.operation(operation)
    below, file = described.since[above], exercises.free_name(climb, folder, operation)
    dtype, rungs = exercises.DTYPE, (below, above)
    for threads in dict.fromkeys((1, climbing.several(operation, above))):
        for cases in exercises.stages(described, below):
            compiles = climbing.compiles(operation, rungs, dtype, threads)
            how = "compiling and measuring" if compiles else "measuring"
            say(f"{how} {below} and {above} on {', '.join(cases)}")
            with scratch.folder("climb") as place:
                run = climbing.rungs(place / "run", operation, rungs, cases, threads)
                found = exercises.told_apart(run, below, above)
            if found:
                case, below_s, above_s = found
                wanted = exercises.share_wanted(below_s, above_s)
                return Step(operation, below, above, file, case, dtype, threads, wanted, below_s, above_s)
    why = f"on no case here is it {exercises.LEAST_GAIN:g} times as fast as {below}"
    return Step(operation, below, above, "", "", dtype, 1, 1.0, 0.0, 0.0, left_out=why)


def check(
    folder: Path, climb: Climb, step: Step, file: Path, show: Callable[[FileReview], None], say: Say = quiet
) -> Checked:
    """Judge a file as an attempt at an exercise; save it, and begin the next one where it is reached.

    `show` gets the verdict before the race begins.
    """
    from perflab.records import climb as saved

    attempt, reviewed, _ = judged(step, file, show, say)
    step = replace(step, attempts=(*step.attempts, attempt))
    climb = climb.with_step(step)
    saved.save(folder, climb)
    if not attempt.passed:
        return Checked(step, attempt, reviewed)
    try:
        _, following = begin(folder, climb, step.operation, say=say)
    except PerflabError as error:
        return Checked(step, attempt, reviewed, problem=str(error))
    return Checked(step, attempt, reviewed, following)


def judged(
    step: Step, file: Path, show: Callable[[FileReview], None] = lambda _: None, say: Say = quiet,
    explain: bool = False,
) -> tuple[Attempt, FileReview, Summary | None]:  # fmt: skip
    """The attempt that a file is: its verdict, and its race if it is right; to `explain`, with evidence."""
    from perflab.learn.climb import judgement
    from perflab.run import climbing, request

    machine.prepare_matplotlib()
    say("checking")
    reviewed = request.review_files((str(file),), (step.operation,))
    if len(reviewed.reviews) != 1:
        raise PerflabError(f"{file}: {len(reviewed.reviews)} implementations of {step.operation}; wanted one")
    show(reviewed)
    (review,) = reviewed.reviews
    if not review.ok:
        said = review.mistakes[0].lesson or review.mistakes[0].pattern if review.mistakes else ""
        return judgement.unraced(review.status, said or review.reason.partition(": ")[2]), reviewed, None
    why = review.left_out or step.left_out or climbing.unfit()
    if why:
        return judgement.unraced(RIGHT, f"not raced: {why}"), reviewed, None
    attempt, summary = _raced(step, reviewed, say, explain)
    return attempt, reviewed, summary


def _raced(step: Step, reviewed: FileReview, say: Say, explain: bool) -> tuple[Attempt, Summary]:
    """The attempt that a right file's race makes it, and the race's figures.

    One that was close is run once more. A file that passes is raced alone too, in every direction, on a case
    with more work where there is one: there it may do something else. To `explain` it, one race is enough.
    """
    from perflab.learn.climb import exercises, judgement
    from perflab.report.summarise import summarise
    from perflab.run import climbing

    technique = reviewed.reviews[0].implementation.technique
    with scratch.folder("climb") as place:

        def race(case: str, *rungs: str, alone: bool = False) -> Run:
            say(f"racing {', '.join((*rungs, technique))} on {case}")
            how = step.dtype, step.threads, alone, explain
            return climbing.file(place / ("alone" if alone else "race"), reviewed, rungs, case, *how)

        run = race(step.case, step.below, step.above)
        summary = summarise(run)
        attempt = judgement.judge(summary, step, technique)
        if explain:
            return attempt, summary
        if judgement.is_close(step, attempt):
            say("racing once more: that was close")
            summary = summarise(climbing.again(run))
            attempt = judgement.judge(summary, step, technique)
        if attempt.passed:
            case = exercises.larger(step) or step.case
            alone = summarise(race(case, alone=True))
            attempt = judgement.objection(alone, replace(step, case=case), technique) or attempt
    return attempt, summary


def hint(folder: Path, climb: Climb, step: Step, say: Say = quiet) -> tuple[str, list[str], Climb]:
    """The next hint of an exercise: its kind, its lines, and the climb with it noted and saved.

    One that is read from figures needs a right file: for another one it waits, and the one after it is given.
    Raises PerflabError where all were given.
    """
    from perflab.learn.climb import hints
    from perflab.records import climb as saved

    left = [kind for kind in saved.HINTS if kind not in step.hints]
    if not left:
        raise PerflabError(f"{step.file}: all hints are given; wanted a try: perflab climb check {step.file}")
    kind, summary, waits = left[0], None, list[str]()
    if kind in hints.MEASURED:
        attempt, _, summary = judged(step, folder / step.file, say=say, explain=True)
        if summary is None:
            kind = next((each for each in left if each not in hints.MEASURED), "")
            why = f"it is {attempt.status}: {attempt.said}"
            waits = [f"A hint that is read from a race waits until the file is right; {why}."]
            if not kind:
                return "", waits, climb
    tried = interventions(step, folder / step.file, say) if kind == hints.MOVED else None
    lines = hints.given(step, kind, summary, tried)
    climb = hints.taken(climb, step, kind)
    saved.save(folder, climb)
    return kind, [*waits, *lines], climb


def interventions(step: Step, file: Path, say: Say = quiet) -> Causes | str:
    """Which changes to a file's source move its time; or why none was tried: nothing in it is compiled."""
    from perflab.evidence.causes.gathering import gather

    say(f"changing {file.name} one thing at a time")
    try:
        return gather(step.operation, file.stem, step.dtype, str(file.resolve()))
    except PerflabError as error:  # the rungs' figures stand alone
        return str(error)
