"""The command line: the only place that prints.

Exit codes: 0 good, 1 a finding (a wrong gradient, a slow-down), 2 usage or broken input, 3 machine unfit to
measure, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab import __version__
from perflab.contract import DTYPES, Operation, PerflabError, Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from perflab.request import Request

GOOD, FINDING, USAGE, UNFIT, INTERRUPTED = 0, 1, 2, 3, 130
MOST_SIDES = 24  # results that one `compare` takes
CHAIN_RULE = "chain-rule"
MOST_VALUES = 64  # that `study chain-rule` takes after the first
MOST_NAMED = 20  # cells without a ratio that `compare` names in a terminal unless told --all


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        code: int = args.command(args)
        sys.stdout.flush()
        _warn_of_packages()
        return code
    except PerflabError as wrong:
        return _complain(wrong)
    except KeyboardInterrupt:
        print("perflab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return GOOD


def _warn_of_packages() -> None:
    """Tell what installed packages wanted to add and could not; everything else has gone on."""
    if "perflab.grid" in sys.modules:
        from perflab import grid

        for line in grid.broken():
            print(f"perflab: warning: {line}", file=sys.stderr)


def _complain(wrong: Exception) -> int:
    print(f"perflab: {wrong}", file=sys.stderr)
    return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflab",
        description="The performance lab for vectorisation: verified or no number.",
        epilog="TARGET is OP or OP/TECHNIQUE; several are allowed, all are taken where none is named.",
    )
    parser.add_argument("--version", action="version", version=f"perflab {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    verb = verbs.add_parser("list", help="operations, their techniques and cases")
    verb.add_argument("targets", nargs="*", metavar="TARGET")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_list)

    verb = verbs.add_parser(
        "verify", help="is every implementation right? shows the error and where it is worst"
    )
    verb.add_argument("targets", nargs="*", metavar="TARGET")
    _add_outside(verb)
    _add_list(verb, "--dtype", "DTYPE", "float32, float64; both by default")
    _add_list(verb, "--case", "NAME", "only these check cases")
    verb.add_argument("--seed", type=int, metavar="N", help="with --with: draw the cases from this seed")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_verify)

    verb = verbs.add_parser("new", help="a file to begin from: right as it stands, with shapes and formulas")
    verb.add_argument("operation", metavar="OP")
    verb.add_argument("file", type=Path, metavar="FILE", help="the file to write: mine.py")
    verb.add_argument("--from", dest="rung", default="", metavar="TECHNIQUE", help="the rung to begin from")
    verb.set_defaults(command=_new)

    verb = verbs.add_parser("run", help="verify and time, into one folder of results")
    verb.add_argument("targets", nargs="*", metavar="TARGET")
    verb.add_argument("--preset", help="smoke, quick (the default), own (that of --with), full or peers")
    _add_list(verb, "--case", "NAME", "only these cases")
    _add_list(verb, "--dtype", "DTYPE", "float32, float64; the preset's by default")
    _add_list(verb, "--threads", "N", "1 (the default), another number, all")
    verb.add_argument(
        "--against", metavar="REV", help="the same techniques of another commit as further columns"
    )
    _add_list(verb, "--peer", "PROJECT", "torch, jax: another project's versions as further columns")
    _add_outside(verb)
    verb.add_argument("--out", type=Path, metavar="DIR", help="the folder; reports/DATE-TIME by default")
    verb.add_argument("--resume", action="store_true", help="go on with the run in --out, or with the newest")
    verb.add_argument("--json", action="store_true", help="print the table as JSON")
    verb.set_defaults(command=_run)

    verb = verbs.add_parser(
        "train",
        help="a network on the handwritten digits: loss curve, test accuracy, the time of every layer",
        description="Layers: conv:FILTERSxTAPS, relu, pool:WINDOW, fc:NEURONS, and softmax as the last one.",
    )
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--model", default="cnn", metavar="NAME", help="cnn (the default) or linear")
    which.add_argument("--layers", metavar="LIST", help="conv:16x3,relu,pool:2,fc:64,softmax, say")
    how = verb.add_mutually_exclusive_group()
    how.add_argument(
        "--technique", default="fastest", metavar="NAME", help="of every layer; fastest by default"
    )
    how.add_argument(
        "--compare",
        metavar="LIST",
        help="these techniques side by side, in float64, which must give one loss curve:"
        " naive,per_neuron,vectorized,jit,fastest",
    )
    _add_list(verb, "--with-technique", "LAYER=TECHNIQUE", "of one layer: conv=simd", "by_layer")
    verb.add_argument("--epochs", type=int, metavar="N", help="20 by default")
    verb.add_argument(
        "--steps", type=int, metavar="N", help="only the first N steps; with --compare 20 by default"
    )
    verb.add_argument("--batch", type=int, default=32, metavar="N", help="digits a step (32)")
    verb.add_argument("--rate", type=float, default=0.1, metavar="A", help="learning rate (0.1)")
    verb.add_argument("--reg", type=float, default=0.0, metavar="R", help="½·R·ΣW² is added to the loss (0)")
    verb.add_argument("--seed", type=int, default=0, metavar="N", help="of first weights and batches (0)")
    verb.add_argument("--dtype", metavar="DTYPE", help="float32 (the default) or float64 (that of --compare)")
    verb.add_argument(
        "--out", type=Path, metavar="DIR", help="the folder; reports/train-DATE-TIME by default"
    )
    verb.add_argument("--json", action="store_true", help="print what is saved as JSON")
    verb.set_defaults(command=_train)

    verb = verbs.add_parser("report", help="make the report of saved results again")
    verb.add_argument("folder", type=Path, metavar="DIR", help="a run's folder")
    verb.add_argument("--json", action="store_true", help="print the table as JSON")
    _add_list(verb, "--figure", "NAME", "only this figure, as SVG and PNG in the run's folder figures/")
    verb.set_defaults(command=_report)

    verb = verbs.add_parser("board", help="the saved runs' implementations, ranked case by case: yours too")
    verb.add_argument("targets", nargs="*", metavar="TARGET")
    verb.add_argument("--case", metavar="NAME", help="this case; all for every one")
    verb.add_argument("--dtype", metavar="DTYPE", help="float32 or float64; all for both")
    verb.add_argument("--direction", metavar="WAY", help="forward, backward or step; all for every one")
    verb.add_argument("--threads", metavar="N", help="1, or another number")
    verb.add_argument(
        "--in", dest="folder", type=Path, default=Path("reports"), metavar="DIR", help="the runs' folder"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_board)

    verb = verbs.add_parser(
        "study",
        help="a ladder rung by rung: derivation, code, what changed, how much it gained, and why",
        usage="perflab study [option ...] TARGET | chain-rule [EXPRESSION NAME=NUMBER ...]",
    )
    told = "OP, or OP/TECHNIQUE for one rung; chain-rule for circuits worked by hand"
    verb.add_argument("target", metavar="TARGET", help=told)
    shown = [
        ("EXPRESSION", "a circuit of your own; after -- where it begins with a minus"),
        ("NAME=NUMBER", "the values of its names"),
    ]
    for metavar, told in [*shown, *[("NAME=NUMBER", argparse.SUPPRESS)] * MOST_VALUES]:
        word = verb.add_argument("words", action="append", metavar=metavar, help=told)
        word.required = False  # each one by itself, so that options may stand between them
    verb.add_argument("--html", type=Path, metavar="FILE", help="with chain-rule: write a page")
    verb.add_argument(
        "--run", type=Path, metavar="DIR", help="the run that gives the figures; the newest under reports/"
    )
    verb.add_argument(
        "--asm", metavar="TECHNIQUE", help="the assembly of its hot loop beside the source, instead"
    )
    verb.add_argument("--dtype", default="float32", metavar="DTYPE", help="with --asm: float32 or float64")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_study)

    verb = verbs.add_parser(
        "selfcheck", help="is this machine fit to measure on? contests with a known outcome"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="keep the records of the contests")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_selfcheck)

    verb = verbs.add_parser(
        "compare",
        help="how much faster is one saved result than another? two, or more against the first",
        usage="perflab compare [option ...] BASE NEW [NEW ...]",
        description="BASE and NEW: a run's folder, its records.jsonl, or a file in pytest-benchmark's JSON.",
    )
    # Each one by itself, so that options may stand between them; none required here, since --fail-if-slower
    # may have taken one with its words.
    for position in range(MOST_SIDES):
        side = verb.add_argument("sides", action="append", metavar="NEW" if position else "BASE")
        side.required = False
        side.help = argparse.SUPPRESS if position > 1 else None
    verb.add_argument(
        "--fail-if-slower",
        nargs="+",
        action=_Thresholds,
        dest="allowed",
        metavar="SHARE",
        help="exit with 1 where a whole interval is slower than this: 5%%, or 5, or 0.05 (without a sign,"
        " below 1 a share, from 1 on percent); conv2d=10%% holds one operation; several allowed",
    )
    verb.add_argument("--anyway", action="store_true", help="compare although the environments differ")
    verb.add_argument("--all", action="store_true", help="show every cell, the same and the ambiguous too")
    verb.add_argument("--markdown", metavar="FILE", help="write Markdown for a pull request; - prints it")
    verb.add_argument("--html", type=Path, metavar="FILE", help="write a page")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_compare)

    verb = verbs.add_parser(
        "machine", help="what figures from this machine would be measured on, and what it can do at most"
    )
    verb.add_argument(
        "--no-ceilings", action="store_true", help="do not measure what it can do at most (10 seconds)"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_machine)
    return parser


class _Thresholds(argparse.Action):
    """Takes thresholds, and hands back BASE and NEW where they follow them."""

    def __call__(
        self, _parser: argparse.ArgumentParser, held: argparse.Namespace, words: Any, _: str | None = None
    ) -> None:
        meant = [re.search(r"=|%$|^[\d.]+$", word) for word in words]
        end = next((i for i, found in enumerate(meant) if i and not found), len(words))
        held.allowed = [*(held.allowed or ()), *words[:end]]
        held.sides = [*(held.sides or ()), *words[end:]]


def _add_list(
    verb: argparse.ArgumentParser, flag: str, metavar: str, help: str, dest: str | None = None
) -> None:
    """An option that takes several words, once or repeatedly."""
    verb.add_argument(
        flag, dest=dest or flag[2:], nargs="+", action="extend", default=[], metavar=metavar, help=help
    )


def _add_outside(verb: argparse.ArgumentParser) -> None:
    _add_list(
        verb, "--with", "FILE",
        "a file of your own: forward and backward of the one named OP, or functions by the names of CS231n's"
        " assignments", "outside",
    )  # fmt: skip
    verb.add_argument("--watch", action="store_true", help="with --with: again whenever a file is saved")
    verb.add_argument(
        "--limit",
        type=float,
        default=60.0,
        metavar="S",
        help="with --with: the most seconds a case may take (60)",
    )


def _settle_words(args: argparse.Namespace) -> None:
    """Hand back to the targets a TARGET that follows an option of several words; check the dtypes."""
    from perflab import grid, request

    known = grid.operations()
    for option in ("outside", "dtype", "case", "threads", "peer"):
        words: list[str] = getattr(args, option, None) or []
        while len(words) > 1 and words[-1].partition("/")[0] in known and not Path(words[-1]).is_file():
            args.targets.append(words.pop())
    request.check_dtypes(args.dtype)


# --------------------------------------------------------------------------------------------------- list


def _list(args: argparse.Namespace) -> int:
    from perflab import grid

    chosen = grid.targets(args.targets)
    if args.json:
        _print_json(
            {
                op: {
                    "summary": grid.operation(op).summary,
                    "arguments": list(grid.operation(op).arguments),
                    "wrt": grid.operation(op).wrt,
                    "techniques": {name: grid.summary(op, name) for name in techniques},
                    "cases": {name: dict(case.sizes) for name, case in grid.operation(op).cases.items()},
                }
                for op, techniques in chosen.items()
            }
        )
        return GOOD
    console = _console()
    for op, techniques in chosen.items():
        described = grid.operation(op)
        console.print(op, style="bold", end="  ", highlight=False)
        console.print(described.summary, markup=False, highlight=False)
        for name in techniques:
            console.print(f"  {name:12} {grid.summary(op, name)}", markup=False, highlight=False)
        for case in described.cases.values():
            console.print(f"  {case.name:>12} {_sizes(case.sizes)}", style="dim", highlight=False)
    return GOOD


def _sizes(sizes: Mapping[str, int]) -> str:
    return "  ".join(f"{axis}={size}" for axis, size in sizes.items())


# ------------------------------------------------------------------------------------------------- verify


def _verify(args: argparse.Namespace) -> int:
    from perflab import compilation, display, grid, oracle
    from perflab.own.review import review

    _settle_words(args)
    for name, value in _single_threaded().items():
        os.environ.setdefault(name, value)
    if args.outside and not any("/" in target for target in args.targets):
        return _verify_own(args)
    if args.outside or args.watch or args.seed is not None:
        raise PerflabError(
            "--with, --watch, --seed: for files of your own; wanted OP as TARGET, and OP/TECHNIQUE by itself"
        )
    chosen = grid.targets(args.targets)
    for op in chosen:
        for name in args.case or ():
            checks = grid.operation(op).checks
            if name not in checks:
                raise PerflabError(f"{op}: {grid.unknown('check case', name, checks)}")
    began = time.perf_counter()
    verdicts: list[Verdict] = []
    pairs: list[oracle.Pair] = []
    caught: dict[str, list[tuple[str, bool]]] = {}
    dtypes = args.dtype or DTYPES
    whole = not args.case
    console = _console(stderr=args.json)
    with console.status("compiling") as status:
        names = compilation.missing(chosen, dtypes)
        if len(names) > 1:  # on all cores; one alone compiles where it is verified
            compilation.compile_first(names, lambda event: status.update(f"compiling {event['name']}"))
        for op, techniques in chosen.items():
            described, outsiders = grid.operation(op), grid.outsiders(op)
            columns = [grid.raw(op, name) for name in techniques if name not in outsiders]
            for name in outsiders.keys() & set(techniques):
                seen = review(
                    outsiders[name], op, technique=name, dtypes=dtypes, cases=args.case, tell=status.update
                )
                verdicts += [verdict for review in seen.reviews for verdict in review.verdicts]
            for implementation in columns:
                for dtype in dtypes:
                    status.update(f"{op}/{implementation.technique} {dtype}")
                    verdicts.append(oracle.examine(described, implementation, dtype, args.case))
            if whole and len(columns) > 1:
                for dtype in dtypes:
                    status.update(f"{op}: every two techniques, {dtype}")
                    pairs += oracle.pairwise(described, columns, dtype)
            if whole and not args.targets:
                status.update(f"{op}: known mistakes")
                caught[op] = [(m.name, _is_caught(described, m)) for m in grid.mutants(op)]
    missed = [f"{op}/{name}" for op, found in caught.items() for name, ok in found if not ok]
    good = all(verdicts) and not missed
    if args.json:
        _print_json(_verify_json(verdicts, pairs, caught))
        return GOOD if good else FINDING
    _print_all(console, [display.verdicts(verdicts)])
    if pairs:
        _print_all(console, [display.pairs(pairs)])
    if caught:
        count = sum(len(found) for found in caught.values())
        console.print(
            f"known mistakes: {count - len(missed)} of {count} caught"
            + (f"; missed: {', '.join(missed)}" if missed else ""),
            highlight=False,
        )
    right = sum(map(bool, verdicts))
    console.print(f"{right} of {len(verdicts)} right, {time.perf_counter() - began:.1f} s", highlight=False)
    for verdict in verdicts:
        if not verdict:
            _print_all(console, display.failure(verdict))
    return GOOD if good else FINDING


def _verify_own(args: argparse.Namespace) -> int:
    """Review outside files alone, once or at every save."""
    from perflab import display, grid, request
    from perflab.own import watch

    grid.targets(args.targets)

    def once() -> tuple[int, Sequence[Path]]:
        began, console = time.perf_counter(), _console(stderr=args.json)
        with console.status("reading") as status:
            seen = request.own(
                args.outside, args.targets, dtypes=args.dtype, cases=args.case, seed=args.seed,
                limit_s=args.limit, tell=status.update,
            )  # fmt: skip
        if args.case and not seen.reviews:
            ops = args.targets or grid.operations()
            known = dict.fromkeys(name for op in ops for name in grid.operation(op).checks)
            raise PerflabError(grid.unknown("check case", args.case[0], known))
        if args.json:
            _print_json(_reviews_json(seen.reviews))
        else:
            _print_all(console, display.reviews(seen, time.perf_counter() - began))
        return (GOOD if all(review.ok for review in seen.reviews) else FINDING), seen.files

    if not args.watch:
        return once()[0]
    return watch.repeat(once, tuple(map(Path, args.outside)), _complain, _between_saves)


def _between_saves(names: Sequence[Path]) -> None:
    told = ", ".join(dict.fromkeys(path.name for path in names))
    _console(stderr=True).rule(f"[dim]watching {told}; Ctrl-C ends", style="dim")


def _reviews_json(reviews: Sequence[Any]) -> dict[str, Any]:
    from dataclasses import asdict

    return _verify_json([verdict for review in reviews for verdict in review.verdicts], [], {}) | {
        "files": [
            {name: getattr(review.implementation, name)
             for name in ("operation", "technique", "source", "unwritten", "notes", "gives")}
            | {"ok": review.ok, "mistakes": [asdict(mistake) for mistake in review.mistakes]}
            for review in reviews
        ]
    }  # fmt: skip


def _is_caught(described: Operation, mutant: Any) -> bool:
    from perflab import oracle

    return any(not oracle.examine(described, mutant, dtype) for dtype in DTYPES)


def _verify_json(
    verdicts: Sequence[Verdict], pairs: Sequence[Any], caught: Mapping[str, Any]
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "verdicts": [
            {k: v for k, v in asdict(verdict).items() if k != "checks"}
            | {"failed": [asdict(c) for c in verdict.checks if not c.ok], "checks": len(verdict.checks)}
            for verdict in verdicts
        ],
        "pairs": [asdict(pair) for pair in pairs],
        "mutants": {op: dict(found) for op, found in caught.items()},
    }


# ---------------------------------------------------------------------------------------------------- new


def _new(args: argparse.Namespace) -> int:
    from perflab.own import new

    print(new.write(args.operation, args.file, args.rung))
    return GOOD


# ---------------------------------------------------------------------------------------------------- run


def _run(args: argparse.Namespace) -> int:
    from perflab import request

    _settle_words(args)
    asked = request.Request(
        targets=tuple(args.targets),
        preset=args.preset or "",
        cases=tuple(args.case),
        dtypes=tuple(args.dtype),
        threads=tuple(args.threads),
        files=tuple(args.outside),
        peers=tuple(args.peer),
        against=args.against or "",
        limit_s=args.limit,
        out=args.out,
        resume=args.resume,
    )
    if args.watch:
        return _watch_run(args, asked)
    return _run_once(args, asked, _console(stderr=True))[0]


def _run_once(args: argparse.Namespace, asked: Request, console: Console) -> tuple[int, Path]:
    from perflab import display, records, request

    with console.status("reading"):
        folder, plan, seen = request.settle(asked)
    if seen is not None and any(review.reason for review in seen.reviews):
        _print_all(console, display.reviews(seen))
    show = "failures" if args.json else "all"
    with records.lock(folder) as lock:
        if args.resume:
            records.mend(folder)
        else:
            request.begin(folder, plan, console, show, seen)
        code = GOOD
        try:
            request.measure(folder, plan, lock, console, show)
        except KeyboardInterrupt:
            print(f"perflab: interrupted; go on with: perflab run --resume --out {folder}", file=sys.stderr)
            code = INTERRUPTED
        except PerflabError as wrong:
            code = _complain(wrong)
        try:
            findings = _write_report(folder, args.json)
        except PerflabError as wrong:
            return code or _complain(wrong), folder
    return code or (FINDING if findings else GOOD), folder


def _watch_run(args: argparse.Namespace, asked: Request) -> int:
    """Review the files and race them on one small case, again at every save."""
    import tempfile
    from dataclasses import replace

    from perflab import display, request
    from perflab import plan as plans
    from perflab.own import watch

    if not args.outside or args.resume or args.out:
        raise PerflabError(
            "--watch: races a file on a small case and keeps nothing; wanted --with FILE, no --out"
        )

    def once() -> tuple[int, Sequence[Path]]:
        began, console = time.perf_counter(), _console()
        with tempfile.TemporaryDirectory() as folder:
            asked_now = replace(asked, preset=asked.preset or plans.WATCH_PRESET, out=Path(folder) / "run")
            _, plan, seen = request.settle(asked_now)
            assert seen is not None, "there is a file"
            _print_all(console, display.reviews(seen, time.perf_counter() - began))
            if all(review.reason for review in seen.reviews):
                return FINDING, seen.files
            summary = request.race(Path(folder) / "run", plan, console, seen)
        _print_all(console, display.summary(summary))
        return (FINDING if summary.findings else GOOD), seen.files

    return watch.repeat(once, tuple(map(Path, args.outside)), _complain, _between_saves)


def _report(args: argparse.Namespace) -> int:
    if (args.folder / "training.json").is_file():
        return _report_training(args)
    if args.figure:
        return _write_figures(args.folder, args.figure, args.json)
    return FINDING if _write_report(args.folder, args.json) else GOOD


def _report_training(args: argparse.Namespace) -> int:
    """Make a training's page and figures again."""
    from perflab import machine

    machine.prepare_matplotlib()
    from perflab.report import training as page

    if args.figure:
        raise PerflabError(f"{args.folder}: a training, whose figures are made together; wanted no --figure")
    held = page.read(args.folder)
    return _tell_training(held, page.write(args.folder, held), args.json)


