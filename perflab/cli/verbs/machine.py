"""`perflab machine`: the environment of measurements on this machine, and its ceilings."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from perflab import units
from perflab.cli.common import GOOD, console, print_answer
from perflab.cli.verbs import Commands

PLACE = 110


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser("machine", help="the environment of measurements, and the machine's ceilings")
    verb.add_argument("--no-ceilings", action="store_true", help="do not measure the ceilings (10 seconds)")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=describe)


def describe(args: argparse.Namespace) -> int:
    """Print the environment; measure and print the ceilings, unless switched off."""
    from perflab import machine
    from perflab.cli.show.table import Table
    from perflab.machine import ceilings

    environment, measured = machine.environment(), None
    if not args.no_ceilings:
        with console(stderr=True).status("measuring the ceilings of this machine"):
            measured = ceilings.measure((1, machine.cores()))
        ceilings.keep(measured)
    rows = [(name.replace("_", " "), _words(name, value)) for name, value in environment.items()]
    pieces = [Table("machine", "", rows=rows), *(_ceilings(measured) if measured else ())]
    print_answer(args.json, environment | ({"ceilings": measured} if measured else {}), pieces)
    return GOOD


def _words(name: str, value: Any) -> str:
    """One value of the environment in words."""
    if isinstance(value, dict):
        return _pairs(value) or "none set"
    if isinstance(value, list):
        items = [_pairs(item) if isinstance(item, dict) else str(item) for item in value]
        return ("; " if any(" " in item for item in items) else " ").join(items) or "none"
    if value is None:
        return "no limit" if name in ("cores_quota", "memory_limit_bytes") else "unknown"
    return str(value)


def _pairs(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {fact}" for name, fact in facts.items())


def _ceilings(measured: Mapping[str, Any]) -> Iterator[Any]:
    from perflab.cli.show.table import Table
    from perflab.machine import ceilings

    kinds = list(ceilings.MEANING)
    arithmetic = [
        (row["dtype"], str(each["threads"]), *(f"{row[kind]['best']:.0f}" for kind in ("chains", "product")))
        for each in measured["measured"]
        for row in each["arithmetic"]
    ]
    traffic = [
        (units.in_bytes(row["bytes"]), str(each["threads"]),
         *(f"{row[kind]['best']:.1f}" if kind in row else "–" for kind in kinds))
        for each in measured["measured"]
        for row in each["bandwidth"]
    ]  # fmt: skip
    names = [kind.replace("_", " ") for kind in kinds]
    yield Table("GFLOP/s", "threads", "multiply-adds", "large product", rows=arithmetic)
    yield Table("GB/s", "threads", *names, rows=traffic)
    yield from (f"{name}: {ceilings.MEANING[kind]}" for name, kind in zip(names, kinds, strict=True))
    yield from measured["notes"]
