"""`perflab verify`: whether every implementation is right."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from perflab.cli import common, watch
from perflab.cli.common import FINDING
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

PLACE = 20


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "verify", help="is every implementation right? the errors and their places",
        examples="perflab verify conv2d/jit\nperflab verify conv2d --size C=48 pad=1\n"
        "perflab verify conv2d --with mine.py --watch",
    )  # fmt: skip
    common.add_targets(verb)
    common.add_outside(verb)
    common.add_list(verb, "--dtype", "DTYPE", "float32, float64; both by default")
    common.add_list(verb, "--case", "NAME", "only these check cases")
    common.add_sizes(verb)
    verb.add_argument("--seed", type=int, metavar="N", help="with --with: draw the cases from this seed")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=verify)


def verify(args: argparse.Namespace) -> int:
    """Verify once, or again at every save."""
    from perflab.run import verify as engine

    common.settle_words(args)
    common.use_one_thread()
    if not args.watch:
        return _once(args)[0]
    if not args.outside:
        raise PerflabError(engine.OF_FILES)
    engine.chosen(args.targets, args.outside, args.seed)  # before the watch, which goes on after an error
    return watch.repeat(lambda: _once(args), args.outside)


def _once(args: argparse.Namespace) -> tuple[int, Sequence[Path]]:
    from perflab.cli.show import results
    from perflab.run import verify as engine

    began, printed = time.perf_counter(), common.console(stderr=args.json)
    with printed.status("reading" if args.outside else "compiling") as status:
        verification = engine.verify_all(
            args.targets, dtypes=args.dtype, cases=args.case, sizes=common.sizes_of(args),
            files=args.outside, seed=args.seed,
            limit_s=args.limit, tell=status.update,
        )  # fmt: skip
    shown = results.verification(verification, time.perf_counter() - began)
    common.print_answer(args.json, engine.to_json(verification), shown)
    files = verification.outside.files if verification.outside else ()
    code = common.code_of(verdict.status for verdict in verification.verdicts)
    return (FINDING if verification.missed or verification.faults else code), files
