"""`perflab selfcheck`: whether this machine is fit to measure on."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from dataclasses import asdict
from pathlib import Path

from perflab.cli.common import GOOD, UNFIT, console, print_answer
from perflab.cli.verbs import Commands

PLACE = 90


def add(commands: Commands) -> None:
    """The verb's arguments."""
    about = "is this machine fit to measure on? contests with a known outcome"
    verb = commands.add_parser("selfcheck", help=about)
    verb.add_argument("--out", type=Path, metavar="DIR", help="save the records of the contests")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=check)


def check(args: argparse.Namespace) -> int:
    """Measure the contests, save and print the result."""
    from rich.text import Text

    from perflab import machine, records
    from perflab.cli.show.table import Table
    from perflab.report.progress import Progress
    from perflab.run import selfcheck

    with contextlib.ExitStack() as stack:
        folder = args.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(records.lock(folder))
        plans = [selfcheck.contest_plan, selfcheck.carry_plan][: min(machine.cores(), 2)]
        total, show = sum(plan(folder).size for plan in plans), "failures" if args.json else "all"
        progress = stack.enter_context(Progress(None, console(stderr=True), show))
        progress.tell({"event": "blocks", "total": total})
        fitness = selfcheck.check(folder, progress.tell)
    selfcheck.store(fitness)
    rows = [(line.name, line.found, line.wanted, line.state) for line in fitness.lines]
    state = Text(f"This machine is {fitness.state}.", "bold")
    reasons = [f"  {reason}" for reason in fitness.reasons]
    pieces = [Table("self-check", "found", "wanted", "", rows=rows), state, *reasons]
    print_answer(args.json, asdict(fitness) | {"reasons": fitness.reasons}, pieces)
    return UNFIT if fitness.state == "unfit" else GOOD
