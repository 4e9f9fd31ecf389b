"""`perflab referee`: known cheats and honest files, before perflab and before what people use today."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from perflab.cli import common
from perflab.cli.common import FINDING, GOOD, INTERRUPTED
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError
from perflab.errors import unknown

PLACE = 95
EXAMPLES = """
    perflab referee
    perflab referee 'lazy_*' borrowed
    perflab referee --judge perflab --json
"""


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "referee", help="known cheats and honest, odd files: what perflab and what others let through",
        examples=EXAMPLES,
    )  # fmt: skip
    about = "only these, by name; 'lazy_*' is all that begin so; all by default"
    verb.add_argument("kinds", nargs="*", metavar="KIND", help=about)
    verb.add_argument("--list", action="store_true", help="name the kinds, and judge none")
    common.add_list(
        verb, "--judge", "NAME", "perflab, stopwatch, pytest-benchmark, verify-once; all by default"
    )
    verb.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as a page")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=referee)


def referee(args: argparse.Namespace) -> int:
    """Judge every kind, and print the tables."""
    common.use_one_thread()
    from perflab.cli.show import referee as show
    from perflab.run.referee import comparison, corpus

    for name in args.judge:
        if name not in comparison.JUDGES:
            raise PerflabError(unknown("judge", name, comparison.JUDGES))
    kinds = corpus.kinds(args.kinds)
    if args.list:
        common.print_answer(args.json, [kind.name for kind in kinds], show.listing(kinds))
        return GOOD
    judges = [judge for judge in comparison.JUDGES if judge in args.judge or not args.judge]
    began, findings, code = time.monotonic(), list[comparison.Finding](), GOOD
    try:
        with common.step_bar(common.console(stderr=True), "starting") as tell:
            findings.extend(comparison.compare(kinds, judges, tell))
    except KeyboardInterrupt:
        common.tell_user(f"interrupted; what was judged until then is shown: {len(findings)}")
        code = INTERRUPTED
    if args.markdown and not code:
        common.write_text(args.markdown, show.page(findings))
    answer = comparison.to_json(findings, time.monotonic() - began)
    common.print_answer(args.json, answer, show.pieces(findings))
    at_fault = any(each.wrong for each in findings if each.judge == corpus.PERFLAB)
    return code or (FINDING if at_fault else GOOD)
