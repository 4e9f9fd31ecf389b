"""`perflab list`: the operations, their techniques and cases."""

from __future__ import annotations

import argparse

from perflab.cli.common import GOOD, console, print_json
from perflab.cli.verbs import Commands

PLACE = 10


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser("list", help="operations, their techniques and cases")
    verb.add_argument("targets", nargs="*", metavar="TARGET")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=show)


def show(args: argparse.Namespace) -> int:
    """Print each operation with its techniques and cases."""
    from perflab import catalog

    chosen = catalog.targets(args.targets)
    described = {name: catalog.operation(name) for name in chosen}
    if args.json:
        print_json({
            name: {
                "summary": operation.summary, "arguments": list(operation.arguments), "wrt": operation.wrt,
                "techniques": {technique: catalog.summary(name, technique) for technique in chosen[name]},
                "cases": {case.name: dict(case.sizes) for case in operation.cases.values()},
            }
            for name, operation in described.items()
        })  # fmt: skip
        return GOOD
    printed = console()
    for name, operation in described.items():
        printed.print(name, style="bold", end="  ", highlight=False)
        printed.print(operation.summary, markup=False, highlight=False)
        for technique in chosen[name]:
            line = f"  {technique:12} {catalog.summary(name, technique)}"
            printed.print(line, markup=False, highlight=False)
        for case in operation.cases.values():
            sizes = "  ".join(f"{axis}={size}" for axis, size in case.sizes.items())
            printed.print(f"  {case.name:>12} {sizes}", style="dim", highlight=False)
    return GOOD
