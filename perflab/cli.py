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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab import __version__
from perflab.contract import DTYPES, Implementation, Operation, PerflabError, Plan, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

GOOD, FINDING, USAGE, UNFIT, INTERRUPTED = 0, 1, 2, 3, 130
MOST_NAMED = 20  # cells without a ratio that `compare` names in a terminal unless told --all


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        code: int = args.command(args)
        sys.stdout.flush()
        return code
    except PerflabError as wrong:
        return _complain(wrong)
    except KeyboardInterrupt:
        print("perflab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return GOOD


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
    _add_list(
        verb, "--with", "FILE", "a file with forward and backward: a technique of the one named OP", "outside"
    )
    _add_list(verb, "--dtype", "DTYPE", "float32, float64; both by default")
    _add_list(verb, "--case", "NAME", "only these check cases")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_verify)

    verb = verbs.add_parser("run", help="verify and time, into one folder of results")
    verb.add_argument("targets", nargs="*", metavar="TARGET")
    verb.add_argument("--preset", help="smoke, quick (the default), full or peers")
    _add_list(verb, "--case", "NAME", "only these cases")
    _add_list(verb, "--dtype", "DTYPE", "float32, float64; the preset's by default")
    _add_list(verb, "--threads", "N", "1 (the default), another number, all")
    verb.add_argument(
        "--against", metavar="REV", help="the same techniques of another commit as further columns"
    )
    _add_list(verb, "--peer", "PROJECT", "torch, jax: another project's versions as further columns")
    _add_list(
        verb, "--with", "FILE", "a file with forward and backward: a technique of the one named OP", "outside"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="the folder; reports/DATE-TIME by default")
    verb.add_argument("--resume", action="store_true", help="go on with the run in --out, or with the newest")
    verb.add_argument("--json", action="store_true", help="print the table as JSON")
    verb.set_defaults(command=_run)

    verb = verbs.add_parser("report", help="make the report of saved results again")
    verb.add_argument("folder", type=Path, metavar="DIR", help="a run's folder")
    verb.add_argument("--json", action="store_true", help="print the table as JSON")
    verb.set_defaults(command=_report)

    verb = verbs.add_parser(
        "selfcheck", help="is this machine fit to measure on? contests with a known outcome"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="keep the records of the contests")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=_selfcheck)

    verb = verbs.add_parser(
        "compare",
        help="how much faster is one saved result than another?",
        description="BASE and NEW: a run's folder, its records.jsonl, or a file in pytest-benchmark's JSON.",
    )
    for side in ("BASE", "NEW"):  # not required here: --fail-if-slower may have taken one with its words
        verb.add_argument("sides", action="append", metavar=side).required = False
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


def _settle_words(args: argparse.Namespace) -> None:
    """Hand back to the targets a TARGET that follows an option of several words; check the dtypes."""
    from perflab import grid

    known = grid.operations()
    for option in ("outside", "dtype", "case", "threads", "peer"):
        words: list[str] = getattr(args, option, None) or []
        while len(words) > 1 and words[-1].partition("/")[0] in known and not Path(words[-1]).is_file():
            args.targets.append(words.pop())
    for word in args.dtype:
        if word not in DTYPES:
            raise PerflabError(grid.unknown("dtype", word, DTYPES))


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
    from perflab import compilation, grid, oracle

    _settle_words(args)
    for name, value in _single_threaded().items():
        os.environ.setdefault(name, value)
    chosen = grid.targets(args.targets)
    outside = _outside(args.outside, args.targets)
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
            described = grid.operation(op)
            files = {i.technique: i for i in outside.get(op, ())}
            columns = [files.get(name) or grid.raw(op, name) for name in techniques if name not in files]
            columns += files.values()
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
    console.print(_verify_table(verdicts))
    if pairs:
        console.print(_pair_table(pairs))
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
            _print_failure(console, verdict, args.outside)
    return GOOD if good else FINDING


def _is_caught(described: Operation, mutant: Any) -> bool:
    from perflab import oracle

    return any(not oracle.examine(described, mutant, dtype) for dtype in DTYPES)


def _outside(files: Sequence[str], targets: Sequence[str]) -> dict[str, list[Implementation]]:
    """Outside files as further techniques of the one operation that the targets name."""
    from perflab import grid

    if not files:
        return {}
    named = list(dict.fromkeys(target.partition("/")[0] for target in targets))
    if len(named) != 1:
        raise PerflabError("--with: whose technique is the file? wanted exactly one operation as TARGET")
    taken = [grid.load_raw(file, named[0]) for file in files]
    for implementation in taken:
        if implementation.technique in grid.techniques(named[0]):
            raise PerflabError(
                f"{implementation.source}: {named[0]} has a technique {implementation.technique} already;"
                " wanted a file of another name"
            )
    return {named[0]: taken}


