"""`perflab board`: the implementations of all saved runs, ranked."""

from __future__ import annotations

import argparse
from pathlib import Path

from perflab.cli import common
from perflab.cli.common import GOOD, print_answer
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

PLACE = 70


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "board", help="the saved runs' implementations, ranked by case: yours too",
        examples="perflab board conv2d\nperflab board fully_connected --case digits --direction forward",
    )  # fmt: skip
    common.add_targets(verb)
    verb.add_argument("--case", metavar="NAME", help="this case (the largest); all for every one")
    common.add_sizes(verb)
    verb.add_argument("--dtype", metavar="DTYPE", help="float32 (the default) or float64")
    verb.add_argument("--direction", metavar="DIRECTION", help="forward, backward or step (the default)")
    verb.add_argument("--threads", metavar="N", help="the number of threads (the fewest)")
    verb.add_argument("--in", dest="folder", type=Path, default=Path("reports"), metavar="DIR",
                      help="the folder of the runs (reports)")  # fmt: skip
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=rank, draws=True)


def rank(args: argparse.Namespace) -> int:
    """Print the rankings."""
    from perflab import catalog, machine
    from perflab.catalog.sizes import own_cases
    from perflab.cli.show import results
    from perflab.report.across import board

    if args.threads is not None and not args.threads.isdecimal():
        raise PerflabError(f"--threads: {args.threads!r}; wanted a number")
    cases = [] if args.case is None else [args.case]
    common.settle_words(args)
    sizes = common.sizes_of(args)
    if sizes and not args.targets:
        raise PerflabError("--size: of an operation's axes; wanted OP as TARGET")
    for op in dict.fromkeys(target.partition("/")[0] for target in args.targets if sizes):
        cases += [case.name for case in own_cases(catalog.operation(op), sizes)]
    threads = None if args.threads is None else int(args.threads)
    ranked = board.board(
        args.folder, args.targets, cases, args.dtype, args.direction, threads,
        here=machine.environment(), operations=catalog.operations(),
    )  # fmt: skip
    print_answer(args.json, board.to_json(ranked), results.board(ranked))
    return GOOD
