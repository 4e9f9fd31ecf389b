"""`perflab climb`: an operation's ladder as a course, from exercise to exercise."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from perflab.cli import common
from perflab.cli.common import FINDING, GOOD, UNFIT
from perflab.cli.verbs import Commands
from perflab.contract import RIGHT, PerflabError

if TYPE_CHECKING:
    from perflab.records.climb import Climb

PLACE = 85
EXAMPLES = """
    perflab climb max_pool2d
    perflab climb check max_pool2d.py --watch
    perflab climb hint
    perflab climb
    perflab climb report
"""
HERE = Path()
PAGE = "climb.html"
USAGE = "perflab climb [OP | OP/TECHNIQUE | check FILE | hint [FILE] | report]"


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "climb", help="a ladder as a course: write the next rung, it is checked and raced", examples=EXAMPLES,
        usage=USAGE,
        description="An exercise is the way from a rung to the one that stands on it. Progress is saved in"
        " climb.json beside the exercises.",
    )  # fmt: skip
    about = "OP or OP/TECHNIQUE: write the next exercise; check, hint or report; nothing: the tree so far"
    verb.add_argument("words", nargs="*", metavar="WORD", help=about)
    verb.add_argument("--watch", action="store_true", help="with check: again whenever the file is saved")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=climb, draws=True)


def climb(args: argparse.Namespace) -> int:
    """Do what the first word says."""
    common.use_one_thread()
    first, *rest = args.words or [""]
    most = {"check": (1, 1), "hint": (0, 1)}.get(first, (0, 0))
    if args.watch and first != "check":
        raise PerflabError("--watch: checks a file again; wanted perflab climb check FILE --watch")
    if not most[0] <= len(rest) <= most[1]:
        raise PerflabError(f"climb {' '.join(args.words)}: not understood; wanted {USAGE}")
    if first == "check":
        return _check(args, Path(rest[0]))
    if first == "hint":
        return _hint(args, Path(rest[0]) if rest else None)
    if first == "report":
        return _report()
    return _begin(args, first) if first else _overview(args)


def _overview(args: argparse.Namespace) -> int:
    from perflab.cli import climbing
    from perflab.cli.show import climb as shown

    saved = climbing.load(HERE)
    common.print_answer(args.json, _plain(saved), shown.overview(saved))
    return GOOD


def _plain(saved: Climb) -> dict[str, object]:
    return asdict(saved)


def _begin(args: argparse.Namespace, target: str) -> int:
    from perflab import catalog
    from perflab.cli import climbing
    from perflab.cli.show import climb as shown

    saved = climbing.load(HERE)
    operation, _, above = catalog.named([target])[0].partition("/")
    printed = common.console(stderr=True)
    with printed.status("reading") as status:
        said: list[str] = []
        saved, step = climbing.begin(HERE, saved, operation, above, _saying(status.update, said))
    for line in said:
        common.tell_user(line)
    pieces = shown.begun(step, HERE) if step else shown.overview(saved)
    common.print_answer(args.json, _plain(saved), pieces)
    return GOOD


def _saying(update: Callable[[str], None], kept: list[str]) -> Callable[[str], None]:
    """Shows what goes on while it does, and keeps what a reader needs later: what is left out."""

    def say(line: str) -> None:
        (kept.append if line.startswith("left out") else update)(line)

    return say


def _check(args: argparse.Namespace, file: Path) -> int:
    from perflab.cli import watch

    if not args.watch:
        return _once(args, file)[0]
    return watch.repeat(lambda: _once(args, file), [str(file)])


def _once(args: argparse.Namespace, file: Path) -> tuple[int, Sequence[Path]]:
    from perflab.cli import climbing
    from perflab.cli.show import climb as shown
    from perflab.learn.climb import exercises
    from perflab.run import climbing as racing

    began, folder = time.perf_counter(), file.parent
    saved = climbing.load(folder)
    step = climbing.known(saved, exercises.of_file(saved, file))
    printed, said = common.console(stderr=args.json), list[str]()
    with common.console(stderr=True).status("checking") as status:
        done = climbing.check(
            folder, saved, step, file,
            lambda reviewed: common.print_all(printed, shown.verdict(reviewed)), _saying(status.update, said),
        )  # fmt: skip
    common.print_all(printed, shown.raced(done))
    if done.attempt.passed:
        common.print_all(printed, shown.beside(done.step, file, printed.width))
        for line in said:
            common.tell_user(line)
        common.print_all(printed, shown.following(done, folder))
    common.print_all(printed, [f"{time.perf_counter() - began:.1f} s"])
    if args.json:
        common.print_json(asdict(done.step))
    if done.attempt.passed:
        return GOOD, done.reviewed.files
    if done.attempt.status == RIGHT and done.attempt.share is None and racing.unfit():
        return UNFIT, done.reviewed.files
    return FINDING, done.reviewed.files


def _hint(args: argparse.Namespace, file: Path | None) -> int:
    from perflab.cli import climbing
    from perflab.cli.show import climb as shown
    from perflab.learn.climb import exercises
    from perflab.records.climb import HINTS

    folder = file.parent if file else HERE
    saved = climbing.load(folder)
    step = exercises.of_file(saved, file) if file else exercises.current(saved)
    climbing.known(saved, step)
    with common.console(stderr=True).status("reading") as status:
        kind, lines, saved = climbing.hint(folder, saved, step, status.update)
    given = saved.step(step.name) or step
    left = len(HINTS) - len(given.hints)
    if args.json:
        common.print_json({"hint": kind, "lines": lines, "left": left})
    else:
        common.print_all(common.console(), shown.hint(given, kind, len(given.hints), lines, left))
    return GOOD


def _report() -> int:
    from perflab.cli import climbing
    from perflab.learn.climb import page

    print(common.write_text(HERE / PAGE, page.html(climbing.load(HERE))))
    return GOOD
