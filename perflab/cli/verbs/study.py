"""`perflab study`: an operation's ladder, rung by rung; the assembly of a rung; the chain rule by hand."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from perflab import errors
from perflab.cli.common import (
    FINDING,
    GOOD,
    add_sizes,
    console,
    print_json,
    sizes_of,
    use_one_thread,
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
    dtype = "with --asm, --remarks or --why: float32 or float64"
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
    if args.why is not None:
        if args.size or args.all or args.asm is not None or args.remarks is not None:
            raise PerflabError("--why: wanted without --size, --asm, --remarks and --all")
        return _why(operation, args)
    if args.asm is not None or args.remarks is not None or args.all:
        if args.size:
            raise PerflabError("--size: compiled code has no case; wanted --size without --asm, --remarks")
        return _compiled(operation, args, other)
    if operation not in catalog.operations() and args.run is None:
        raise PerflabError(errors.unknown("operation", operation, [*catalog.operations(), CHAIN_RULE]))
    from perflab.cli.show import study

    section, source = study.section(operation, args.run, sizes_of(args))
    rungs = study.chosen(section, technique)
    if args.json:
        print_json(study.plain(section, rungs))
    else:
        _print(lambda width: study.shown(section, rungs, source, width))
    return GOOD


def _print(shown: Callable[[int], Iterable[Any]]) -> None:
    """Print the pieces that `shown` gives for the width of the console, a screen at a time in a terminal."""
    from perflab.cli.terminal import print_paged

    printed = console()
    print_paged(printed, shown(printed.width))


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
    )
    if any(instead):
        options = "--run, --size, --asm, --remarks, --all, --why"
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
        _print(lambda _: pieces)
    return code


def _compiled(operation: str, args: argparse.Namespace, other: list[str]) -> int:
    """What compiled code shows: a hot loop's assembly, that of two, or LLVM's remarks."""
    from perflab.run import request

    request.check_dtypes((args.dtype,))
    if args.asm is not None and (args.remarks is not None or args.all):
        raise PerflabError("--asm, --remarks: one of them is wanted")
    if args.all and (args.remarks is None or args.remarks):
        raise PerflabError("--all: wanted --remarks --all, without a technique")
    if args.remarks == "" and not args.all:
        raise PerflabError("--remarks: wanted a technique, a file, or --all")
    use_one_thread()
    if args.asm is None:
        return _remarks(operation, args)
    return _both(operation, args, *other) if other else _assembly(operation, args)


def _assembly(operation: str, args: argparse.Namespace) -> int:
    from perflab.cli.show import listing as view
    from perflab.evidence import listing

    name = _target(operation, args.asm)
    with console(stderr=True).status(f"compiling {name} with line numbers"):
        gathered = listing.gather(operation, args.asm, args.dtype)
    if args.json:
        print_json(view.plain(gathered))
    else:
        _print(lambda width: view.shown(gathered, width))
    return GOOD


def _why(operation: str, args: argparse.Namespace) -> int:
    from perflab import catalog
    from perflab.run import request

    file = Path(args.why) if args.why.endswith(".py") or Path(args.why).is_file() else None
    technique, name = (file.stem, str(file)) if file else (args.why, f"{operation}/{args.why}")
    if file is None:
        catalog.targets([name])
    request.check_dtypes((args.dtype,))
    use_one_thread()
    from perflab.cli.show import causes as view
    from perflab.evidence.causes.gathering import gather

    with console(stderr=True).status(f"changing {name} one thing at a time"):
        causes = gather(operation, technique, args.dtype, str(file) if file else None)
    saved = view.save(causes, args.run)
    if args.json:
        print_json(view.plain(causes))
    else:
        _print(lambda _: view.shown(causes, saved))
    return GOOD


def _both(operation: str, args: argparse.Namespace, other: str) -> int:
    """The hot loops of two techniques side by side, with what LLVM said of each."""
    from perflab.cli.show import listings as view
    from perflab.evidence import listing, remarks

    sides = []
    names = {technique: _target(operation, technique) for technique in (args.asm, other)}
    for technique, name in names.items():
        with console(stderr=True).status(f"compiling {name} with line numbers"):
            gathered = listing.gather(operation, technique, args.dtype)
            sides.append(view.Side(gathered, remarks.or_reason(operation, technique, args.dtype)))
    if args.json:
        print_json([view.plain(side) for side in sides])
    else:
        _print(lambda width: view.shown(sides[0], sides[-1], width))
    return GOOD


def _remarks(operation: str, args: argparse.Namespace) -> int:
    from perflab import catalog
    from perflab.catalog.kernels import may_compile
    from perflab.cli.show import remarks as view
    from perflab.evidence import remarks

    file = Path(args.remarks).resolve() if args.remarks.endswith(".py") else None
    if file is not None and not file.is_file():
        raise PerflabError(f"{args.remarks}: no such file; wanted a technique or a file of your own")
    names = [file.stem if file else args.remarks]
    if args.all:
        names = [name for name in catalog.techniques(operation) if may_compile(operation, name)]
    found = []
    for name in names:
        what = args.remarks if file else _target(operation, name)
        with console(stderr=True).status(f"compiling {what} with LLVM's remarks"):
            gather = remarks.or_reason if args.all else remarks.gather
            gathered = gather(operation, name, args.dtype, str(file) if file else None)
        found.append(view.with_texts(gathered, file, args.run))
    if args.json:
        plain = [view.plain(each) for each in found]
        print_json(plain if args.all else plain[0])
    else:
        _print(lambda _: (piece for each in found for piece in view.shown(each)))
    return GOOD


def _target(operation: str, technique: str) -> str:
    """OP/TECHNIQUE, perhaps with +PERMISSION. Raises PerflabError for an unknown one of both."""
    from perflab import catalog
    from perflab.evidence import permitted

    catalog.targets([f"{operation}/{permitted.split(technique)[0]}"])
    return f"{operation}/{technique}"
