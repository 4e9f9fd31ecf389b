"""`perflab run`: verify and time, into one folder of results."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perflab.cli import common, hosts, watch
from perflab.cli.common import GOOD, INTERRUPTED, USAGE
from perflab.cli.verbs import Commands
from perflab.cli.verbs.report import write_report
from perflab.contract import PerflabError

if TYPE_CHECKING:
    from perflab.run.request import Request

PLACE = 40
EXAMPLES = """
    perflab run
    perflab run --for 10m
    perflab run --preset smoke
    perflab run conv2d max_pool2d --threads 1 all
    perflab run conv2d --with mine.py
    perflab run conv2d --peer pythran cython torch_compile jax
    perflab run conv2d --size N=32 C=48 pad=1 --size N=32 C=96 pad=1
    perflab run conv2d --size N=8 --sweep C=16:512
    perflab run --preset peers --draw 40 --seed "$(git rev-parse HEAD)"
    perflab run max_pool2d --against HEAD~12..HEAD --for 5m
    perflab run --resume --for 5m
    perflab run --for 10m --dask tcp://10.0.0.1:8786
"""


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser("run", help="verify and time, into one folder of results", examples=EXAMPLES)
    common.add_targets(verb)
    verb.add_argument(
        "--preset",
        metavar="NAME",
        help="smoke, quick (the default), own (that of --with), sweep, full or peers",
    )
    about = "the time for all of it, compilation and report too: 90, 10m, 1h30m (100s; 50s for a sweep)"
    verb.add_argument("--for", dest="time", metavar="TIME", help=f"{about}; with --resume: so much more")
    verb._negative_number_matcher = re.compile(r"-\d")  # `--for -5s` is a wrong time, no option
    verb.add_argument("--baseline", metavar="NAME", help="the technique over which ratios are shown (naive)")
    common.add_list(verb, "--case", "NAME", "only these cases")
    common.add_sizes(verb)
    swept = "sizes of an axis: C=16:512 doubles, C=16:512:9 has nine; two axes make a grid"
    common.add_list(verb, "--sweep", "AXIS=FIRST:LAST", swept)
    drawn = "N shapes, shared by the operations, of and about the layers of public networks: the contest of"
    verb.add_argument("--draw", metavar="N", help=f"{drawn} --preset peers, with torch or each --peer")
    again = "with --draw: any text, which draws the same shapes again; by default a new one, which is told"
    verb.add_argument("--seed", metavar="TEXT", help=again)
    common.add_list(verb, "--dtype", "DTYPE", "float32, float64; the preset's by default")
    common.add_list(verb, "--threads", "N", "1 (the default), another number, all")
    verb.add_argument("--against", metavar="REV", help="also the same techniques of another commit, or of"
                      " each of a range A..B")  # fmt: skip
    others = (
        "torch, jax: also the versions of other projects; pythran, cython, torch_compile: other compilers"
    )
    common.add_list(verb, "--peer", "PROJECT", others)
    common.add_outside(verb)
    on = "a dask scheduler: measure on every host of its cluster, into DIR/HOST"
    verb.add_argument("--dask", metavar="ADDRESS", help=on)
    verb.add_argument("--out", type=Path, metavar="DIR", help="the folder; reports/DATE-TIME by default")
    verb.add_argument("--resume", action="store_true", help="continue the run in --out, or the newest")
    verb.add_argument("--json", action="store_true", help="print the table as JSON")
    verb.set_defaults(command=run, draws=True)


def run(args: argparse.Namespace) -> int:
    """Run once, or race files again at every save."""
    from perflab.run import drawing
    from perflab.run.request import Request, seconds_of

    common.settle_words(args)
    draw, seed = drawing.asked(args.draw, args.seed)
    request = Request(
        tuple(args.targets), args.preset or "", tuple(args.case), common.sizes_of(args), tuple(args.sweep),
        draw, seed, tuple(args.dtype), tuple(args.threads),
        files=tuple(args.outside), peers=tuple(args.peer), against=args.against or "",
        for_s=0.0 if args.time is None else seconds_of(args.time), baseline=args.baseline or "",
        limit_s=args.limit, out=args.out, resume=args.resume,
    )  # fmt: skip
    if args.dask is not None:
        if args.watch:
            raise PerflabError("--watch: races a file here; wanted no --dask")
        return hosts.run(request, args.dask, args.json)
    if not args.watch:
        return _once(request, args.json)
    if not request.files or request.resume or request.out:
        raise PerflabError(
            "--watch: races a file on a small case, saves nothing; wanted --with FILE, no --out"
        )
    return watch.repeat(lambda: _race(request), request.files)


def _once(request: Request, as_json: bool) -> int:
    from perflab import catalog, records
    from perflab.cli.show import results
    from perflab.report.progress import Progress
    from perflab.run.request import opened, settle

    printed, show = common.console(stderr=True), "failures" if as_json else "all"
    with printed.status("reading"):
        folder, plan, reviewed = settle(request)
    lacking = catalog.lacking_peers(request.peers)
    for line in lacking:
        common.tell_user(f"{line}; the run goes on without it")
    if plan.drawn:
        common.tell_user("; ".join([plan.drawn.words, *plan.drawn.without]))
    for commit, reason in plan.skipped.items():
        common.tell_user(f"{commit} is skipped: {reason}")
    if reviewed is not None and any(review.reason for review in reviewed.reviews):
        common.print_all(printed, results.reviews(reviewed))
    code = GOOD
    with opened(folder, plan, reviewed, request.resume, request.for_s) as measure:
        try:
            with Progress(records.read(folder), printed, show) as progress:
                measure(progress.tell)
        except KeyboardInterrupt:
            common.tell_user(f"interrupted; go on with: perflab run --resume --out {folder}")
            code = INTERRUPTED
        except PerflabError as error:
            code = common.complain(error)
        try:
            found = write_report(folder, as_json)
        except PerflabError as error:
            return code or common.complain(error)
    return code or found or (USAGE if lacking else GOOD)


def _race(request: Request) -> tuple[int, Sequence[Path]]:
    """Review the files and race them on one small case."""
    import tempfile
    from dataclasses import replace

    from perflab.cli.show import results
    from perflab.run import presets
    from perflab.run.request import settle

    began, printed = time.perf_counter(), common.console()
    with tempfile.TemporaryDirectory() as temporary:
        preset = request.preset or presets.WATCH_PRESET
        folder, plan, reviewed = settle(replace(request, preset=preset, out=Path(temporary) / "run"))
        assert reviewed is not None, "there is a file"
        common.print_all(printed, results.reviews(reviewed, time.perf_counter() - began))
        if all(review.reason for review in reviewed.reviews):
            return common.code_of(review.status for review in reviewed.reviews), reviewed.files
        summary = common.race(folder, plan, printed, reviewed)
    common.print_all(printed, results.summary(summary))
    return common.code_of(finding.status for finding in summary.findings), reviewed.files
