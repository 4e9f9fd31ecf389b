"""Cases of one's own sizes: from words such as N=32 C=48 pad=1, or from a dict, and sweeps along axes.

What is left out comes from the operation's study case. The operation's own `derive` decides what fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from numbers import Integral, Real
from typing import Any

from perflab.catalog.cases import costs
from perflab.catalog.inputs import pairs
from perflab.contract import Argument, Case, Operation, PerflabError
from perflab.errors import reason, unknown
from perflab.records.sized import LARGEST, Sized
from perflab.units import power

MOST_POINTS, MOST_AXES = 64, 2
MOST_FLOPS = 2**60  # of a case: above, no counter holds it and no machine ends it
SIZE = "NAME=NUMBER, such as N=32"
SWEEP = "AXIS=FIRST:LAST or AXIS=FIRST:LAST:COUNT, such as C=16:512 or C=16:512:9"
Size = Mapping[str, Any]  # axes and parameters of a case, as typed or as numbers


@dataclass(frozen=True)
class Sweep:
    """The sizes of one axis in a sweep, ascending."""

    axis: str
    sizes: tuple[int, ...]


def size_of(words: Sequence[str]) -> dict[str, str]:
    """The words after one `--size`. Raises PerflabError for a word without a value and for a name twice."""
    given: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if not (name and value):
            raise PerflabError(f"--size: {word!r}; wanted {SIZE}")
        if name in given:
            raise PerflabError(f"--size: {name} is given twice; wanted it once")
        given[name] = value
    return given


def sweep_of(word: str) -> Sweep:
    """A word after `--sweep`: doubling from the first to the last size, or so many in equal ratios.

    >>> sweep_of("C=16:128").sizes, sweep_of("C=16:100").sizes, sweep_of("C=10:1000:3").sizes
    ((16, 32, 64, 128), (16, 32, 64, 100), (10, 100, 1000))
    """
    axis, _, numbers = word.partition("=")
    first, last, count = (*numbers.split(":"), "", "")[:3]
    if not axis or numbers.count(":") not in (1, 2) or (numbers.count(":") == 2 and not count):
        raise PerflabError(f"--sweep: {word!r}; wanted {SWEEP}")
    low, high = (_whole(f"--sweep: {word}: {end!r}", end, 1) for end in (first, last))
    if low >= high:
        raise PerflabError(f"--sweep: {word}: an empty sweep; wanted a first size below the last")
    if not count:
        doubled = [low << step for step in range((high // low).bit_length())]
        return Sweep(axis, (*(size for size in doubled if size < high), high))
    points = _whole(f"--sweep: {word}: {count!r} sizes", count, 2, MOST_POINTS)
    ratio = (high / low) ** (1 / (points - 1))
    return Sweep(axis, tuple(dict.fromkeys(round(low * ratio**step) for step in range(points))))


def own_case(described: Operation, given: Size) -> Case:
    """The case of these sizes and parameters; the others are those of the study case.

    Raises PerflabError, in one line, for a name that is no axis and no parameter, for a number that is none,
    and for what the operation's `derive` refuses.
    """
    study = described.case(described.study_case)
    arguments = {a.name: a for a in described.arguments.values() if a.kind in ("pair", "scalar")}
    names = [*study.sizes, *arguments]
    if not given:
        raise PerflabError(f"{described.name}: no size is given; wanted some of {', '.join(names)}")
    for name in given:
        if name not in names:
            raise PerflabError(f"{described.name}: {unknown('axis or parameter', name, names)}")
    sizes = dict(study.sizes)
    for axis in (name for name in given if name in sizes):
        sizes[axis] = _whole(f"{described.name}: {axis}={given[axis]}", given[axis], 1)
    parameters = {}
    for name, argument in arguments.items():
        usual = study.parameters.get(name, argument.default if argument.kind == "pair" else 0.0)
        parameters[name] = _parameter(described, argument, given.get(name, usual))
    case = Case(Sized(sizes, parameters).name, sizes, parameters)
    _check(described, case)
    return case


def own_cases(described: Operation, sizes: Sequence[Size], sweeps: Sequence[Sweep] = ()) -> tuple[Case, ...]:
    """The cases of several sizes, or of a sweep over one of them, each once, by growing work.

    Raises PerflabError as `own_case` does, and for a sweep that is none.
    """
    given = list(sizes)
    if sweeps:
        given = _points(described, sizes, sweeps)
    cases = {case.name: case for case in (own_case(described, size) for size in given)}
    return by_work(described, cases.values())


def by_work(described: Operation, cases: Iterable[Case]) -> tuple[Case, ...]:
    """Cases by growing work."""
    return tuple(sorted(cases, key=lambda case: costs(described, case, "float32")["step"].flops))


def with_cases(described: Operation, own: Sequence[Case]) -> Operation:
    """The operation with further cases, to be timed and to be checked."""
    further = {case.name: case for case in own}
    return replace(described, cases={**described.cases, **further}, checks={**described.checks, **further})


def _points(described: Operation, sizes: Sequence[Size], sweeps: Sequence[Sweep]) -> list[Size]:
    """The sizes of a sweep, one after another."""
    axes, known = [sweep.axis for sweep in sweeps], described.case(described.study_case).sizes
    if len(sizes) > 1:
        raise PerflabError(f"--size: {len(sizes)} with --sweep; wanted one at most, which the sweep changes")
    if len(axes) > MOST_AXES:
        raise PerflabError(f"--sweep: {len(axes)} axes ({', '.join(axes)}); wanted one or two")
    for axis in axes:
        where = f"{described.name}: --sweep {axis}"
        if axis in described.arguments and axis not in known:
            raise PerflabError(f"{where}: a parameter, not an axis; wanted one of {', '.join(known)}")
        if axis not in known:
            raise PerflabError(f"{described.name}: {unknown('axis', axis, known)}")
        if axes.count(axis) > 1:
            raise PerflabError(f"{where}: swept twice; wanted each axis once")
        if any(axis in size for size in sizes):
            raise PerflabError(f"{where}: given by --size too; wanted it swept or given")
    count = math.prod(len(sweep.sizes) for sweep in sweeps)
    if count > MOST_POINTS:
        raise PerflabError(f"--sweep: {count} points; wanted at most {MOST_POINTS}")
    base: Size = sizes[0] if sizes else {}
    grid = product(*(sweep.sizes for sweep in sweeps))
    return [{**base, **dict(zip(axes, point, strict=True))} for point in grid]


def _check(described: Operation, case: Case) -> None:
    """Raise PerflabError for sizes that the operation refuses, and for those that nothing could compute."""
    try:
        described.derive(case.sizes, pairs(described, case))
        flops = costs(described, case, "float32")["step"].flops
    except ValueError as error:
        raise PerflabError(f"{described.name}: {error}") from error
    except Exception as error:  # of an operation that is not ours
        raise PerflabError(f"{described.name}, {case.name}: {reason(error)}") from error
    if flops >= MOST_FLOPS:
        raise PerflabError(
            f"{described.name}, {case.name}: {flops:.1e} operations; wanted below {power(MOST_FLOPS)}"
        )


def _parameter(described: Operation, argument: Argument, value: Any) -> Any:
    """A parameter's value: a real number, or an int or two."""
    where = f"{described.name}: {argument.name}={value}"
    if argument.kind == "scalar":
        return _real(where, value)
    both = value.replace(",", "x").split("x") if isinstance(value, str) else value
    both = (both,) if isinstance(both, Integral) or not isinstance(both, (list, tuple)) else tuple(both)
    wanted = f"a whole number from {argument.minimum} to {LARGEST}, or two of them, such as 2x1"
    if len(both) not in (1, 2):
        raise PerflabError(f"{where}; wanted {wanted}")
    numbers = [_whole(where, each, argument.minimum, wanted=wanted) for each in both]
    return numbers[0] if numbers[0] == numbers[-1] else tuple(numbers)


def _whole(where: str, value: Any, least: int, most: int = LARGEST, wanted: str = "") -> int:
    """A whole number, as typed or as a number. Raises PerflabError for anything else."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else None
    if not isinstance(value, Integral) or isinstance(value, bool) or not least <= int(value) <= most:
        raise PerflabError(f"{where}; wanted {wanted or f'a whole number from {least} to {most}'}")
    return int(value)


def _real(where: str, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, (str, Real)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise PerflabError(f"{where}; wanted a finite real number")
    return number
