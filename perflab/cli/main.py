"""The command line: the parser of every verb, and the exit code of every error.

Exit codes: 0 good, 1 a finding (wrong numbers, a slow-down), 2 usage, broken input or what cannot run here,
3 machine unfit to measure, 130 interrupted. Where there is a finding and something cannot run, it is 1.
"""

from __future__ import annotations

import math
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module

from perflab import __version__
from perflab.cli import parsing, streams, verbs
from perflab.cli.common import GOOD, INTERRUPTED, USAGE, complain, tell_user
from perflab.contract import PerflabError
from perflab.errors import unknown

VERBS = [module.name for module in pkgutil.iter_modules(verbs.__path__)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may follow
        from perflab.cli import completion

        completion.answer(parser())
    try:
        streams.open_all()
        streams.bear_any_character()
        code = _run(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a pipe (`| head`) has ended
        streams.discard_output()
        return GOOD
    except OSError as error:  # a full disk, a closed output
        streams.discard_output()
        tell_user(f"{error.filename or 'standard output'}: {error.strerror or error}")
        return USAGE


def _run(argv: Sequence[str] | None) -> int:
    words = [*(sys.argv[1:] if argv is None else argv)]
    if words[:1] == ["help"]:  # the same as --help after the verb
        words = [*words[1:2], "--help"]
    try:
        if words and words[0] not in VERBS and not words[0].startswith("-"):
            raise PerflabError(unknown("verb", words[0], VERBS))
        args = parsing.parsed(parser(), words or ["--help"])
        if getattr(args, "draws", False):
            from perflab import machine

            machine.prepare_matplotlib()
        code: int = args.command(args)
        if "perflab.catalog.find" in sys.modules:
            from perflab import catalog

            for line in catalog.broken():  # the entries of installed packages that could not be loaded
                tell_user(f"warning: {line}")
        return code
    except PerflabError as error:
        return complain(error)
    except KeyboardInterrupt:
        tell_user("interrupted")
        return INTERRUPTED
    except SystemExit:  # argparse has printed its help or the version
        sys.stdout.flush()
        raise


def parser() -> parsing.Parser:
    """The parser of every verb: each module of `verbs/` adds its own, in the order of their `PLACE`."""
    whole = parsing.Parser(
        prog="perflab",
        description="The performance lab for vectorisation: verified or no number.",
        epilog="TARGET is OP or OP/TECHNIQUE; several are allowed, all are taken where none is named."
        " `perflab help COMMAND` says more. To begin: perflab study conv2d, perflab train, perflab run.",
    )
    whole.add_argument("--version", action="version", version=f"perflab {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    modules = [import_module(f"{verbs.__name__}.{name}") for name in VERBS]
    for module in sorted(modules, key=lambda module: getattr(module, "PLACE", math.inf)):
        module.add(commands)
    return whole
