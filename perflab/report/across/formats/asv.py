"""asv's results of one commit: a median for each combination of parameters, and samples where recorded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import product, zip_longest
from typing import Any

from perflab.contract import PerflabError
from perflab.report.across.formats.fields import entries, known, mapping, text
from perflab.report.across.timings import Gathered, Parts, Side

KIND = "asv"
VERSION = 2  # of a file of results
TIMES = re.compile(r"(?:^|\.)(?:Time|time|timeraw)[^.]*$")  # asv's own rule for what measures seconds


def fits(document: Mapping[str, Any]) -> bool:
    """Whether a document has this form, or is another file of asv's."""
    results, keys = document.get("results"), document.keys()
    ours = isinstance(results, dict) and bool({"commit_hash", "result_columns"} & keys)
    return ours or _is_list_of_benchmarks(document)


def side(path: str, document: Mapping[str, Any]) -> Side:
    """The benchmarks of a file that measure time; the others are counted.

    Raises PerflabError for asv's list of benchmarks, and for results of another version than 2.
    """
    if _is_list_of_benchmarks(document):
        raise PerflabError(
            f"{path}: asv's list of benchmarks, which has no times; wanted MACHINE/COMMIT-ENV.json"
        )
    columns = document.get("result_columns")
    if document.get("version") != VERSION or not isinstance(columns, list):
        raise PerflabError(f"{path}: asv's results of version {document.get('version')!r}; wanted {VERSION}")
    gathered, others = Gathered(), 0
    for name, row in document["results"].items():
        if not TIMES.search(name):
            others += 1
            continue
        held = dict(zip(columns, entries(row), strict=False))
        _add(gathered, name, held)
    params = mapping(document.get("params"))
    environment = known(
        cpu=text(params.get("cpu")), cores_allowed=text(params.get("num_cpu")), system=text(params.get("os")),
        python=text(params.get("python")) and f"CPython {params['python']}.",
    )  # fmt: skip
    date = document.get("date")
    when = date / 1000 if isinstance(date, (int, float)) else None
    notes = [f"{others} of its benchmarks are not times and are left out"] if others else []
    return gathered.side(
        path, KIND, environment, when=when, commit=text(document.get("commit_hash")), notes=notes
    )


def _add(gathered: Gathered, name: str, held: Mapping[str, Any]) -> None:
    """Every combination of a benchmark's parameters as a cell."""
    axes = [entries(axis) for axis in entries(held.get("params"))]
    result, samples = held.get("result"), held.get("samples")
    combinations = [*product(*axes)]
    listed: list[Any] = [*entries(result)]
    if not listed:  # asv saves null where a benchmark failed as a whole
        listed = [None] * len(combinations)
    recorded = entries(samples)
    *place, function = name.split(".")
    for combination, value, times in zip_longest(combinations, listed, recorded[: len(combinations)]):
        if combination is None:
            gathered.fault(name, "its results do not fit its parameters")
            continue
        parameters = f"({', '.join(map(str, combination))})" if combination else ""
        parts = Parts(tuple(place), function, parameters)
        times = entries(times)
        if value is None or (isinstance(value, float) and math.isnan(value) and not len(times)):
            gathered.fault(name + parameters, "it failed or was skipped")
        else:
            problem = text(held.get("version")) or None
            gathered.add(name + parameters, [times], value, function, parts=parts, problem=problem)


def _is_list_of_benchmarks(document: Mapping[str, Any]) -> bool:
    others = [value for key, value in document.items() if key != "version"]
    return bool(others) and all({"code", "name", "param_names"} <= mapping(value).keys() for value in others)
