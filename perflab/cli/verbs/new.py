"""`perflab new`: a file to begin from."""

from __future__ import annotations

import argparse
from pathlib import Path

from perflab.cli.common import GOOD
from perflab.cli.verbs import Commands

PLACE = 30


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "new", help="a file to begin from: already right, with shapes and formulas",
        examples="perflab new fully_connected mine.py\nperflab new conv2d mine.py --from vectorized",
    )  # fmt: skip
    verb.add_argument("operation", metavar="OP", help="the operation: conv2d")
    verb.add_argument("file", type=Path, metavar="FILE", help="the file to write: mine.py")
    verb.add_argument("--from", dest="rung", default="", metavar="TECHNIQUE", help="the rung to begin from")
    verb.set_defaults(command=write)


def write(args: argparse.Namespace) -> int:
    """Write the file and print its name."""
    from perflab.catalog import starter

    print(starter.write(args.operation, args.file, args.rung))
    return GOOD
