"""`perflab compare`: how much faster one saved result is than another."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from perflab.cli import common
from perflab.cli.common import FINDING, GOOD, UNFIT
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

PLACE = 100
EXAMPLES = """
    perflab compare reports/A reports/B
    perflab compare main last --fail-if-slower 5% 'conv2d/*=3%'
    perflab compare reports/A reports/B reports/C --html compare.html
    perflab compare old.json new.json -k sort --map 'bench/*=tests/bench/*'
    perflab compare reports/A --baseline naive
"""
HELP = (
    "a run's folder, its records.jsonl, a JSON file of pytest-benchmark, Google Benchmark, hyperfine, asv or"
    " pyperf; a branch: its newest run under reports/; last: the newest of all",
    "the same; several allowed",
)
MOST_SIDES = 24  # results that one `compare` takes


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "compare",
        help="how much faster is one saved result than another? two, or more against the first",
        usage="perflab compare [option ...] BASE NEW [NEW ...]",
        description="How much faster each NEW is than BASE, cell by cell.",
        examples=EXAMPLES,
    )
    # One argument each, so that options may be between them; none is required here, since --fail-if-slower
    # may have taken one with its words.
    for position in range(MOST_SIDES):
        side = verb.add_argument("sides", action="append", metavar="NEW" if position else "BASE")
        side.required = False
        side.help = HELP[position] if position < len(HELP) else argparse.SUPPRESS
    verb.add_argument(
        "--fail-if-slower", nargs="+", action=_Thresholds, dest="allowed", metavar="SHARE",
        help="exit with 1 if a whole interval is slower than this: 5%%, or 5, or 0.05 (without a sign, below"
        " 1 a share, from 1 on percent); 'conv2d/*=3%%' for names of a pattern; several allowed, the last"
        " that fits a cell decides",
    )  # fmt: skip
    verb.add_argument("-k", dest="select", default="", metavar="EXPRESSION",
                      help="only cells whose names fit, as in pytest: 'conv2d and not naive'")  # fmt: skip
    verb.add_argument("--map", action="append", default=[], metavar="OLD=NEW",
                      help="a benchmark with another name now; * stands for any text")  # fmt: skip
    verb.add_argument("--baseline", default="", metavar="NAME",
                      help="compare within one result, with this technique or benchmark")  # fmt: skip
    verb.add_argument("--anyway", action="store_true", help="compare although the environments differ")
    verb.add_argument("--all", action="store_true", help="show every cell, the same and the ambiguous too")
    verb.add_argument("--markdown", metavar="FILE", help="write Markdown for a pull request; - prints it")
    verb.add_argument("--html", type=Path, metavar="FILE", help="write a page")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=compare, draws=True)


class _Thresholds(argparse.Action):
    """Takes thresholds; returns BASE and NEW that follow them to the sides."""

    def __call__(
        self, _parser: argparse.ArgumentParser, args: argparse.Namespace, words: Any, _: str | None = None
    ) -> None:
        meant = [re.search(r"=|%$|^[\d.]+$", word) for word in words]
        end = next((at for at, threshold in enumerate(meant) if at and not threshold), len(words))
        args.allowed = [*(args.allowed or ()), *words[:end]]
        args.sides = [*(args.sides or ()), *words[end:]]


def compare(args: argparse.Namespace) -> int:
    """Compare, print and write; the exit code."""
    from perflab.report.across import allowed as shares
    from perflab.report.across import compare, compare_page, markdown, several, sides

    if len(args.sides or ()) < (1 if args.baseline else 2):
        wanted = "one" if args.baseline else "two, BASE and NEW, or more"
        raise PerflabError(f"compare: got {len(args.sides or ())} results; wanted {wanted}")
    if args.json and args.markdown == "-":
        raise PerflabError("--markdown -: --json prints already; wanted a FILE")
    allowed = shares.thresholds(args.allowed or ())
    base, *news = map(sides.read, args.sides)
    comparison = several.compare_all(
        base, news, allowed=allowed, anyway=args.anyway, maps=args.map, select=args.select,
        baseline=args.baseline,
    )  # fmt: skip
    pair = comparison.pairs[0] if len(comparison.pairs) == 1 else None
    written = []
    if args.markdown:
        text = markdown.markdown(comparison, args.all)
    if args.markdown not in (None, "-"):
        written.append(common.write_text(Path(args.markdown), text))
    if args.html:
        written.append(common.write_text(args.html, compare_page.html(comparison)))
    if args.json:
        common.print_json(compare.to_json(pair) if pair else several.to_json(comparison))
    elif args.markdown == "-":
        print(text)
    else:
        from perflab.cli.show.comparison import shown
        from perflab.cli.show.table import of_words
        from perflab.report.across import hosts

        won = hosts.of_compared(comparison)
        pieces = [*shown(pair or comparison, args.all), *([of_words(won)] if won else ())]
        pieces += [f"written: {path}" for path in written]
        common.print_all(common.console(), pieces)
    if comparison.failed:
        return FINDING
    return UNFIT if comparison.unfit and allowed else GOOD  # without a verdict, a threshold says nothing
