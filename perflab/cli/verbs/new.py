"""`perflab new`: a file, or the folder of an operation, to begin from."""

from __future__ import annotations

import argparse
from pathlib import Path

from perflab.cli.common import GOOD
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

PLACE = 30
EXAMPLES = """
    perflab new fully_connected mine.py
    perflab new conv2d mine.py --from vectorized
    perflab new --operation layer_norm
    perflab new --rubric
"""


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "new", help="a file, or an operation of your own, to begin from: it is right and runs at once",
        examples=EXAMPLES,
    )  # fmt: skip
    verb.add_argument("target", nargs="?", metavar="OP", help="the operation: conv2d, or the folder ./mine")
    verb.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the file to write: mine.py")
    verb.add_argument("--rubric", nargs="?", type=Path, const=Path("rubric.toml"), metavar="FILE",
                      help="in their place: the points for `perflab grade` (rubric.toml)")  # fmt: skip
    verb.add_argument("--from", dest="rung", default="", metavar="TECHNIQUE", help="the rung to begin from")
    verb.add_argument("--operation", type=Path, metavar="NAME", help="instead: the folder of a new operation")
    verb.set_defaults(command=write)


def write(args: argparse.Namespace) -> int:
    """Write the file or the folder, and print its name."""
    if args.operation is not None:
        if args.target or args.file or args.rung or args.rubric:
            raise PerflabError("--operation: begins a new one; wanted no OP, FILE or --from beside it")
        from perflab.catalog import scaffold

        print(scaffold.write(args.operation))
        return GOOD
    if args.rubric:
        if args.target or args.rung:
            raise PerflabError("--rubric: stands alone; wanted perflab new --rubric [FILE]")
        from perflab.catalog import starter
        from perflab.records import rubric

        print(starter.write_new(args.rubric, rubric.EXAMPLE))
        return GOOD
    if args.target is None or args.file is None:
        lacking = "OP, FILE" if args.target is None else "FILE"
        raise PerflabError(f"the following arguments are required: {lacking}; see `perflab help new`")
    from perflab import catalog
    from perflab.catalog import starter

    (operation,) = catalog.named([args.target])
    print(starter.write(operation, args.file, args.rung))
    return GOOD
