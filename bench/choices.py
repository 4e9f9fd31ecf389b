"""What `auto` loses to the best technique, on drawn shapes; and the factors with which it loses least.

    python bench/choices.py measure FILE [OPERATION ...] [--threads 1] [--draw 20] [--seed S]
    python bench/choices.py loss FILE ... [--fit]

`measure` adds to FILE a line for every shape, dtype and direction: the least time of each technique. `loss`
says how much slower the rungs that are called are than the best technique: the geometric mean and the worst
cell, and beside it the same of each rung called everywhere. `--fit` prints factors with a smaller loss. Fit
them on the shapes of some seeds, and judge them on those of another.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perflab import catalog, errors
from perflab.catalog import draw, inputs
from perflab.catalog.inputs import pairs
from perflab.contract import AUTO, DTYPES, FIRST_RUNGS, Case, Implementation, PerflabError
from perflab.machine.threads import ALLOCATOR, POOLS, for_child

BOTH = ("forward", "backward")
LEAST_S, TURNS = 0.04, (3, 40)  # of a technique's calls on a shape; from so many turns to so many
BLOCK_S = 2e-3  # of a turn: threads that still wait for work from the turn before disturb a single call
FAR = 4.0, 1.5  # a technique this much behind at its first call, or in its first block, is not called again
GIVEN_UP = 8  # after so many lines in a row without it, a technique is not tried on further shapes
NEVER = 1e3  # the seconds that a rung is expected to take where it is not among the choices
SOFT = 0.03  # while factors are fitted, rungs whose costs are this near are each chosen in part
TRIES = 20000


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def measure(args: argparse.Namespace) -> None:
    """Time the techniques on each shape, in a process with pinned threads and a fixed allocator."""
    wanted = for_child(args.threads)
    if any(os.environ.get(name) != wanted[name] for name in (*POOLS, *ALLOCATOR)):
        os.execve(sys.executable, [sys.executable, *sys.argv], wanted)
    for operation in args.operations or draw.operations():
        choices = modules(operation)[0].RUNGS
        without = dict.fromkeys(catalog.techniques(operation), 0)  # lines in a row
        for name in (AUTO, *FIRST_RUNGS):
            without.pop(name, None)
        for shape in draw.draw(operation, args.draw, args.seed):
            for dtype in DTYPES:
                say(f"{operation} {shape.case.name} {dtype}")
                names = [name for name, lines in without.items() if lines < GIVEN_UP or name in choices]
                for line in timed(operation, shape.case, dtype, args.threads, names):
                    with args.file.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")
                    without |= {each: 0 if each in line["seconds"] else without[each] + 1 for each in names}


def timed(
    operation: str, case: Case, dtype: str, threads: int, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The least times of these techniques on one case, by direction; they take turns."""
    described = catalog.operation(operation)
    given = tuple(inputs.make(described, case, dtype).values())
    dout = inputs.upstream(described, case, dtype)
    for name in names:
        called(catalog.raw(operation, name), given, dout)  # is compiled here
    took = {name: [called(catalog.raw(operation, name), given, dout)] for name in names}
    took = {name: block(catalog.raw(operation, name), given, dout) for name in near(took, FAR[0])}
    took = {name: took[name] for name in near(took, FAR[1])}
    spent = 0.0
    for turn in range(TURNS[1]):
        if turn >= TURNS[0] and spent > LEAST_S * len(took):
            break
        for name in took:
            calls = block(catalog.raw(operation, name), given, dout)
            took[name] += calls
            spent += sum(map(sum, calls))
    parameters = pairs(described, case)
    for way, direction in enumerate(BOTH):
        yield {
            "operation": operation, "case": case.name, "dtype": dtype, "threads": threads,
            "direction": direction, "sizes": dict(described.derive(case.sizes, parameters)),
            "parameters": dict(parameters),
            "seconds": {name: min(each[way] for each in took[name]) for name in sorted(took)},
        }  # fmt: skip


def near(took: Mapping[str, list[tuple[float, float]]], far: float) -> list[str]:
    """The techniques that are at most `far` times as slow as the best one in a direction."""
    least = {name: [min(each[way] for each in calls) for way in (0, 1)] for name, calls in took.items()}
    best = [min(some[way] for some in least.values()) for way in (0, 1)]
    return [name for name, some in least.items() if any(some[way] < far * best[way] for way in (0, 1))]


