"""pytest-benchmark's JSON, of perflab's own suite or of any project: medians, and every round where saved."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from perflab.contract import Cell
from perflab.report.across.formats.fields import entries, known, mapping, moment, text
from perflab.report.across.timings import Gathered, Parts, Side, wrong

KIND = "pytest-benchmark"
# A block of perflab's own suite: OP/TECHNIQUE/CASE/DTYPE/DIRECTION/tN, then /PROCESS.PASS for a single block.
OWN = re.compile(r"::test_block\[((?:[^/\]]+/){5}t\d+)(?:/(\d+)\.\d+)?\]$")


def fits(document: Mapping[str, Any]) -> bool:
    """Whether a document has this form."""
    return isinstance(document.get("benchmarks"), list)


def side(path: str, document: Mapping[str, Any]) -> Side:
    """The cells of a file; what lacks its name, its statistics or a time is named and has no ratio."""
    gathered, blocks = Gathered(), _Blocks()
    for name, stats, reason in _benchmarks(document["benchmarks"]):
        if reason:
            gathered.fault(name, reason)
            continue
        data = stats.get("data") or ()
        if own := OWN.search(name):
            blocks.add(name, own, data)
        if own and own[2] and len(data):
            continue
        if own:
            gathered.add(own[1], [data], stats.get("median"), own[1].split("/")[0], cell=_cell(own[1]))
        else:
            parts = parts_of(name)
            known_parts = parts if "::" in name else None  # another tool's name in this form
            gathered.add(name, [data], stats.get("median"), parts.function, parts=known_parts)
    blocks.into(gathered)
    info, commit = mapping(document.get("machine_info")), mapping(document.get("commit_info"))
    revision = text(commit.get("id"))
    return gathered.side(
        path, KIND, _environment(info), when=moment(document.get("datetime")),
        commit="" if revision == "unversioned" else revision.removesuffix("+"),
        clean=not commit.get("dirty") and not revision.endswith("+"),
    )  # fmt: skip


def parts_of(name: str) -> Parts:
    """The parts of a test's full name.

    >>> parts_of("bench/test_a.py::TestB::test_c[1::2]")
    Parts(place=('bench', 'test_a.py', 'TestB'), function='test_c', parameters='[1::2]')
    """
    head, bracket, rest = name.partition("[")
    *place, function = re.split(r"/|::", head)
    return Parts(tuple(place), function, bracket + rest)


class _Blocks:
    """The single blocks of perflab's own suite, which are one cell: a benchmark a process and pass."""

    def __init__(self) -> None:
        self._times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._names: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}

    def add(self, name: str, own: re.Match[str], data: Any) -> None:
        """One block, if it is one."""
        if not (own[2] and len(data)):
            return
        self._names[name] += 1
        reason = wrong(data) or ("two benchmarks of this name" if self._names[name] > 1 else "")
        if reason:
            self._reasons[own[1]] = reason
        else:
            self._times[own[1]][own[2]].append(median(data))
        self._times.setdefault(own[1], defaultdict(list))

    def into(self, gathered: Gathered) -> None:
        """Add every cell."""
        for name, processes in self._times.items():
            if name in self._reasons:
                gathered.fault(name, self._reasons[name])
            else:
                gathered.add(name, [*processes.values()], None, name.split("/")[0], cell=_cell(name))


def _benchmarks(listed: Any) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Each benchmark's full name, its statistics, and what it lacks."""
    for position, benchmark in enumerate(entries(listed)):
        held = mapping(benchmark)
        name = text(held.get("fullname")) or text(held.get("name"))
        if not name:
            yield f"benchmarks[{position}]", {}, "lacks its fullname; was the file edited?"
            continue
        stats = held.get("stats")
        lost = not isinstance(stats, dict) or not stats.keys() & {"median", "data"}
        data = mapping(stats).get("data")
        whole = data is None or isinstance(data, (list, array))
        yield name, mapping(stats), "lacks its stats: the statistics are lost" if lost or not whole else ""


def _cell(name: str) -> Cell:
    operation, technique, case, dtype, direction, threads = name.split("/")
    return Cell(operation, case, dtype, int(threads[1:]), direction, technique)


def _environment(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """pytest-benchmark's machine_info under perflab's keys; perflab's own as it is."""
    cpu = info.get("cpu")
    if isinstance(cpu, str):
        return info
    python = text(info.get("python_version"))
    return known(
        cpu=mapping(cpu).get("brand_raw") or mapping(cpu).get("brand"),
        system=f"{info.get('system', '')} {info.get('release', '')}".strip(),
        python=python and f"{info.get('python_implementation', 'Python')} {python}",
    )
