"""`perflab new`: a file to begin from."""

from __future__ import annotations

import argparse
from pathlib import Path

from perflab.cli.common import GOOD
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

PLACE = 30


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "new", help="a file to begin from: already right, with shapes and formulas",
        examples="perflab new fully_connected mine.py\nperflab new conv2d mine.py --from vectorized\n"
        "perflab new --rubric",
    )  # fmt: skip
    verb.add_argument("operation", nargs="?", metavar="OP", help="the operation: conv2d")
    verb.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the file to write: mine.py")
    verb.add_argument("--rubric", nargs="?", type=Path, const=Path("rubric.toml"), metavar="FILE",
                      help="in their place: the points for `perflab grade` (rubric.toml)")  # fmt: skip
    verb.add_argument("--from", dest="rung", default="", metavar="TECHNIQUE", help="the rung to begin from")
    verb.set_defaults(command=write)


def write(args: argparse.Namespace) -> int:
    """Write the file and print its name."""
    from perflab.catalog import starter
    from perflab.records import rubric

    if args.rubric:
        if args.operation or args.rung:
            raise PerflabError("--rubric: stands alone; wanted perflab new --rubric [FILE]")
        print(starter.write_new(args.rubric, rubric.EXAMPLE))
    elif not args.file:
        lacking = "FILE" if args.operation else "OP, FILE"
        raise PerflabError(f"the following arguments are required: {lacking}; see `perflab help new`")
    else:
        print(starter.write(args.operation, args.file, args.rung))
    return GOOD