def _verify_table(verdicts: Sequence[Verdict]) -> Table:
    table = _table("implementation", "dtype", "error / bound", "worst", "integers", "verdict", right=(2,))
    for v in verdicts:
        bits = {True: "identical", False: "differ", None: "–"}[v.exact]
        verdict = "[green]right[/]" if v else f"[red]{v.status}[/]"
        if not v.deterministic:
            verdict += ", not repeatable"
        table.add_row(f"{v.operation}/{v.technique}", v.dtype, f"{v.error:.3f}", v.where, bits, verdict)
    return table


def _pair_table(pairs: Sequence[Any]) -> Table:
    table = _table("side by side", "dtype", "on integers", "on real inputs")
    for pair in pairs:
        integers = {True: "identical", False: "[red]differ[/]", None: "–"}[pair.identical_integers]
        real = "identical" if pair.identical else f"within {pair.difference:.1e}"
        names = f"{pair.operation}: {pair.first}, {pair.second}"
        table.add_row(names, pair.dtype, integers, real)
    return table


def _print_failure(console: Console, verdict: Verdict, files: Sequence[str]) -> None:
    failed = next((c for c in verdict.checks if not c.ok), None)
    console.print(f"\n[red]{verdict.status}[/]: {verdict.operation}/{verdict.technique} {verdict.dtype}",
                  highlight=False)  # fmt: skip
    case = ""
    if failed is None:
        console.print(f"  {verdict.where}", highlight=False, markup=False)
    else:
        values = f": got {failed.got}, wanted {failed.wanted}" if failed.got else ""
        console.print(
            f"  case {failed.case}, {failed.name}: {failed.where}{values}", highlight=False, markup=False
        )
        case = f" --case {failed.case}"
    mine = [file for file in files if Path(file).stem == verdict.technique]
    target = verdict.operation if mine else f"{verdict.operation}/{verdict.technique}"
    more = "".join(f" --with {file}" for file in mine)
    again = f"perflab verify {target} --dtype {verdict.dtype}{case}{more}"
    console.print(f"  again: {again}", highlight=False, markup=False, soft_wrap=True)


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


# ---------------------------------------------------------------------------------------------------- run


def _run(args: argparse.Namespace) -> int:
    from perflab import machine, records, runner, selfcheck
    from perflab import plan as plans

    _settle_words(args)
    folder = _run_folder(args)
    plan = records.read(folder).plan if args.resume else _plan(args, folder)
    with records.lock(folder) as lock:
        if args.resume:
            records.mend(folder)
        else:
            held = _ceilings_of_run(plan, quiet=args.json)
            records.begin(folder, plan, plans.describe(plan), machine.environment(), selfcheck.kept(), held)
        code = GOOD
        try:
            with _Progress(plan, runner.outstanding(folder, plan), quiet=args.json) as progress:
                runner.run(folder, plan, lock, progress.tell)
        except KeyboardInterrupt:
            print(f"perflab: interrupted; go on with: perflab run --resume --out {folder}", file=sys.stderr)
            code = INTERRUPTED
        except PerflabError as wrong:
            code = _complain(wrong)
        try:
            findings = _write_report(folder, args.json)
        except PerflabError as wrong:
            return code or _complain(wrong)
    return code or (FINDING if findings else GOOD)


def _ceilings_of_run(plan: Plan, quiet: bool) -> dict[str, Any] | None:
    """What this machine can do at most, as it is kept, or measured now where the plan explains."""
    from perflab import ceilings

    if quiet or not plan.explain:
        return ceilings.for_run(plan.threads, measure_missing=plan.explain)
    with _console(stderr=True).status("measuring what this machine can do at most"):
        return ceilings.for_run(plan.threads)


def _plan(args: argparse.Namespace, folder: Path) -> Plan:
    from perflab import against, grid
    from perflab import plan as plans

    chosen = grid.targets(args.targets)
    outside = {}
    for op, files in _outside(args.outside, args.targets).items():
        for implementation in files:
            chosen[op] = (*chosen[op], implementation.technique)
            outside[f"{op}/{implementation.technique}"] = str(Path(implementation.source).resolve())
    if args.against:
        for name, path in against.columns(chosen, *against.extract(args.against, folder)).items():
            op, _, column = name.partition("/")
            chosen[op] = (*chosen[op], column)
            outside[name] = path
    homes = {}
    for op in chosen:
        for column in grid.columns_of_peers(op, args.peer):
            chosen[op] = (*chosen[op], column)
            homes[column] = grid.home(column)
    return plans.make(
        chosen,
        args.preset or plans.DEFAULT_PRESET,
        cases=args.case,
        dtypes=args.dtype,
        threads=_threads(args.threads) or (1,),
        outside=outside,
        homes=homes,
        named=args.targets,
    )