def _write_figures(folder: Path, names: list[str], as_json: bool) -> int:
    """Draw the named figures alone and print where they lie."""
    from perflab import grid, machine

    machine.prepare_matplotlib()
    from perflab import records, report
    from perflab.report import figures, svg

    summary = report.summarise(records.read(folder))
    known = figures.names(summary)
    for name in names:
        if name not in known:
            raise PerflabError(grid.unknown("figure", name, known))
    written: list[str] = []
    for name in names:
        drawn = figures.drawn(summary, name)
        if drawn is None:
            raise PerflabError(f"{folder}: nothing was measured yet that {name} could show")
        written += [str(path) for path in svg.write(drawn, summary.run.folder / "figures")]
    if as_json:
        _print_json(written)
    else:
        print("\n".join(written))
    return GOOD


def _write_report(folder: Path, as_json: bool) -> int:
    """Make the report, print the table; how many findings it holds."""
    from perflab import display, machine

    machine.prepare_matplotlib()
    from perflab import records, report, sources
    from perflab.report import reading

    run = records.read(folder)
    summary = report.summarise(run)
    if run.torn:
        print(f"perflab: {folder}: the last line was cut short and is left out", file=sys.stderr)
    console = _console(stderr=as_json)
    with _step_bar(console, "writing the report") as tell:
        written = report.write(run, summary, tell, installed=sources.of_today(run))
    if as_json:
        read = [reading.to_json(one) for one in reading.readings(summary)]
        _print_json(report.to_json(summary) | ({"readings": read} if read else {}))
    else:
        _print_all(console, display.summary(summary))
        console.print(f"report: {written}", highlight=False, soft_wrap=True)
    return len(summary.findings)


