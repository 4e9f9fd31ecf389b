"""Is this machine fit to measure on now? Contests with known outcomes are measured like any other.

A copy of an implementation must not be faster than the original; a slow-down of 5 % must be reported, one of
0.5 % must not; a contender must take as long after another thread pool as after its own. The contests use the
suite, processes and statistics of a run. The answer is "fit", "noisy" or "unfit", with reasons and advice.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import starmap
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from perflab import machine, records
from perflab.catalog import cases
from perflab.records import Plan, kinds, typed
from perflab.run import runner
from perflab.run.turns import Tell
from perflab.statistics import Ratio, Turn, median_interval, paired_ratio, ratio_of_turns

OPERATION, CASE, DTYPE = "fully_connected", "large", "float32"
# The number of pairs, and the slow-down of the second of each.
CONTESTS = {"same": (40, 0.0), "slower by 5 %": (20, 0.05), "slower by 0.5 %": (20, 0.005)}
PROCESSES, PASSES, BLOCK_S = 3, 4, 0.012
CARRY_PASSES = 12
MOST_FALSE_ALARMS = 5
FEWEST_FOUND = 15
NOISY_WIDTH, UNFIT_WIDTH = 0.02, 0.10
NOISY_STEAL, UNFIT_STEAL = 0.01, 0.05
STATES = ("fit", "noisy", "unfit")
DRIFT, MOST_DRIFT_BIAS = 0.10, 0.01
VALID_S = 7 * 24 * 3600

BACKWARD = """

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""
PLAIN = '''"""One matrix product."""


def forward(x, w, b):
    return x @ w + b, (x, w)
'''
SLOWED = '''"""One matrix product, then a wait for a known share of its time."""

from time import perf_counter


def forward(x, w, b):
    began = perf_counter()
    out = x @ w + b
    ended = perf_counter()
    until = ended + {share} * (ended - began)
    while perf_counter() < until:
        pass
    return out, (x, w)
'''
PARALLEL = '''"""The product in compiled loops on all cores: another thread pool than the BLAS's."""

import numpy as np
from numba import njit, prange


@njit(parallel=True, fastmath=True, cache=True)
def forward(x, w, b):
    N, D = x.shape
    M = b.shape[0]
    out = np.empty((N, M), x.dtype)
    for n in prange(N):
        for m in range(M):
            out[n, m] = b[m]
        for d in range(D):
            for m in range(M):
                out[n, m] += x[n, d] * w[d, m]
    return out, (x, w)
'''


@dataclass(frozen=True)
class Line:
    """One check: its result, the wanted result, and the state of the machine that follows."""

    name: str
    found: str
    wanted: str
    state: str
    advice: str = ""


@dataclass(frozen=True)
class Fitness:
    """The answer "fit", "noisy" or "unfit", its lines, and the false alarms of A/A contests."""

    state: str
    lines: tuple[Line, ...]
    false_alarms: int
    contests: int
    when: float

    @property
    def reasons(self) -> list[str]:
        """Why the machine is not fit: one sentence per line that is not."""
        unfit = (line for line in self.lines if line.state != "fit")
        return [f"{line.name}: {line.found}, wanted {line.wanted}. {line.advice}".strip() for line in unfit]


def check(folder: Path, tell: Tell) -> Fitness:
    """Measure the contests in two runs under `folder`, and judge them. Takes about a minute."""
    before = machine.cpu_ticks()
    contests = _measure(folder / "contests", contest_plan(folder), tell)
    lines = list(judge_contests(contests))
    if machine.cores() > 1:
        lines.append(judge_carry_over(_measure(folder / "carry-over", carry_plan(folder), tell)))
    lines.append(judge_drift())
    lines.append(judge_steal(before, machine.cpu_ticks()))
    state = max((line.state for line in lines), key=STATES.index)
    ratios = _ratios(contests)["same"]
    return Fitness(state, tuple(lines), sum(map(_excludes_one, ratios)), len(ratios), time.time())


