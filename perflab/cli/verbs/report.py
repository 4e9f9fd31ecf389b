"""`perflab report`: the report of saved results."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab import errors
from perflab.cli import common
from perflab.cli.common import GOOD
from perflab.cli.verbs import Commands
from perflab.cli.verbs.train import print_training
from perflab.contract import PerflabError

if TYPE_CHECKING:
    from rich.console import Console

    from perflab.report import Summary

PLACE = 60


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "report", help="make the report of saved results again",
        examples="perflab report reports/NAME\nperflab report reports/NAME --figure ladder-conv2d-t1\n"
        "perflab report last --export github benchmarks.json",
    )  # fmt: skip
    verb.add_argument("folder", type=Path, metavar="DIR", help="the folder of a run or a training; a branch:"
                      " its newest run under reports/; last: the newest of all")  # fmt: skip
    verb.add_argument("--json", action="store_true", help="print the table as JSON")
    about = "the technique over which ratios are shown (the run's)"
    verb.add_argument("--baseline", metavar="NAME", help=about)
    common.add_list(verb, "--figure", "NAME", "only this figure, as SVG and PNG in the run's folder figures/")
    verb.add_argument("--export", nargs=2, action="append", default=[], metavar=("FORMAT", "FILE"),
                      help="only a file for another tool (- prints it): bmf (Bencher), github"
                      " (github-action-benchmark), csv")  # fmt: skip
    verb.set_defaults(command=report, draws=True)


def report(args: argparse.Namespace) -> int:
    """Make the page of a run or of a training again, or some figures or exports of a run."""
    from perflab import records

    if not args.folder.exists():
        args.folder = records.named(str(args.folder)) or args.folder
    if (args.folder / "training.json").is_file():
        return _report_training(args)
    if args.export:
        return _export(args.folder, args.export, args.baseline or "")
    if args.figure:
        return _write_figures(args.folder, args.figure, args.baseline or "", args.json)
    return write_report(args.folder, args.json, args.baseline or "")


def _report_training(args: argparse.Namespace) -> int:
    from perflab.learn.training import page

    for name in ("figure", "baseline", "export"):
        if getattr(args, name):
            raise PerflabError(f"{args.folder}: a training, which is reported as a whole; wanted no --{name}")
    saved = page.read(args.folder)
    return print_training(saved, page.write(args.folder, saved), args.json)


def _write_figures(folder: Path, names: list[str], baseline: str, as_json: bool) -> int:
    """Draw only the named figures and print their paths."""
    from perflab import records, report
    from perflab.report import figures, svg

    summary = report.summarise(records.read(folder), baseline)
    known = figures.names(summary)
    for name in names:
        if name not in known:
            raise PerflabError(errors.unknown("figure", name, known))
    written: list[str] = []
    for name in names:
        drawn = figures.drawn(summary, name)
        if drawn is None:
            raise PerflabError(f"{folder}: nothing was measured yet that {name} could show")
        written += map(str, svg.write(drawn, summary.run.folder / "figures"))
    common.print_answer(as_json, written, written)
    return GOOD


def _export(folder: Path, wanted: list[list[str]], baseline: str) -> int:
    """Write a run in the formats of other tools; the exit code for its findings."""
    from perflab import records, report
    from perflab.records import kinds
    from perflab.report.export import EXPORTS

    for name, _ in wanted:
        if name not in EXPORTS:
            raise PerflabError(errors.unknown("format of --export", name, EXPORTS))
    run = records.read(folder)
    summary = report.summarise(run, baseline)
    for state in run.of_kind(kinds.Fitness):
        if state.state == "unfit":
            common.tell_user(
                f"warning: {folder}: its machine was unfit to measure: {'; '.join(state.reasons)}"
            )
    if all(figure.predicted for figure in summary.figures.values()):
        raise PerflabError(f"{folder}: nothing was measured yet that could be exported")
    for name, file in wanted:
        text = EXPORTS[name](summary)
        if file == "-":
            print(text, end="")
        else:
            common.tell_user(f"written: {common.write_text(Path(file), text)}")
    return common.code_of(finding.status for finding in summary.findings)


def write_report(folder: Path, as_json: bool, baseline: str = "") -> int:
    """Make a run's report, print its tables; the exit code for its findings.

    Ratios are over the `baseline`, by default the run's own.
    """
    from perflab.cli.show import results

    summary, written = written_report(folder, common.console(stderr=as_json), baseline)
    if as_json:
        common.print_json(plain(summary))
    else:
        common.print_all(common.console(), [*results.summary(summary), f"report: {written}"])
    return common.code_of(finding.status for finding in summary.findings)


def written_report(folder: Path, printed: Console, baseline: str = "") -> tuple[Summary, Path]:
    """The summary of a run, and the report that was made of it, with its progress on a console."""
    from perflab import records, report
    from perflab.catalog import sources

    run = records.read(folder)
    summary = report.summarise(run, baseline)
    if run.torn:
        common.tell_user(f"{folder}: the last line is incomplete and is ignored")
    with common.step_bar(printed, "writing the report") as tell:
        return summary, report.write(run, summary, tell, installed=sources.of_today(run))


def plain(summary: Summary) -> dict[str, Any]:
    """A run's table as JSON, with its readings."""
    from perflab import report
    from perflab.report.why import reading

    readings = [asdict(each) for each in reading.readings(summary)]
    return report.to_json(summary) | ({"readings": readings} if readings else {})
