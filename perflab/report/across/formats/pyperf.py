"""pyperf's JSON: the values of each of its processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perflab.report.across.formats.fields import entries, known, mapping, moment, text
from perflab.report.across.timings import Gathered, Parts, Side

KIND = "pyperf"


def fits(document: Mapping[str, Any]) -> bool:
    """Whether a document has this form."""
    listed = entries(document.get("benchmarks"))
    return bool(listed) and all("runs" in mapping(entry) for entry in listed)


def side(path: str, document: Mapping[str, Any]) -> Side:
    """The benchmarks of a file. What is not measured in seconds is left out, as are warm-ups."""
    gathered = Gathered()
    shared = mapping(document.get("metadata"))
    others, when, seen = 0, None, shared
    for position, entry in enumerate(map(mapping, document["benchmarks"])):
        runs = [*map(mapping, entries(entry.get("runs")))]
        metadata = {**shared, **mapping(entry.get("metadata"))}
        first = mapping(runs[0].get("metadata")) if runs else {}
        seen, when = {**seen, **first, **metadata}, when or moment(first.get("date") or metadata.get("date"))
        name = text(metadata.get("name"))
        if not name:
            gathered.fault(f"benchmarks[{position}]", "lacks its name; was the file edited?")
        elif metadata.get("unit", "second") != "second":
            others += 1
        else:
            groups = [values for run in runs if len(values := entries(run.get("values")))]
            gathered.add(name, groups, None, name, parts=Parts((), name))
    environment = known(
        cpu=text(seen.get("cpu_model_name")),
        python=" ".join(
            filter(None, (_implementation(seen), text(seen.get("python_version")).split(" ")[0]))
        ),
        system=text(seen.get("platform")),
    )
    notes = [f"{others} of its benchmarks are not times and are left out"] if others else []
    return gathered.side(path, KIND, environment, when=when, notes=notes)


def _implementation(metadata: Mapping[str, Any]) -> str:
    name = text(metadata.get("python_implementation"))
    return {"cpython": "CPython", "pypy": "PyPy"}.get(name, name)
