"""A sweep: times along the swept axis, how they grow, where one technique overtakes another, the caches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import combinations, product
from typing import Any

from perflab.report.summary import CellResult, Contest, Summary
from perflab.report.words import Table, exponent
from perflab.statistics import Passing, Scaling, on_log_axes, passings, scaling
from perflab.units import rounded

Points = list[tuple[int, CellResult]]  # by growing size
CACHES = ("L1", "L2", "L3")


@dataclass(frozen=True)
class Overtaking:
    """The size from which on `technique` is faster than `overtaken`, with its interval."""

    technique: str
    overtaken: str
    passing: Passing

    @property
    def words(self) -> str:
        """The size and its interval, with as many digits as tell its ends apart."""
        ends = self.passing.earliest, self.passing.latest
        digits = 2 if rounded(ends[0], 2) != rounded(ends[1], 2) else 3
        size, low, high = (rounded(value, digits) for value in (self.passing.size, *ends))
        return f"{size} [{low}, {high}]"


def is_line(summary: Summary) -> bool:
    """Whether the run is a sweep along one axis."""
    return len(summary.run.plan.swept) == 1


def sizes_of(summary: Summary, operation: str, axis: str) -> dict[str, int]:
    """The size of an axis in every case of a sweep."""
    return {case.name: case.sizes[axis] for case in summary.run.plan.sized.get(operation, ())}


def line(summary: Summary, contest: Contest, technique: str) -> Points:
    """A technique's figures along the swept axis, predictions too."""
    sizes = sizes_of(summary, contest[0], summary.run.plan.swept[0])
    figures = (f for f in summary.line(*contest, technique) if f.cell.case in sizes)
    return sorted(((sizes[f.cell.case], f) for f in figures), key=lambda point: point[0])


def measured(points: Points) -> Points:
    """Without the predictions."""
    return [(size, figure) for size, figure in points if not figure.predicted]


def growth(points: Points) -> Scaling | None:
    """How a technique's time grows with the swept size; None with fewer than two sizes."""
    known = measured(points)
    return scaling([size for size, _ in known], [figure.median_s for _, figure in known])


def overtakings(summary: Summary, contest: Contest) -> Iterator[Overtaking]:
    """Where every two techniques cross along the swept axis, with the interval of the place."""
    techniques = summary.run.plan.techniques[contest[0]]
    lines = {technique: measured(line(summary, contest, technique)) for technique in techniques}
    for first, second in combinations(techniques, 2):
        points = []
        for size, figure in lines[second]:
            ratio = summary.ratio(replace(figure.cell, technique=first), figure.cell)
            if ratio is not None:
                points.append((size, ratio))
        for passing in passings(*zip(*points, strict=True)) if len(points) > 1 else ():
            pair = (second, first) if passing.rises else (first, second)
            yield Overtaking(*pair, passing)


def caches(summary: Summary, contest: Contest) -> list[tuple[str, float]]:
    """The sizes of the swept axis at which the operation's bytes are as many as each of the machine's caches.

    The bytes are the compulsory ones: inputs and outputs. Only between the smallest and the largest size.
    """
    operation, dtype, _, direction = contest
    axis, cases = summary.run.plan.swept[0], summary.run.operations[operation].cases
    points = sorted(
        (cases[case].costs[dtype][direction].bytes, size)
        for case, size in sizes_of(summary, operation, axis).items()
    )
    return [(name, size) for name, held in held_by(summary) if (size := on_log_axes(points, held))]


def held_by(summary: Summary) -> list[tuple[str, int]]:
    """The machine's caches and their bytes, as far as they are known."""
    known: Any = summary.run.environment.get("caches")
    known = known if isinstance(known, Mapping) else {}
    found = [(name, known.get(name)) for name in CACHES]
    return [(name, size) for name, size in found if isinstance(size, int) and size > 0]


def growth_table(summary: Summary, operation: str) -> Table | None:
    """How each technique's time grows along the swept axis; None without two sizes, and for two axes."""
    plan = summary.run.plan
    if not is_line(summary):
        return None
    rows = []
    for technique, dtype, threads in product(plan.techniques[operation], plan.dtypes, plan.threads):
        contests = [(operation, dtype, threads, direction) for direction in plan.directions]
        fitted = [growth(line(summary, contest, technique)) for contest in contests]
        if known := [scaling for scaling in fitted if scaling]:
            sizes = " / ".join(dict.fromkeys(str(scaling.points) for scaling in known))
            rows.append((technique, dtype, str(threads), *map(exponent, fitted), sizes))
    head = ("technique", "dtype", "threads", *plan.directions, "sizes")
    title = f"How time grows: proportional to this power of {plan.swept[0]}, 95 % interval"
    return Table(title, head, tuple(rows)) if rows else None


def crossover_table(summary: Summary, operation: str) -> Table | None:
    """From which size on one technique is faster than another; None without any, and for two axes."""
    plan = summary.run.plan
    if not is_line(summary):
        return None
    rows = [
        (f"{each.technique} overtakes {each.overtaken}", dtype, str(threads), direction, each.words,
         f"{each.passing.low:.0f} and {each.passing.high:.0f}")
        for dtype, threads, direction in product(plan.dtypes, plan.threads, plan.directions)
        for each in overtakings(summary, (operation, dtype, threads, direction))
    ]  # fmt: skip
    head = ("crossover", "dtype", "threads", "direction", f"at {plan.swept[0]}, 95 % interval", "between")
    return Table(f"Crossovers along {plan.swept[0]}", head, tuple(rows)) if rows else None


def to_json(summary: Summary) -> dict[str, Any] | None:
    """Axis, exponents and crossovers of a sweep along one axis, as plain JSON; None without such a sweep."""
    plan = summary.run.plan
    if not is_line(summary):
        return None
    names = ("operation", "dtype", "threads", "direction")
    growths, crossed = [], []
    for contest in summary.contests():
        where = dict(zip(names, contest, strict=True))
        crossed += [
            {**where, "technique": each.technique, "overtaken": each.overtaken, **asdict(each.passing)}
            for each in overtakings(summary, contest)
        ]
        for technique in plan.techniques[contest[0]]:
            if fitted := growth(line(summary, contest, technique)):
                growths.append({**where, "technique": technique, **asdict(fitted)})
    return {"axis": plan.swept[0], "growths": growths, "crossovers": crossed}
