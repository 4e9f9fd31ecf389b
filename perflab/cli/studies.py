"""What `perflab study` shows in place of the ladder: compiled code, what moves its time, a choice of rung."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from perflab.cli.common import GOOD, console, print_json, use_one_thread
from perflab.contract import PerflabError


def printed(shown: Callable[[int], Iterable[Any]]) -> None:
    """Print the pieces that `shown` gives for the width of the console, a screen at a time in a terminal."""
    from perflab.cli.terminal import print_paged

    printed = console()
    print_paged(printed, shown(printed.width))


def compiled(operation: str, args: argparse.Namespace, other: list[str]) -> int:
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
        printed(lambda width: view.shown(gathered, width))
    return GOOD


def choose(operation: str, args: argparse.Namespace) -> int:
    """Which rung a technique that chooses calls on given sizes, and what it expects of each."""
    from perflab.run import request

    request.check_dtypes((args.dtype,))
    (threads,) = request.threads_of([args.threads])
    use_one_thread()
    from perflab.cli.show import choice as view

    made = view.choice(operation, args.choose, args.dtype, threads, args.run)
    if args.json:
        print_json(view.plain(made))
    else:
        printed(lambda _: view.shown(made))
    return GOOD


def why(operation: str, args: argparse.Namespace) -> int:
    """Which changes to a technique's source or inputs move its time."""
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
        printed(lambda _: view.shown(causes, saved))
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
        printed(lambda width: view.shown(sides[0], sides[-1], width))
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
        printed(lambda _: (piece for each in found for piece in view.shown(each)))
    return GOOD


def _target(operation: str, technique: str) -> str:
    """OP/TECHNIQUE, perhaps with +PERMISSION. Raises PerflabError for an unknown one of both."""
    from perflab import catalog
    from perflab.evidence import permitted

    catalog.targets([f"{operation}/{permitted.split(technique)[0]}"])
    return f"{operation}/{technique}"
