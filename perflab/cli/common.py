"""What verbs share: exit codes, the console, JSON, options that several of them take."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab import units
from perflab.contract import CANNOT_RUN, RIGHT

if TYPE_CHECKING:
    from rich.console import Console

    from perflab.oracle.sandbox.review import FileReview
    from perflab.records import Plan
    from perflab.report import Summary

GOOD, FINDING, USAGE, UNFIT, INTERRUPTED = 0, 1, 2, 3, 130


LISTS = ("outside", "dtype", "case", "threads", "peer", "sweep")  # options of several words


def code_of(statuses: Iterable[str]) -> int:
    """The exit code of these statuses: 1 with a finding, else 2 where something cannot run here."""
    found = {*statuses} - {RIGHT}
    return GOOD if not found else USAGE if found == {CANNOT_RUN} else FINDING


def add_targets(verb: argparse.ArgumentParser) -> None:
    """Add the operations and techniques that a verb is for."""
    text = "OP or OP/TECHNIQUE: conv2d, conv2d/jit, the folder ./mine of an operation; all by default"
    verb.add_argument("targets", nargs="*", metavar="TARGET", help=text)


def add_list(verb: argparse.ArgumentParser, flag: str, metavar: str, help: str, dest: str = "") -> None:
    """Add an option that takes several words, once or repeatedly."""
    how: Any = {"nargs": "+", "action": "extend", "default": [], "metavar": metavar, "help": help}
    verb.add_argument(flag, dest=dest or flag[2:], **how)


def add_sizes(verb: argparse.ArgumentParser) -> None:
    """Add the option of cases of one's own sizes: each time that it is given, one case."""
    text = "a case of your own: axes and parameters (N=32 C=48 pad=1), the others are the study case's"
    verb.add_argument("--size", nargs="+", action="append", default=[], metavar="NAME=NUMBER", help=text)


def sizes_of(args: argparse.Namespace) -> tuple[dict[str, str], ...]:
    """The sizes that were given. Raises PerflabError for a word that is none."""
    from perflab.catalog.sizes import size_of

    return tuple(map(size_of, args.size))


def add_outside(verb: argparse.ArgumentParser) -> None:
    """Add the options of outside files."""
    text = "a file of your own: forward and backward of OP, or functions named as in CS231n's assignments"
    add_list(verb, "--with", "FILE", text, "outside")
    verb.add_argument("--watch", action="store_true", help="with --with: again whenever a file is saved")
    limit = "with --with: the most seconds that a case may take (60)"
    verb.add_argument("--limit", type=float, default=60.0, metavar="S", help=limit)


def settle_words(args: argparse.Namespace) -> None:
    """Move a TARGET that follows an option of several words to the targets; check the dtypes."""
    from perflab import catalog
    from perflab.run import request

    known = catalog.operations()

    def is_target(word: str) -> bool:
        return not Path(word).is_file() and (word.partition("/")[0] in known or catalog.is_folder(word))

    lists = [value for option in LISTS if isinstance(value := getattr(args, option, None), list)]
    for words in (*lists, *getattr(args, "size", ())):
        while len(words) > 1 and is_target(words[-1]):
            args.targets.append(words.pop())
    args.targets = [*catalog.named(args.targets)]
    if isinstance(args.dtype, list):
        request.check_dtypes(args.dtype)


def use_one_thread() -> None:
    """Pin the thread pools to one thread, unless the environment sets another number."""
    from perflab.machine.threads import pinned

    for name, value in pinned(1).items():
        os.environ.setdefault(name, value)


def tell_user(line: str) -> None:
    """Print a line to standard error, after the program's name."""
    with suppress(OSError):  # nobody reads it
        print(f"perflab: {line}", file=sys.stderr, flush=True)


def complain(error: Exception) -> int:
    """Print an error; the exit code of bad input."""
    tell_user(str(error))
    return USAGE


def console(stderr: bool = False) -> Console:
    """A console on standard output or error."""
    from perflab.cli import terminal

    return terminal.Console(stderr)


def print_all(console: Console, pieces: Iterable[Any]) -> None:
    """Print tables and lines, fitted to the console."""
    from perflab.cli import terminal

    terminal.print_all(console, pieces)


def print_json(value: Any) -> None:
    """Print strict JSON; in ASCII where the output has no other characters."""
    ascii_only = "utf" not in (sys.stdout.encoding or "utf-8").lower()
    print(json.dumps(units.finite(value), indent=1, ensure_ascii=ascii_only, allow_nan=False))


def print_answer(as_json: bool, plain: Any, pieces: Iterable[Any]) -> None:
    """Print `plain` as JSON, or the pieces for a terminal."""
    if as_json:
        print_json(plain)
    else:
        print_all(console(), pieces)


def write_text(path: Path, text: str) -> Path:
    """Write a file; its path. Raises PerflabError if it cannot be written."""
    from perflab.records import full_or

    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise full_or(error, path) from error
    return path


def race(folder: Path, plan: Plan, console: Console, reviewed: FileReview) -> Summary:
    """Measure a whole run in a temporary folder, showing only failures; its summary."""
    from perflab import records, report
    from perflab.report.progress import Progress
    from perflab.run import request

    with request.opened(folder, plan, reviewed) as measure:
        measure(Progress(records.read(folder), console, "failures").tell)
    return report.summarise(records.read(folder))


@contextmanager
def step_bar(console: Console, what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar of steps, in a terminal only; it disappears at the end."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, steps, step: bar.update(task, completed=done, total=steps, description=step)
