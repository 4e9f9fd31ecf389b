"""How well steps in histories are found: synthetic histories, with a step in one cell and without any.

    python bench/histories.py [HISTORIES]

Forty cells a history, noise of 1 % in each run's median, a drift of the machine of up to 15 % that all cells
share, a step of 3 % in one cell. It prints in how many histories the step was found within two runs, and in
how many without a step there was an alarm; also for the library `ruptures`, where that is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np

from perflab.report.across import changepoints

CELLS, NOISE, DRIFT, STEP, WITHIN = 40, 0.01, 0.15, 0.03, 2
Detector = Callable[[np.ndarray], list[tuple[int, int]]]  # (cell, first run after the step)


def drift(rng: np.random.Generator, runs: int, kind: str) -> np.ndarray:
    """What all cells share: a wave, a random walk or jumps, over `DRIFT` from its least to its largest."""
    steps = {
        "wave": lambda: np.sin(np.linspace(0, rng.uniform(2, 12), runs) + rng.uniform(0, 6)),
        "walk": lambda: np.cumsum(rng.normal(size=runs)),
        "jumps": lambda: np.cumsum(rng.normal(size=runs) * (rng.random(runs) < 0.1)),
        "days": lambda: rng.random(runs),
    }[kind]()
    return np.log1p(DRIFT * (steps - steps.min()) / max(float(np.ptp(steps)), 1e-9))


def history(seed: int, runs: int, kind: str, noise: str, size: float) -> tuple[np.ndarray, int, int]:
    """Logarithms of times, runs × cells, and the step's cell and first run."""
    rng = np.random.default_rng(seed)
    spread = NOISE * (np.exp(rng.normal(0, 0.4, CELLS)) if noise == "unequal" else np.ones(CELLS))
    draws = rng.standard_t(4, (runs, CELLS)) / 2**0.5 if noise == "tails" else rng.normal(size=(runs, CELLS))
    logs = rng.normal(-7, 2, CELLS) + drift(rng, runs, kind)[:, None] + spread * draws
    cell, at = int(rng.integers(CELLS)), int(rng.integers(runs // 5, runs - runs // 5))
    logs[at:, cell] += np.log1p(size) * rng.choice([-1, 1])
    return logs, cell, at


def own(logs: np.ndarray) -> list[tuple[int, int]]:
    """The detector of `perflab history`."""
    return [(step.cell, step.at) for step in changepoints.find(logs).steps]


def of_ruptures(logs: np.ndarray, penalty: float) -> list[tuple[int, int]]:
    """Optimal segments with a cost of squares, in units of the noise; what all share is taken away before."""
    import ruptures

    steps = []
    known = changepoints.find(logs)
    for cell, values in enumerate(known.residuals.T):
        search = ruptures.KernelCPD(kernel="linear", min_size=changepoints.LEAST_RUNS)
        ends = search.fit(values[:, None] / known.noise[cell]).predict(pen=penalty)
        steps += [(cell, end) for end in ends[:-1]]
    return steps


def judged(detector: Detector, histories: int, runs: int, kind: str, noise: str) -> tuple[int, int, int]:
    """Histories whose step was found within two runs, those with another alarm too, alarms without a step."""
    found = others = alarms = 0
    for seed in range(histories):
        logs, cell, at = history(seed, runs, kind, noise, STEP)
        steps = detector(logs)
        right = [step for step in steps if step[0] == cell and abs(step[1] - at) <= WITHIN]
        found += bool(right)
        others += len(steps) > len(right)
        alarms += bool(detector(history(10_000 + seed, runs, kind, noise, 0.0)[0]))
    return found, others, alarms


def main() -> None:
    """Print the table."""
    histories = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    detectors: dict[str, Detector] = {"own": own}
    try:
        import ruptures  # noqa: F401

        detectors |= {f"ruptures, penalty {p}": partial(of_ruptures, penalty=p) for p in (16, 20, 25)}
    except ImportError:
        print("ruptures is not installed: own detector alone")  # noqa: T201
    print(f"of {histories} histories with a step of {STEP:.0%} and {histories} without:")  # noqa: T201
    for runs in (20, 30, 60):
        for kind, noise in (("walk", "equal"), ("jumps", "equal"), ("days", "unequal"), ("wave", "tails")):
            for name, detector in detectors.items():
                found, others, alarms = judged(detector, histories, runs, kind, noise)
                where = f"{runs} runs, drift in {kind}, noise {noise}"
                print(f"{where:44} {name:22} found {found}, others {others}, false {alarms}")  # noqa: T201


if __name__ == "__main__":
    main()
