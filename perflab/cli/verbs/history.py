"""`perflab history`: where cells changed over many saved results."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perflab.cli import common
from perflab.cli.common import GOOD
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError
from perflab.machine import cores

if TYPE_CHECKING:
    from perflab.report.across.timings import Side

PLACE = 105
MANY, MOST_PROCESSES, CHUNK = 40, 8, 4  # results; a process needs half a second to start
EXAMPLES = """
    perflab history reports/* --html history.html
    perflab history benchmarks/*.json -k 'sort and not small'
    perflab history last
"""


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "history", help="where did a cell become slower or faster, over many saved results?",
        description="A series for each cell over commits or dates, and the places where it changed.",
        examples=EXAMPLES,
    )  # fmt: skip
    about = "what `compare` takes: folders of runs, JSON files, names; or one run with --against A..B"
    verb.add_argument("runs", nargs="+", metavar="RUN", help=about)
    verb.add_argument("-k", dest="select", default="", metavar="EXPRESSION",
                      help="only cells whose names fit, as in pytest: 'conv2d and not naive'")  # fmt: skip
    verb.add_argument("--html", type=Path, metavar="FILE", help="write a page")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=history, draws=True)


def history(args: argparse.Namespace) -> int:
    """Read, search and print; a change is no finding, since it may be wanted."""
    from perflab.cli.show.history import shown
    from perflab.report.across import history, history_page

    printed = common.console(stderr=args.json)
    with common.step_bar(printed, "reading") as tell:
        read = []
        for number, side in enumerate(_sides(args.runs)):
            tell(number + 1, len(args.runs), args.runs[number])
            read.append(side)
    past = history.history(read, args.select)
    written = []
    if args.html:
        written.append(f"written: {common.write_text(args.html, history_page.html(past))}")
    common.print_answer(args.json, history.to_json(past), [*shown(past), *written])
    return GOOD


def _sides(runs: Sequence[str]) -> Iterator[Side]:
    """The saved results in their order; of many, some are read at the same time, in further processes.

    Raises PerflabError for one that cannot be read, and where one of these processes was ended.
    """
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    from perflab.report.across import sides

    if len(runs) < MANY or cores() == 1:
        yield from map(sides.read, runs)
        return
    with ProcessPoolExecutor(min(cores(), MOST_PROCESSES), get_context("spawn")) as pool:
        try:
            yield from pool.map(sides.read, runs, chunksize=CHUNK)
        except BrokenProcessPool as error:
            raise PerflabError(
                f"{len(runs)} results: a process that reads them was ended, perhaps for lack of memory;"
                " wanted fewer results, or smaller ones"
            ) from error