def block(technique: Implementation, given: Sequence[Any], dout: Any) -> list[tuple[float, float]]:
    """Calls one after another, of which the first is not kept."""
    called(technique, given, dout)
    calls = [called(technique, given, dout)]
    while sum(map(sum, calls)) < BLOCK_S:
        calls.append(called(technique, given, dout))
    return calls


def called(technique: Implementation, given: Sequence[Any], dout: Any) -> tuple[float, float]:
    """Seconds of one call forward and of one backward."""
    began = time.perf_counter()
    _, cache = technique.forward(*given)
    middle = time.perf_counter()
    technique.backward(dout, cache)
    return middle - began, time.perf_counter() - middle


@dataclass(frozen=True)
class Cells:
    """Where an operation was measured: seconds of its rungs, and what their factors multiply there.

    `seconds` is (cells, rungs, ways), infinity where a rung was too far behind; `terms` is
    (cells, rungs, ways, terms); `best`, the least of all techniques, is (cells, 1, ways).
    """

    operation: str
    together: bool  # one rung does both directions
    rungs: tuple[str, ...]
    names: tuple[str, ...]
    seconds: np.ndarray
    terms: np.ndarray
    best: np.ndarray

    def chosen(self, factors: np.ndarray) -> np.ndarray:
        """(cells, ways): the rungs that are called with these factors, (rungs, ways, terms)."""
        costs = np.einsum("crwt,rwt->crw", self.terms, factors)
        if self.together:
            costs = np.broadcast_to(costs.sum(2, keepdims=True), costs.shape)
        return np.asarray(costs.argmin(axis=1))

    def losses(self, chosen: np.ndarray) -> np.ndarray:
        """(cells, ways): times as slow as the best technique."""
        return np.asarray(np.take_along_axis(self.seconds, chosen[:, np.newaxis], 1)[:, 0] / self.best[:, 0])

    def soft(self, factors: np.ndarray) -> float:
        """A smooth loss: also large ones weigh more, and so does how wrong the expected seconds are."""
        costs = np.maximum(np.einsum("crwt,rwt->crw", self.terms, factors), 1e-9)
        seconds, best = np.minimum(self.seconds, 3 * self.best), self.best
        wrong = np.log(costs / seconds) * (costs < NEVER / 2)
        if self.together:
            costs, seconds, best = (each.sum(2, keepdims=True) for each in (costs, seconds, best))
        share = (costs / costs.min(1, keepdims=True)) ** (-1 / SOFT)
        loss = (share / share.sum(1, keepdims=True) * np.log(seconds / best)).sum(1)
        return float(loss.mean() + 0.2 * (loss**2).mean() + 0.02 * (wrong**2).mean())


def cells_of(operation: str, lines: Sequence[Mapping[str, Any]]) -> Cells:
    """The cells in these lines; a term is what is expected where its factor is 1 and the others are 0."""
    module, home = modules(operation)
    rungs, kept = tuple(module.RUNGS), home.COSTS
    count = len(kept[rungs[0]]["forward"])
    places = {(e["case"], e["dtype"], e["threads"], e["direction"]): e for e in lines}
    names = tuple(dict.fromkeys(place[:3] for place in places))
    seconds, best = np.full((len(names), len(rungs), 2), np.inf), np.zeros((len(names), 1, 2))
    terms = np.full((*seconds.shape, count), NEVER)
    for at, name in enumerate(names):
        some = places[(*name, BOTH[0])]
        for way, direction in enumerate(BOTH):
            found = places[(*name, direction)]["seconds"]
            best[at, 0, way] = min(found.values())
            seconds[at, :, way] = [found.get(rung, np.inf) for rung in rungs]
        given = {each: tuple(v) if isinstance(v, list) else v for each, v in some["parameters"].items()}
        for term, one in enumerate(np.eye(count)):
            home.COSTS = {rung: dict.fromkeys(BOTH, one) for rung in rungs}
            expected = module.expected(some["sizes"], given, np.dtype(name[1]).itemsize, name[2])
            for rung, ways in expected.items():
                terms[at, rungs.index(rung), :, term] = [ways[way] for way in BOTH]
    home.COSTS = kept
    together = module.predicted.together
    return Cells(
        operation, together, rungs, tuple(" ".join(map(str, n)) for n in names), seconds, terms, best
    )


