"""Runs on several machines: which technique is the fastest on each, at what share of its roof."""

from __future__ import annotations

from collections.abc import Mapping

from perflab import records
from perflab.report.across.several import Several
from perflab.report.summarise import summarise
from perflab.report.summary import Summary
from perflab.report.tables import roof_words
from perflab.report.words import Table, time

HEAD = ("operation", "case", "dtype", "threads")


def winners(runs: Mapping[str, Summary]) -> Table | None:
    """A column a machine, by its name; None with fewer than two, or where nothing was measured.

    Of each plan's last direction. A technique that one of the machines has not measured on a case does not
    count there. Shares are of each machine's own roof, which its ceilings give.
    """
    found: dict[tuple[str, str, str, str], dict[str, dict[str, tuple[float, str]]]] = {}
    for host, summary in runs.items():
        for figure in summary.measured(direction=summary.run.plan.directions[-1]):
            c, limit = figure.cell, summary.roof(figure)
            share = f" {roof_words(summary, figure)[0]} of the roof," if limit else ""
            words = f"{c.technique},{share} {time(figure)}"
            where = (c.operation, summary.label(c.operation, c.case), c.dtype, str(c.threads))
            found.setdefault(where, {}).setdefault(host, {})[c.technique] = (figure.median_s, words)
    rows: list[tuple[str, ...]] = []
    for where, by_host in found.items():
        common = set.intersection(*(set(by_host.get(host, ())) for host in runs))
        if common:
            best = (min(by_host[host][name] for name in common)[1] for host in runs)
            rows.append((*where, *best))
    if len(runs) < 2 or not rows:
        return None
    return Table("The fastest technique on each machine", (*HEAD, *runs), tuple(rows))


def of_compared(several: Several) -> Table | None:
    """The same of results that are compared, where they are runs of machines that differ."""
    runs = dict(zip(several.names, several.sides, strict=True))
    if not any(pair.differences for pair in several.pairs) or any(s.kind != "run" for s in runs.values()):
        return None
    return winners({name: summarise(records.read(side.path)) for name, side in runs.items()})
