"""A contest on drawn shapes: what is asked for, its cases, its contenders, its peers."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from perflab import catalog
from perflab.catalog import draw
from perflab.catalog.networks import LEFT_OUT
from perflab.catalog.sizes import by_work
from perflab.contract import AUTO, Case, PerflabError
from perflab.records.drawn import MOST_DRAWN, Drawn

if TYPE_CHECKING:
    from perflab.run.request import Request

Techniques = dict[str, tuple[str, ...]]
Cases = dict[str, tuple[Case, ...]]
PRESET, PEERS = "peers", ("torch",)  # where none is named
LONGEST_SEED = 100  # characters


def asked(count: str | int | None, seed: str | int | None) -> tuple[int, str]:
    """The number of shapes, 0 for none, and the seed; where none is given, a new one.

    Raises PerflabError for what is no such number, for a seed without it, and for one that is no short text.
    """
    if count is None:
        if seed is not None:
            raise PerflabError(f"--seed: {seed!r}; wanted --draw N, whose shapes it decides")
        return 0, ""
    word = str(count)
    number = int(word) if word.isascii() and word.isdecimal() and len(word) < 20 else 0
    if not 1 <= number <= MOST_DRAWN:
        raise PerflabError(f"--draw: {count!r}; wanted a whole number from 1 to {MOST_DRAWN}")
    text = secrets.token_hex(4) if seed is None else str(seed)
    if not (text.strip() and text.isprintable() and len(text) <= LONGEST_SEED):
        raise PerflabError(f"--seed: {seed!r}; wanted a text of 1 to {LONGEST_SEED} characters in one line")
    return number, text


def check(request: Request) -> None:
    """Raise PerflabError for what drawn shapes are not asked for together with, and without any peer."""
    if request.preset not in ("", PRESET):
        raise PerflabError(f"--draw: with --preset {request.preset}; wanted --preset {PRESET}, or none")
    for option, given in (("size", request.sizes), ("sweep", request.sweeps), ("case", request.cases)):
        if given:
            raise PerflabError(f"--draw: with --{option}; wanted one of them: both choose the cases")
    _check_operations(request, {target.partition("/")[0] for target in request.targets})
    peers(request)


def _check_operations(request: Request, names: Collection[str]) -> None:
    """Raise PerflabError for an operation without layers in the table, and for too few shapes."""
    known = draw.operations()
    for name in names:
        if name not in known:
            raise PerflabError(f"--draw: no layers of {name} are known; wanted some of {', '.join(known)}")
    if request.draw < len(names or known):
        every = f"{len(names or known)} operations"
        raise PerflabError(f"--draw: {request.draw} for {every}; wanted at least one for each")


def settle(request: Request, chosen: Techniques) -> tuple[Techniques, Cases, Drawn]:
    """The techniques and the cases of each operation, and what the plan says of these.

    Where no operation is named: of those with layers in the table. Raises PerflabError as `check` does.
    """
    known = draw.operations()
    names = tuple(name for name in chosen if name in known or request.targets)
    _check_operations(request, names)
    shapes = {
        name: draw.draw(name, count, request.seed) for name, count in draw.shared(request.draw, names).items()
    }
    origins = {name: {shape.case.name: shape.origin for shape in some} for name, some in shapes.items()}
    left_out = LEFT_OUT if "conv2d" in names else ()
    cases = {
        name: by_work(catalog.operation(name), (shape.case for shape in some))
        for name, some in shapes.items()
    }
    techniques = {name: _contenders(name, chosen[name], request.targets) for name in names}
    return techniques, cases, Drawn(request.draw, request.seed, origins, left_out)


def _contenders(op: str, techniques: tuple[str, ...], named: Iterable[str]) -> tuple[str, ...]:
    """Where a rung chooses among the others: this one, and those that are `named`."""
    kept = {*named} | {f"{op}/{AUTO}"}
    return tuple(t for t in techniques if f"{op}/{t}" in kept) if AUTO in techniques else techniques


def peers(request: Request) -> tuple[str, ...]:
    """The projects that are compared with. Raises PerflabError where none of them can run here."""
    projects = request.peers or PEERS
    lacking = catalog.lacking_peers(projects)
    if len(lacking) == len({*projects}):
        raise PerflabError(f"--draw: nothing to compare with: {'; '.join(lacking)}")
    return projects