def modules(operation: str) -> tuple[Any, Any]:
    """The module of `auto`, and the one in which its factors stand."""
    module = importlib.import_module(f"perflab.ops.{operation}.auto")
    return module, sys.modules[module.expected.__module__]


def fitted(cells: Cells, factors: np.ndarray) -> np.ndarray:
    """Factors with a smaller loss: single ones are changed at random, and what is better is kept."""
    rng, least = np.random.default_rng(0), cells.soft(factors)
    for step in range(TRIES):
        changed, width = factors.copy(), 0.5 if step < TRIES / 2 else 0.1
        at = tuple(rng.integers(size) for size in factors.shape)
        changed[at] = 0.0 if rng.random() < 0.05 else max(changed[at], 0.05) * np.exp(rng.normal(0, width))
        if (loss := cells.soft(changed)) < least:
            factors, least = changed, loss
    return factors


def tell(cells: Cells, factors: np.ndarray, word: str) -> None:
    """The losses with these factors by number of threads, and the worst cell."""
    chosen = cells.chosen(factors)
    losses = cells.losses(chosen)
    for threads in sorted({name.split()[2] for name in cells.names}):
        here = losses[[name.split()[2] == threads for name in cells.names]]
        say(f"{cells.operation}, threads: {threads}, {word}: {words(here)} of {here.size} cells")
    at, way = np.unravel_index(losses.argmax(), losses.shape)
    say(f"  worst: {cells.names[at]} {BOTH[way]}, where {cells.rungs[chosen[at, way]]} is called")


def words(losses: np.ndarray) -> str:
    """The geometric mean of losses, the largest, and how many are over a fifth."""
    return (
        f"×{np.exp(np.log(losses).mean()):.3f}, at most ×{losses.max():.2f}, {(losses > 1.2).sum()} over ×1.2"
    )


def loss(args: argparse.Namespace) -> None:
    """Say what `auto` loses on the measured cells; with --fit also factors with a smaller loss."""
    lines = [json.loads(line) for file in args.files for line in file.read_text("utf-8").splitlines()]
    for operation in dict.fromkeys(each["operation"] for each in lines):
        cells = cells_of(operation, [each for each in lines if each["operation"] == operation])
        costs = modules(operation)[1].COSTS
        factors = np.array([[costs[rung][way] for way in BOTH] for rung in cells.rungs])
        tell(cells, factors, "as it is")
        for at, rung in enumerate(cells.rungs):
            everywhere = np.minimum(cells.losses(np.full((len(cells.names), 2), at)), 2.0)
            say(f"  {rung} everywhere: {words(everywhere)}, where more than ×2 counts as ×2")
        if args.fit:
            factors = fitted(cells, factors)
            tell(cells, factors, "fitted")
            for rung, ways in zip(cells.rungs, factors, strict=True):
                for way, some in zip(BOTH, ways, strict=True):
                    say(f"  {rung} {way}: ({', '.join(f'{factor:.3g}' for factor in some)})")


def main() -> int:
    """Read the command line, and do what it says; the exit code: 2 for a file that cannot be read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    measuring, reading = verbs.add_parser("measure"), verbs.add_parser("loss")
    measuring.add_argument("file", type=Path)
    measuring.add_argument("operations", nargs="*", metavar="OPERATION")
    measuring.add_argument("--threads", type=int, default=1)
    measuring.add_argument("--draw", type=int, default=20, help="shapes of each operation")
    measuring.add_argument("--seed", default="choices")
    measuring.set_defaults(action=measure)
    reading.add_argument("files", type=Path, nargs="+")
    reading.add_argument("--fit", action="store_true")
    reading.set_defaults(action=loss)
    args = parser.parse_args()
    try:
        args.action(args)
    except (PerflabError, OSError, ValueError, KeyError) as wrong:  # a name, a file, or what is in it
        told = str(wrong) if isinstance(wrong, PerflabError) else errors.reason(wrong)
        sys.stderr.write(f"choices: {told}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