@contextmanager
def _step_bar(console: Console, what: str) -> Iterator[Callable[[int, int, str], None]]:
    """How far something is: a bar where there is a terminal to show it on, which goes when it is done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    words = TextColumn("{task.description}")
    bar = Progress(
        BarColumn(bar_width=24), MofNCompleteColumn(), words,
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, steps, step: bar.update(task, completed=done, total=steps, description=step)


# -------------------------------------------------------------------------------------------------- train


def _train(args: argparse.Namespace) -> int:
    for name, value in _single_threaded().items():
        os.environ.setdefault(name, value)
    from perflab import blueprint, compilation, grid, machine, training

    machine.prepare_matplotlib()
    from perflab.report import training as page

    if args.model not in blueprint.MODELS:
        raise PerflabError(grid.unknown("model", args.model, blueprint.MODELS))
    for word in args.by_layer:
        if not all(word.partition("=")):
            raise PerflabError(f"--with-technique: {word}; wanted LAYER=TECHNIQUE")
    by_layer = dict(word.partition("=")[::2] for word in args.by_layer)
    compare = tuple(filter(None, (args.compare or "").split(",")))
    if args.compare is not None and (by_layer or args.epochs is not None):
        raise PerflabError("--compare: takes the first --steps of whole techniques; wanted it without"
                           " --epochs and --with-technique")  # fmt: skip
    if args.compare is not None and len(compare) < 2:
        raise PerflabError(f"--compare: {args.compare or 'nothing'}; wanted two techniques or more")
    if args.compare is not None and args.dtype not in (None, "float64"):
        raise PerflabError(f"--dtype: {args.dtype}; wanted float64 with --compare, whose curves must agree")
    steps = training.COMPARED_STEPS if compare and args.steps is None else args.steps
    settings = training.Settings(
        layers=blueprint.MODELS[args.model] if args.layers is None else args.layers,
        technique=args.technique, by_layer=by_layer, compare=compare, steps=steps,
        epochs=training.EPOCHS if args.epochs is None else args.epochs, batch=args.batch, rate=args.rate,
        reg=args.reg, seed=args.seed, dtype=args.dtype or ("float64" if compare else "float32"),
    )  # fmt: skip
    used = training.used(settings)
    folder = args.out or Path("reports") / f"train-{time.strftime('%Y%m%d-%H%M%S')}"
    page.free(folder)
    console = _console(stderr=True)
    missing = compilation.missing(used, (settings.dtype,))
    if len(missing) > 1:
        with console.status("compiling") as status:
            compilation.compile_first(missing, lambda event: status.update(f"compiling {event['name']}"))
    with _step_bar(console, "training") as tell:
        held = training.train(settings, tell)
    page.save(folder, held)
    written = page.write(folder, held)
    return _tell_training(held, written, args.json)


def _tell_training(held: Mapping[str, Any], written: Path, as_json: bool) -> int:
    """Print what a training gave; its exit code."""
    from perflab import display
    from perflab.report import training as page

    if as_json:
        _print_json(held)
    else:
        _print_all(_console(), display.training(page.lines(held), page.tables(held, whole=False)))
        _console().print(f"report: {written}", highlight=False, soft_wrap=True)
    for line in held["findings"]:
        print(f"perflab: {line}", file=sys.stderr)
    return FINDING if held["findings"] else GOOD


# -------------------------------------------------------------------------------------------------- board


def _board(args: argparse.Namespace) -> int:
    from perflab import board, display, machine

    machine.prepare_matplotlib()
    if args.threads is not None and not args.threads.isdecimal():
        raise PerflabError(f"--threads: {args.threads!r}; wanted a number")
    threads = None if args.threads is None else int(args.threads)
    found = board.board(args.folder, args.targets, args.case, args.dtype, args.direction, threads)
    if args.json:
        _print_json(board.to_json(found))
    else:
        _print_all(_console(), display.board(found))
    return GOOD


# -------------------------------------------------------------------------------------------------- study


def _study(args: argparse.Namespace) -> int:
    from perflab import grid, machine

    op, _, technique = args.target.partition("/")
    if args.target == CHAIN_RULE:
        return _chain_rule(args)
    if args.words or args.html:
        said = args.words[0] if args.words else "--html"
        raise PerflabError(f"{said}: not understood after {args.target}; wanted it after chain-rule only")
    if args.asm is not None:
        return _assembly(op, args.asm, args)
    if op not in grid.operations() and args.run is None:
        raise PerflabError(grid.unknown("operation", op, [*grid.operations(), CHAIN_RULE]))
    machine.prepare_matplotlib()
    from perflab import study

    section, source = study.section(op, args.run)
    rungs = study.chosen(section, technique)
    if args.json:
        _print_json(study.plain(section, rungs))
        return GOOD
    console = _console()
    for piece in study.shown(section, rungs, source, console.width):
        console.print(piece, highlight=False)
    return GOOD


def _chain_rule(args: argparse.Namespace) -> int:
    from perflab import machine, worked

    if args.run or args.asm is not None:
        raise PerflabError("--run, --asm: for an operation; wanted chain-rule without them")
    circuits = [worked.typed(args.words)] if args.words else worked.standard()
    good = GOOD if all(held.ok for held in circuits) else FINDING
    machine.prepare_matplotlib()
    if args.html:
        from perflab.report import circuit

        circuit.write(args.html, circuits, worked.derivation())
    if args.json:
        _print_json(worked.plain(circuits))
        return good
    from perflab import chain_rule

    _print_all(_console(), chain_rule.shown(circuits, "" if args.words else worked.derivation()))
    if args.html:
        print(f"written: {args.html}")
    return good


def _assembly(op: str, technique: str, args: argparse.Namespace) -> int:
    from perflab import grid

    grid.targets([f"{op}/{technique}"])
    if args.dtype not in DTYPES:
        raise PerflabError(grid.unknown("dtype", args.dtype, DTYPES))
    for name, value in _single_threaded().items():
        os.environ.setdefault(name, value)
    from perflab import listing, study

    with _console(stderr=True).status(f"compiling {op}/{technique} with line numbers"):
        found = listing.gather(op, technique, args.dtype)
    if args.json:
        _print_json(study.plain_assembly(found))
        return GOOD
    console = _console()
    for piece in study.assembly(found, console.width):
        console.print(piece, highlight=False)
    return GOOD


# ---------------------------------------------------------------------------------------------- selfcheck


def _selfcheck(args: argparse.Namespace) -> int:
    import contextlib
    import tempfile
    from dataclasses import asdict

    from perflab import display, machine, records, selfcheck
    from perflab.progress import Progress

    with contextlib.ExitStack() as held:
        temporary = args.out is None
        folder = Path(held.enter_context(tempfile.TemporaryDirectory())) if temporary else args.out
        lock = held.enter_context(records.lock(folder))
        wanted = [selfcheck.contest_plan(folder)]
        if machine.cores() > 1:
            wanted.append(selfcheck.carry_plan(folder))
        total = sum(plan.size for plan in wanted)
        progress = held.enter_context(
            Progress(total, _console(stderr=True), "failures" if args.json else "all")
        )
        fitness = selfcheck.check(folder, lock, progress.tell)
    selfcheck.keep(fitness)
    if args.json:
        _print_json(asdict(fitness) | {"reasons": fitness.reasons})
    else:
        console = _console()
        table = display.table("self-check", "found", "wanted", "")
        for line in fitness.lines:
            table.add_row(line.name, line.found, line.wanted, line.state)
        console.print(table)
        console.print(f"This machine is {fitness.state}.", style="bold", highlight=False)
        for reason in fitness.reasons:
            console.print(f"  {reason}", highlight=False, markup=False)
    return UNFIT if fitness.state == "unfit" else GOOD


# ------------------------------------------------------------------------------------------------ compare


def _compare(args: argparse.Namespace) -> int:
    from perflab import machine

    if len(args.sides or ()) < 2:
        raise PerflabError(f"compare: got {len(args.sides or ())} results; wanted two, BASE and NEW, or more")
    if args.json and args.markdown == "-":
        raise PerflabError("--markdown -: --json prints already; wanted a FILE")
    machine.prepare_matplotlib()
    from perflab.report import compare, several, sides

    allowed = compare.thresholds(args.allowed or ())
    base, *news = map(sides.read, args.sides)
    held = several.compare_all(base, news, allowed=allowed, anyway=args.anyway)
    two = held.pairs[0] if len(news) == 1 else None
    written = []
    if args.markdown:
        text = compare.markdown(two, args.all) if two else several.markdown(held, args.all)
    if args.markdown not in (None, "-"):
        written.append(_write_text(Path(args.markdown), text))
    if args.html:
        written.append(_write_text(args.html, several.html(held)))
    if args.json:
        _print_json(compare.to_json(two) if two else several.to_json(held))
    elif args.markdown == "-":
        print(text)
    elif two:
        _print_comparison(two, args.all, written)
    else:
        _print_several(held, args.all, written)
    if held.failed:
        return FINDING
    return UNFIT if held.unfit and allowed else GOOD  # nothing held to its threshold there: that is not good


VERDICT_COLOURS = {"SLOWER": "red", "FASTER": "green", "UNMEASURABLE": "red"}


def _print_comparison(held: Any, whole: bool, written: Sequence[Path]) -> None:
    from rich.text import Text

    from perflab import display
    from perflab.report import compare

    console = _console()
    for line in compare.banner(held):
        console.print(line, style="bold red", highlight=False, markup=False, soft_wrap=True)
    shown = compare.table(held, whole)
    table = display.table(*shown.head, right=(1, 2, 3))
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in shown.rows:
        colour = VERDICT_COLOURS.get(row[-1].partition(",")[0], "")
        table.add_row(*map(Text, row[:-1]), Text(row[-1], style=colour))
    console.print(shown.title, highlight=False, markup=False, soft_wrap=True)
    if shown.rows:
        console.print(table)
    _print_closing(compare.closing_lines(held, None if whole else MOST_NAMED), written)


def _print_several(held: Any, whole: bool, written: Sequence[Path]) -> None:
    from rich.text import Text

    from perflab import display
    from perflab.report import several

    console = _console()
    for line in several.banner(held):
        console.print(line, style="bold red", highlight=False, markup=False, soft_wrap=True)
    shown = several.table(held, whole)
    console.print(shown.title, highlight=False, markup=False, soft_wrap=True)
    for one in filter(None, (several.environments(held), several.verdicts(held), shown)):
        table = display.table(*one.head)
        for row in one.rows:
            colours = (next((c for v, c in VERDICT_COLOURS.items() if v in cell), "") for cell in row[1:])
            told = map(Text, row[1:], colours)
            table.add_row(Text(row[0]), *told)
        if one.rows:
            console.print(table)
    _print_closing(several.closing_lines(held, None if whole else MOST_NAMED), written)


def _print_closing(lines: Sequence[str], written: Sequence[Path]) -> None:
    console = _console()
    for line in (*lines, *(f"written: {path}" for path in written)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _write_text(path: Path, text: str) -> Path:
    from perflab.records import full_or

    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise full_or(error, path) from error
    return path


# ------------------------------------------------------------------------------------------------ machine


def _machine(args: argparse.Namespace) -> int:
    from perflab import ceilings, display, machine

    described, measured = machine.environment(), None
    if not args.no_ceilings:
        with _console(stderr=True).status("measuring what this machine can do at most"):
            measured = ceilings.measure((1, machine.cores()))
        ceilings.keep(measured)
    if args.json:
        _print_json(described | ({"ceilings": measured} if measured else {}))
        return GOOD
    table = display.table("machine", "")
    for name, value in described.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v}" for k, v in value.items()) or "none set"
        elif isinstance(value, list):
            items = [
                ", ".join(f"{k} {v}" for k, v in item.items()) if isinstance(item, dict) else str(item)
                for item in value
            ]
            value = ("; " if any(isinstance(item, dict) for item in value) else " ").join(items)
        elif value is None:
            value = "no limit" if name in ("cores_quota", "memory_limit_bytes") else "unknown"
        table.add_row(name.replace("_", " "), str(value))
    _console().print(table)
    if measured:
        _print_ceilings(measured)
    return GOOD


def _print_ceilings(measured: Mapping[str, Any]) -> None:
    from perflab import ceilings, display

    console = _console()
    kinds = list(ceilings.MEANING)
    arithmetic = display.table("GFLOP/s", "threads", "multiply-adds", "large product", right=(1, 2, 3))
    traffic = display.table("GB/s", "threads", *(kind.replace("_", " ") for kind in kinds), right=range(1, 9))
    for one in measured["measured"]:
        for row in one["arithmetic"]:
            figures = (f"{row[kind]['best']:.0f}" for kind in ("chains", "product"))
            arithmetic.add_row(row["dtype"], str(one["threads"]), *figures)
        for row in one["bandwidth"]:
            figures = (f"{row[kind]['best']:.1f}" if kind in row else "–" for kind in kinds)
            traffic.add_row(_size(row["bytes"]), str(one["threads"]), *figures)
    console.print(arithmetic)
    console.print(traffic)
    for kind, meaning in ceilings.MEANING.items():
        console.print(f"{kind.replace('_', ' ')}: {meaning}", highlight=False, markup=False)
    for note in measured["notes"]:
        console.print(note, highlight=False, markup=False)


def _size(count: float) -> str:
    """A number of bytes in words: 24 KB, 1.5 MB.

    >>> _size(24576), _size(1.5 * 2**20), _size(2**30)
    ('24 KB', '1.5 MB', '1 GB')
    """
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} GB"


# -------------------------------------------------------------------------------------------------- small


def _single_threaded() -> dict[str, str]:
    from perflab.machine import pinned

    return pinned(1)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, width=None if sys.stdout.isatty() else 140)


def _print_all(console: Console, pieces: Iterable[Any]) -> None:
    for piece in pieces:
        console.print(piece, highlight=False, soft_wrap=not hasattr(piece, "columns"))


def _print_json(held: Any) -> None:
    print(json.dumps(_finite(held), indent=1, ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    """JSON has no infinity: an error without bound is null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