def _threads(words: Sequence[str]) -> tuple[int, ...]:
    from perflab.machine import cores

    found = []
    for word in words:
        number = cores() if word == "all" else int(word) if word.isdecimal() else 0
        if not 1 <= number <= cores():
            raise PerflabError(f"--threads: {word!r}; wanted a number from 1 to {cores()}, or all")
        found.append(number)
    return tuple(dict.fromkeys(found))


def _run_folder(args: argparse.Namespace) -> Path:
    if not args.resume:
        folder: Path = args.out or Path("reports") / time.strftime("%Y%m%d-%H%M%S")
        return folder
    narrowed = (
        args.targets
        or args.preset
        or args.case
        or args.dtype
        or args.threads
        or args.outside
        or args.peer
        or args.against
    )
    if narrowed:
        raise PerflabError(
            "--resume: goes on with the run as it was begun; wanted no other choice beside --out"
        )
    if args.out:
        if not args.out.is_dir():
            raise PerflabError(f"{args.out}: no run here to resume")
        folder = args.out
        return folder
    found = sorted(Path("reports").glob("*/records.jsonl"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise PerflabError("--resume: no run under reports/; wanted --out DIR")
    return found[-1].parent


class _Progress:
    """A progress bar with the current cell and the time left, from what the measuring process tells."""

    def __init__(self, plan: Plan, blocks: int, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.fields[left]:>11}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=_console(stderr=True),
            disable=quiet,
        )
        self._task = self._bar.add_task("starting", total=blocks, left="")
        self._plain = None if quiet or self._bar.console.is_terminal else self._bar.console
        self._began = time.monotonic()
        self._done = 0
        self._total = blocks
        self._turns = plan.passes * len(plan.directions)
        self._next_line = 0.1

    def __enter__(self) -> _Progress:
        if self._plain is None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._plain is None:
            self._bar.stop()

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        kind = event["event"]
        if kind in ("block", "skip"):
            self._done += 1
        elif kind == "failure":
            where = (
                f"{event['operation']}/{event.get('technique') or '?'} on {event['case']} {event['dtype']}"
            )
            self._bar.console.print(f"{where}: {event['reason']}", style="red", highlight=False, markup=False)
        if kind in ("evidence", "memory"):
            doing = "gathering the evidence" if kind == "evidence" else "counting the memory of large cases"
            self._bar.update(self._task, description=doing)
        if kind == "compile":
            self._bar.update(self._task, description=f"compiling {event['name']}, {event['left']} left")
        if kind in ("prepare", "start"):
            doing = "verifying " if kind == "prepare" else ""
            direction = "" if kind == "prepare" else f" {event['direction']}"
            cell = f"{event['operation']}/{event['technique']} {event['case']} {event['dtype']}{direction}"
            self._bar.update(self._task, description=doing + cell)
        spent = time.monotonic() - self._began
        left = ""
        if self._done and spent > 3:
            seconds = spent / self._done * max(self._total - self._done, 0)
            left = f"{int(seconds // 60)}:{int(seconds % 60):02d} left"
        self._bar.update(self._task, completed=self._done, left=left)
        if self._plain is not None and self._total and self._done / self._total >= self._next_line:
            self._plain.print(
                ", ".join(filter(None, [f"{self._done} of {self._total} blocks", left])), highlight=False
            )
            self._next_line = self._done / self._total + 0.1


def _report(args: argparse.Namespace) -> int:
    return FINDING if _write_report(args.folder, args.json) else GOOD


def _write_report(folder: Path, as_json: bool) -> int:
    """Make the report, print the table; how many findings it holds."""
    from perflab import machine

    machine.prepare_matplotlib()
    from perflab import records, report

    run = records.read(folder)
    summary = report.summarise(run)
    if run.torn:
        print(f"perflab: {folder}: the last line was cut short and is left out", file=sys.stderr)
    console = _console(stderr=as_json)
    with console.status("writing the report"):
        written = report.write(run, summary)
    if as_json:
        _print_json(report.to_json(summary))
    else:
        _print_summary(console, summary)
        console.print(f"report: {written}", highlight=False, soft_wrap=True)
    return len(summary.findings)


def _print_summary(console: Console, summary: Any) -> None:
    from perflab.report import words

    for block in words.terminal_tables(summary):
        table = _table(*block.head, right=tuple(range(1, len(block.head))))
        table.title = block.title
        table.title_justify = "left"
        for row in block.rows:
            table.add_row(*row)
        console.print(table)
    for line in words.closing_lines(summary):
        console.print(line, highlight=False, markup=False)


# ---------------------------------------------------------------------------------------------- selfcheck


def _selfcheck(args: argparse.Namespace) -> int:
    import contextlib
    import tempfile
    from dataclasses import asdict

    from perflab import machine, records, selfcheck
    from perflab import plan as plans

    with contextlib.ExitStack() as held:
        temporary = args.out is None
        folder = Path(held.enter_context(tempfile.TemporaryDirectory())) if temporary else args.out
        lock = held.enter_context(records.lock(folder))
        wanted = [selfcheck.contest_plan(folder)]
        if machine.cores() > 1:
            wanted.append(selfcheck.carry_plan(folder))
        total = sum(map(plans.size, wanted))
        progress = held.enter_context(_Progress(wanted[0], total, quiet=args.json))
        fitness = selfcheck.check(folder, lock, progress.tell)
    selfcheck.keep(fitness)
    if args.json:
        _print_json(asdict(fitness) | {"reasons": fitness.reasons})
    else:
        console = _console()
        table = _table("self-check", "found", "wanted", "")
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

    if len(args.sides or ()) != 2:
        raise PerflabError(f"compare: got {len(args.sides or ())} results; wanted two, BASE and NEW")
    if args.json and args.markdown == "-":
        raise PerflabError("--markdown -: --json prints already; wanted a FILE")
    machine.prepare_matplotlib()
    from perflab.report import compare, sides

    allowed = compare.thresholds(args.allowed or ())
    base, new = map(sides.read, args.sides)
    held = compare.compare(base, new, allowed=allowed, anyway=args.anyway)
    written = []
    if args.markdown not in (None, "-"):
        written.append(_write_text(Path(args.markdown), compare.markdown(held, args.all)))
    if args.html:
        written.append(_write_text(args.html, compare.html(held)))
    if args.json:
        _print_json(compare.to_json(held))
    elif args.markdown == "-":
        print(compare.markdown(held, args.all))
    else:
        _print_comparison(held, args.all, written)
    if held.unfit and allowed:  # nothing could be held to a threshold: that is not good
        return UNFIT
    return FINDING if held.failed else GOOD


def _print_comparison(held: Any, whole: bool, written: Sequence[Path]) -> None:
    from rich.text import Text

    from perflab.report import compare

    colours = {"SLOWER": "red", "FASTER": "green", "UNMEASURABLE": "red"}
    console = _console()
    for line in compare.banner(held):
        console.print(line, style="bold red", highlight=False, markup=False, soft_wrap=True)
    shown = compare.table(held, whole)
    table = _table(*shown.head, right=(1, 2, 3))
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in shown.rows:
        colour = colours.get(row[-1].partition(",")[0], "")
        table.add_row(*map(Text, row[:-1]), Text(row[-1], style=colour))
    console.print(shown.title, highlight=False, markup=False, soft_wrap=True)
    if shown.rows:
        console.print(table)
    for line in compare.closing_lines(held, None if whole else MOST_NAMED):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for path in written:
        console.print(f"written: {path}", highlight=False, markup=False, soft_wrap=True)


def _write_text(path: Path, text: str) -> Path:
    from perflab.records import full_or

    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise full_or(error, path) from error
    return path


# ------------------------------------------------------------------------------------------------ machine


def _machine(args: argparse.Namespace) -> int:
    from perflab import ceilings, machine

    described, measured = machine.environment(), None
    if not args.no_ceilings:
        with _console(stderr=True).status("measuring what this machine can do at most"):
            measured = ceilings.measure((1, machine.cores()))
        ceilings.keep(measured)
    if args.json:
        _print_json(described | ({"ceilings": measured} if measured else {}))
        return GOOD
    table = _table("machine", "")
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
    from perflab import ceilings

    console = _console()
    kinds = list(ceilings.MEANING)
    arithmetic = _table("GFLOP/s", "threads", "multiply-adds", "large product", right=(1, 2, 3))
    traffic = _table("GB/s", "threads", *(kind.replace("_", " ") for kind in kinds), right=range(1, 9))
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


def _table(*head: str, right: Sequence[int] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(head):
        table.add_column(name, justify="right" if position in right else "left", overflow="fold")
    return table


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
