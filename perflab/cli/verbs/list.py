"""`perflab list`: the operations, their techniques and cases."""

from __future__ import annotations

import argparse
from typing import Any

from perflab.cli import common
from perflab.cli.common import GOOD, print_answer
from perflab.cli.verbs import Commands

PLACE = 10


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "list",
        help="operations, their techniques and cases",
        examples="perflab list\nperflab list conv2d rnn",
    )
    common.add_targets(verb)
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=show)


def show(args: argparse.Namespace) -> int:
    """Print each operation with its techniques and cases."""
    from rich.text import Text

    from perflab import catalog
    from perflab.cli.show.table import Table

    plain: dict[str, Any] = {}
    shown: list[Any] = []
    for name, techniques in catalog.targets(catalog.named(args.targets)).items():
        operation = catalog.operation(name)
        summaries = {technique: catalog.summary(name, technique) for technique in techniques}
        cases = {case.name: dict(case.sizes) for case in operation.cases.values()}
        plain[name] = {
            "summary": operation.summary, "arguments": list(operation.arguments), "wrt": operation.wrt,
            "techniques": summaries, "cases": cases,
        }  # fmt: skip
        sizes = {case: "  ".join(f"{axis}={size}" for axis, size in of.items()) for case, of in cases.items()}
        shown += [
            Text.assemble((name, "bold"), f"  {operation.summary}"),
            Table("technique", "what differs", rows=summaries.items()),
            Table("case", "sizes", rows=sizes.items()),
        ]
    print_answer(args.json, plain, shown)
    return GOOD
