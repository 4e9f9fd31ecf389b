"""`perflab selfcheck`: whether this machine is fit to measure on."""

from __future__ import annotations

import argparse
from pathlib import Path

from perflab.cli.common import GOOD, UNFIT, console, print_json
from perflab.cli.verbs import Commands

PLACE = 90


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "selfcheck", help="is this machine fit to measure on? contests with a known outcome"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="keep the records of the contests")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=check)


def check(args: argparse.Namespace) -> int:
    """Hold the contests, keep and print what they show."""
    import contextlib
    import tempfile
    from dataclasses import asdict

    from perflab import machine, records
    from perflab.cli.show.table import table
    from perflab.run import selfcheck
    from perflab.run.progress import Progress

    with contextlib.ExitStack() as stack:
        folder = args.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lock = stack.enter_context(records.lock(folder))
        wanted = [selfcheck.contest_plan(folder)]
        if machine.cores() > 1:
            wanted.append(selfcheck.carry_plan(folder))
        total = sum(plan.size for plan in wanted)
        show = "failures" if args.json else "all"
        progress = stack.enter_context(Progress(total, console(stderr=True), show))
        fitness = selfcheck.check(folder, lock, progress.on_event)
    selfcheck.store(fitness)
    if args.json:
        print_json(asdict(fitness) | {"reasons": fitness.reasons})
    else:
        printed = console()
        rows = [(line.name, line.found, line.wanted, line.state) for line in fitness.lines]
        printed.print(table("self-check", "found", "wanted", "", rows=rows))
        printed.print(f"This machine is {fitness.state}.", style="bold", highlight=False)
        for reason in fitness.reasons:
            printed.print(f"  {reason}", highlight=False, markup=False)
    return UNFIT if fitness.state == "unfit" else GOOD
