"""`perflab study`: an operation's ladder, rung by rung; the assembly of a rung; the chain rule by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from perflab import errors
from perflab.cli import studies
from perflab.cli.common import (
    FINDING,
    GOOD,
    add_sizes,
    print_json,
    sizes_of,
    write_text,
)
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

PLACE = 80
EXAMPLES = """
    perflab study conv2d
    perflab study conv2d/simd --run reports/NAME
    perflab study conv2d --size N=8 C=48
    perflab study conv2d --asm jit
    perflab study conv2d --why jit
    perflab study conv2d --asm jit simd
    perflab study conv2d --choose N=8 C=48
    perflab study conv2d --remarks jit
    perflab study conv2d --remarks mine.py
    perflab study chain-rule "(x+y)*z" x=-2 y=5 z=-4
"""
CHAIN_RULE = "chain-rule"
MOST_VALUES = 64  # that `study chain-rule` takes after the first


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "study",
        help="a ladder rung by rung: derivation, code, what changed, how much it gained, and why",
        examples=EXAMPLES,
        usage="perflab study [option ...] TARGET [EXPRESSION [NAME=NUMBER ...]]",
        description="In a terminal it is shown by the pager that PAGER names (less).",
    )
    target = "OP, or OP/TECHNIQUE for one rung; chain-rule for circuits worked by hand"
    verb.add_argument("target", metavar="TARGET", help=target)
    shown = [
        ("EXPRESSION", "a circuit of your own; after -- where it begins with a minus"),
        ("NAME=NUMBER", "the values of its names"),
    ]
    for metavar, text in [*shown, *[("NAME=NUMBER", argparse.SUPPRESS)] * MOST_VALUES]:
        word = verb.add_argument("words", action="append", metavar=metavar, help=text)
        word.required = False  # each one by itself, so that options may stand between them
    verb.add_argument("--html", type=Path, metavar="FILE", help="with chain-rule: write a page")
    verb.add_argument(
        "--run", type=Path, metavar="DIR", help="the run of the figures; the newest in reports/"
    )
    add_sizes(verb)
    assembly = "instead, its hot loop's assembly; a second TECHNIQUE, or jit+reassociate: both loops"
    verb.add_argument("--asm", metavar="TECHNIQUE", help=assembly)
    said = "instead, what LLVM said of its loops; FILE.py: of your own"
    verb.add_argument("--remarks", nargs="?", const="", metavar="TECHNIQUE", help=said)
    verb.add_argument("--all", action="store_true", help="with --remarks: on every compiled rung")
    why = "instead, which changes to its source or inputs move its time; FILE.py: of your own"
    verb.add_argument("--why", metavar="TECHNIQUE", help=why)
    choose = "instead, which rung `auto` calls on these sizes, and what it expects of each"
    verb.add_argument("--choose", nargs="+", metavar="NAME=NUMBER", help=choose)
    verb.add_argument("--threads", default="1", metavar="N", help="with --choose: a number, or all")
    dtype = "with --asm, --remarks, --why or --choose: float32 or float64"
    verb.add_argument("--dtype", default="float32", metavar="DTYPE", help=dtype)
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=study, draws=True)


def study(args: argparse.Namespace) -> int:
    """Print the study that the arguments name."""
    from perflab import catalog

    if args.target == CHAIN_RULE:
        return _chain_rule(args)
    operation, _, technique = catalog.named([args.target])[0].partition("/")
    other = [*(args.words or ())][: args.asm is not None]
    if (args.words and args.words != other) or args.html:
        word = args.words[-1] if args.words else "--html"
        raise PerflabError(f"{word}: not understood after {args.target}; wanted it after chain-rule only")
    code = args.asm is not None or args.remarks is not None or args.all
    if args.choose is not None:
        if args.size or code or args.why is not None:
            raise PerflabError("--choose: wanted without --size, --asm, --remarks, --all and --why")
        return studies.choose(operation, args)
    if args.why is not None:
        if args.size or code:
            raise PerflabError("--why: wanted without --size, --asm, --remarks and --all")
        return studies.why(operation, args)
    if code:
        if args.size:
            raise PerflabError("--size: compiled code has no case; wanted --size without --asm, --remarks")
        return studies.compiled(operation, args, other)
    if operation not in catalog.operations() and args.run is None:
        raise PerflabError(errors.unknown("operation", operation, [*catalog.operations(), CHAIN_RULE]))
    from perflab.cli.show import study

    section, source = study.section(operation, args.run, sizes_of(args))
    rungs = study.chosen(section, technique)
    if args.json:
        print_json(study.plain(section, rungs))
    else:
        studies.printed(lambda width: study.shown(section, rungs, source, width))
    return GOOD


def _chain_rule(args: argparse.Namespace) -> int:
    from perflab.cli.show import chain_rule
    from perflab.learn.chain_rule import worked

    instead = (
        args.run,
        args.size,
        args.all,
        args.asm is not None,
        args.remarks is not None,
        args.why is not None,
        args.choose is not None,
    )
    if any(instead):
        options = "--run, --size, --asm, --remarks, --all, --why, --choose"
        raise PerflabError(f"{options}: for an operation; wanted chain-rule without them")
    circuits = [worked.typed(args.words)] if args.words else worked.standard()
    code = GOOD if all(circuit.ok for circuit in circuits) else FINDING
    pieces = [*chain_rule.shown(circuits, "" if args.words else worked.derivation())]
    if args.html:
        from perflab.learn.chain_rule import page

        pieces.append(f"written: {write_text(args.html, page.html(circuits, worked.derivation()))}")
    if args.json:
        print_json(worked.plain(circuits))
    else:
        studies.printed(lambda _: pieces)
    return code