def contest_plan(folder: Path) -> Plan:
    """Pairs of contenders, each pair side by side: plain against plain, or against a slowed copy."""
    outside: dict[str, str] = {}
    for kind, (count, share) in CONTESTS.items():
        plain, other = folder / "plain.py", folder / f"slowed_{share}.py"
        plain.write_text(PLAIN + BACKWARD, "utf-8")
        other.write_text((SLOWED.format(share=share) if share else PLAIN) + BACKWARD, "utf-8")
        for number in range(count):
            for side, path in (("a", plain), ("b", other)):
                outside[f"{OPERATION}/{_name(kind, number, side)}"] = str(path.resolve())
    return _plan(outside, 1, PASSES)


def carry_plan(folder: Path) -> Plan:
    """Two contenders on BLAS's pool and two on Numba's, so that each follows its own kind and the other."""
    outside: dict[str, str] = {}
    for kind, source in (("blas", PLAIN), ("numba", PARALLEL)):
        path = folder / f"{kind}.py"
        path.write_text(source + BACKWARD, "utf-8")
        outside |= {f"{OPERATION}/{kind}_{side}": str(path.resolve()) for side in "ab"}
    return _plan(outside, machine.cores(), CARRY_PASSES)


def judge_contests(run: records.Run) -> Iterator[Line]:
    """False alarms, slow-downs of two sizes, and the noise."""
    same, five, half = (_ratios(run)[kind] for kind in CONTESTS)
    flagged = sum(map(_excludes_one, same))
    yield Line(
        "a copy against itself",
        f"{flagged} of {len(same)} flagged at 95 %, {_count_called(same)} called",
        f"at most {MOST_FALSE_ALARMS} of 40 flagged",
        "fit" if flagged <= MOST_FALSE_ALARMS * len(same) / 40 else "unfit",
        "Close other programs, or measure with --preset full, whose blocks are longer.",
    )
    slower = sum(r.verdict == "SLOWER" for r in five)
    signs = sum(r.value < 1 for r in five)
    yield Line(
        "slower by 5 %",
        f"{slower} of {len(five)} found, sign right in {signs}",
        f"at least {FEWEST_FOUND} of 20 found, every sign right",
        "fit" if slower >= FEWEST_FOUND * len(five) / 20 and signs == len(five) else "unfit",
        "Differences of this size cannot be measured here: measure longer, or elsewhere.",
    )
    miscalled = _count_called(half)
    yield Line(
        "slower by 0.5 %", f"{miscalled} of {len(half)} called", "none called: it is inside ±1 %",
        "noisy" if miscalled else "fit", "Do not trust differences of one or two per cent on this machine.",
    )  # fmt: skip
    widths = [(r.high - r.low) / 2 for r in same if r.low is not None and r.high is not None]
    width = median(widths) if widths else float("inf")
    yield Line(
        "idle noise",
        f"intervals of ±{width:.1%} with {same[0].pairs} pairs" if widths else "no interval",
        f"±{NOISY_WIDTH:.0%} or narrower",
        _state(width, NOISY_WIDTH, UNFIT_WIDTH),
        "Close other programs; fix the clock rate (governor, turbo); pin to quiet cores.",
    )


def judge_carry_over(run: records.Run) -> Line:
    """A contender's time after its own kind against its time after the other pool."""
    after: dict[tuple[str, bool], list[float]] = defaultdict(list)
    previous: tuple[int, str] | None = None
    for record in run.of_kind(kinds.Timed):
        technique = record.contender.technique
        if previous is not None and previous[0] == record.process:
            alike = previous[1].partition("_")[0] == technique.partition("_")[0]
            after[technique, alike].append(record.median_s)
        previous = (record.process, technique)
    worst, where, differs = 1.0, "", False
    for name in sorted({technique for technique, _ in after}):
        own, other = after[name, True], after[name, False]
        a, b = median_interval(own), median_interval(other)
        if a is None or b is None:
            continue
        ratio = median(other) / median(own)
        if abs(np.log(ratio)) > abs(np.log(worst)):
            worst, where = ratio, name
        differs |= (b[0] > a[1] or b[1] < a[0]) and abs(ratio - 1) > NOISY_WIDTH
    return Line(
        "carry-over between thread pools",
        f"×{worst:.2f} at worst after another pool" + (f" ({where.partition('_')[0]})" if where else ""),
        "the same within its interval",
        "noisy" if differs else "fit",
        "Compare implementations that use different pools with --threads 1.",
    )


