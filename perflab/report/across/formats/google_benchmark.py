"""Google Benchmark's JSON: a time a repetition, or only medians where aggregates alone were reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from typing import Any

from perflab.records.typed import shown
from perflab.report.across.formats.fields import entries, known, mapping, moment, text
from perflab.report.across.timings import Gathered, Parts, Side

KIND = "Google Benchmark"
UNITS_S = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def fits(document: Mapping[str, Any]) -> bool:
    """Whether a document has this form."""
    listed = entries(document.get("benchmarks"))
    return isinstance(document.get("context"), dict) and not any("stats" in mapping(e) for e in listed[:1])


def side(path: str, document: Mapping[str, Any]) -> Side:
    """The cells of a file. Repetitions of a benchmark are its times; its CPU time is not used."""
    gathered = Gathered()
    repetitions: dict[tuple[str, Hashable], list[Any]] = {}
    medians: dict[tuple[str, Hashable], Any] = {}
    seen: Counter[str] = Counter()
    listed = [*map(mapping, entries(document.get("benchmarks")))]
    names = {text(entry.get("name")) for entry in listed}
    for position, entry in enumerate(listed):
        aggregate = _aggregate(entry, names)
        name = text(entry.get("run_name")) or text(entry.get("name")).removesuffix(f"_{aggregate}")
        which: Hashable = (entry.get("family_index"), entry.get("per_family_instance_index"))
        if not name:
            gathered.fault(f"benchmarks[{position}]", "lacks its name; was the file edited?")
        elif entry.get("error_occurred") or entry.get("skipped"):
            message = entry.get("error_message") or entry.get("skip_message") or "no message"
            gathered.fault(name, f"it failed: {shown(message)}")
        elif aggregate:
            medians[name, which] = _seconds(entry) if aggregate == "median" else medians.get((name, which))
        else:
            if "repetition_index" not in entry:  # without it two of one name are two, as far as one knows
                seen[name] += 1
                which = seen[name]
            repetitions.setdefault((name, which), []).append(_seconds(entry))
    for (name, _), values in repetitions.items():
        gathered.add(name, [values], None, _parts(name).function, parts=_parts(name))
    repeated = {name for name, _ in repetitions}
    for (name, _), value in medians.items():
        if name not in repeated:
            gathered.add(name, [], value, _parts(name).function, parts=_parts(name))
    context = mapping(document.get("context"))
    environment = known(cores_allowed=context.get("num_cpus"), system=text(context.get("host_name")))
    return gathered.side(path, KIND, environment, when=moment(context.get("date")))


def _aggregate(entry: Mapping[str, Any], names: Collection[str]) -> str:
    """Which aggregate an entry is: "median", "mean" or another; empty for a repetition.

    Old files tell it by the end of the name alone.
    """
    if "run_type" in entry:
        return text(entry.get("aggregate_name")) if entry["run_type"] == "aggregate" else ""
    name, _, end = text(entry.get("name")).rpartition("_")
    return end if end in ("mean", "median", "stddev", "cv") and name in names else ""


def _seconds(entry: Mapping[str, Any]) -> Any:
    """The real time in seconds; what is no number, or has another unit, as it is."""
    value, unit = entry.get("real_time"), text(entry.get("time_unit")) or "ns"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "no real_time" if value is None else value
    return value * UNITS_S[unit] if unit in UNITS_S else f"{value} {unit}"


def _parts(name: str) -> Parts:
    function, slash, parameters = name.partition("/")
    return Parts((), function, slash + parameters)
