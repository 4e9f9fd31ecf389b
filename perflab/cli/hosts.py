"""`perflab run --dask`: a run on every host of a cluster, its progress, reports and common table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perflab.cli import common
from perflab.cli.common import GOOD, INTERRUPTED, USAGE
from perflab.cli.verbs.report import plain, written_report
from perflab.contract import PerflabError

if TYPE_CHECKING:
    from perflab.run.request import Request


def run(request: Request, address: str, as_json: bool) -> int:
    """Measure on every host, then make the reports: nothing runs beside a measurement."""
    from perflab.run.workers import hosts

    if request.resume and request.out is None:
        raise PerflabError("--resume: wanted --out DIR, the folder with a run a host")
    out = request.out or Path("reports") / time.strftime("%Y%m%d-%H%M%S")
    again = f"go on with: perflab run --resume --out {out} --dask {address}"
    blocks = Counter[str]()
    with common.console(stderr=True).status(f"asking {address}") as status:

        def tell(host: str, event: Mapping[str, Any]) -> None:
            if event["event"] == "block":
                blocks[host] += 1
                status.update(" · ".join(f"{host}: {count} blocks" for host, count in sorted(blocks.items())))

        try:
            outcomes = hosts.measure(address, request, out, tell)
        except KeyboardInterrupt:
            common.tell_user(f"interrupted; {again}")
            return INTERRUPTED
    for outcome in outcomes:
        common.tell_user(f"{outcome.host}: {outcome.reason or f'measured, {blocks[outcome.host]} blocks'}")
    lacking = any(outcome.reason for outcome in outcomes)
    if lacking:
        common.tell_user(again)
    found = _report({outcome.host: outcome.folder for outcome in outcomes}, as_json)
    return USAGE if lacking else found


def _report(folders: Mapping[str, Path], as_json: bool) -> int:
    """Make the report of each host that has records, print their tables, and which technique wins where."""
    from perflab import records
    from perflab.cli.show import results
    from perflab.cli.show.table import of_words
    from perflab.report.across import hosts

    printed, summaries, code = common.console(stderr=as_json), {}, GOOD
    for host, folder in folders.items():
        if not (folder / records.RECORDS).is_file():
            continue
        try:
            summary, written = written_report(folder, printed)
        except PerflabError as error:
            code = common.complain(error)
            continue
        summaries[host] = summary
        if not as_json:
            common.print_all(printed, [f"{host}:", *results.summary(summary), f"report: {written}"])
    if as_json:
        common.print_json({"hosts": {host: plain(summary) for host, summary in summaries.items()}})
    elif (won := hosts.winners(summaries)) is not None:
        common.print_all(printed, [of_words(won)])
    findings = (finding.status for summary in summaries.values() for finding in summary.findings)
    return code or common.code_of(findings)