def judge_drift() -> Line:
    """A simulated drift of +10 % over a run, evaluated with the same statistics."""
    rng = np.random.default_rng(10)
    turns = PROCESSES * PASSES
    biases = []
    for _ in range(200):
        drift = np.linspace(1.0, 1.0 + DRIFT, 2 * turns)
        noise = rng.lognormal(0.0, 0.01, 2 * turns)
        first, second = (drift * noise)[0::2], (drift * noise)[1::2]
        swap = np.arange(turns) % 2 == 1  # every other pass runs backwards
        a, b = np.where(swap, second, first), np.where(swap, first, second)
        biases.append(paired_ratio(a.tolist(), b.tolist()).value - 1)
    bias = abs(float(np.mean(biases)))
    state, wanted = "fit" if bias < MOST_DRIFT_BIAS else "unfit", f"under {MOST_DRIFT_BIAS:.0%}"
    return Line("a drift of +10 % during the run, simulated", f"bias of the ratio {bias:.2%}", wanted, state)


def judge_steal(before: Mapping[str, int], after: Mapping[str, int]) -> Line:
    """The share of time in which the host ran another virtual machine instead of this one."""
    share = machine.steal_share(before, after)
    state, wanted = _state(share, NOISY_STEAL, UNFIT_STEAL), f"{NOISY_STEAL:.0%} or less"
    advice = "The host is crowded: measure later, or elsewhere."
    return Line("steal", f"{share:.2%} of the time", wanted, state, advice)


def _state(value: float, noisy: float, unfit: float) -> str:
    return "fit" if value <= noisy else "noisy" if value <= unfit else "unfit"


def store(fitness: Fitness) -> None:
    """Save the answer for the reports of later runs on this machine, if the home can be written."""
    machine.save("selfcheck", asdict(fitness))


def stored() -> dict[str, Any]:
    """The latest self-check on this machine: state, false alarms, contests, when, reasons; or "unknown"."""
    unknown = {"state": "unknown", "reasons": ["no self-check in the last week: perflab selfcheck"]}
    try:
        fitness = typed.read(Fitness, machine.load_saved("selfcheck"))
    except typed.Wrong:
        return unknown
    if time.time() - fitness.when > VALID_S:
        return unknown
    names = ("state", "reasons", "false_alarms", "contests", "when")
    return {name: getattr(fitness, name) for name in names}


def _plan(outside: Mapping[str, str], threads: int, passes: int) -> Plan:
    names = tuple(name.partition("/")[2] for name in outside)
    return Plan(
        preset="selfcheck", techniques={OPERATION: names}, cases={OPERATION: (CASE,)}, dtypes=(DTYPE,),
        threads=(threads,), directions=("forward",), processes=PROCESSES, passes=passes, block_s=BLOCK_S,
        budget_s=60.0, outside=dict(outside), explain=False,
    )  # fmt: skip


def _measure(folder: Path, plan: Plan, tell: Tell) -> records.Run:
    records.begin(folder, plan, cases.describe(plan), machine.environment())
    runner.run(folder, plan, tell)
    return records.read(folder)


def _name(kind: str, number: int, side: str) -> str:
    return f"{list(CONTESTS).index(kind)}_{number:02d}{side}"


def _ratios(run: records.Run) -> dict[str, list[Ratio]]:
    """The paired ratio of every contest: how many times faster b is than a."""
    times: dict[str, dict[Turn, float]] = defaultdict(dict)
    for record in run.of_kind(kinds.Timed):
        times[record.contender.technique][record.turn] = record.median_s

    pairs = {
        kind: [[times[_name(kind, number, side)] for side in "ab"] for number in range(count)]
        for kind, (count, _) in CONTESTS.items()
    }
    return {kind: [*filter(None, starmap(ratio_of_turns, each))] for kind, each in pairs.items()}


def _count_called(ratios: Sequence[Ratio]) -> int:
    return sum(ratio.verdict in ("FASTER", "SLOWER") for ratio in ratios)


def _excludes_one(ratio: Ratio) -> bool:
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high
