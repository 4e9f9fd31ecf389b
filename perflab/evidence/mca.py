"""A loop's throughput by `llvm-mca`, a program of LLVM's, where it is installed: Debian's package `llvm`.

    timetable = run(instructions, "skylake")
    timetable.cycles          # a turn, in a long run of turns, with all data in the first cache

It simulates a processor from LLVM's own tables. It knows nothing of caches, of branches that were not
foreseen, and of loads that wait for stores.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from perflab.contract import PerflabError
from perflab.evidence.graph import Instruction

PROGRAM = "llvm-mca"
VERSIONS = range(30, 10, -1)  # Debian also names it llvm-mca-19
TURNS = 100
LIMIT_S = 20.0
ABSENT = "llvm-mca is not installed (Debian's package llvm): no cycles predicted"
# For a processor that this llvm-mca does not know, one of the same family that it may know.
NEAREST = {
    "diamondrapids": "graniterapids", "graniterapids-d": "graniterapids", "graniterapids": "sapphirerapids",
    "emeraldrapids": "sapphirerapids", "sapphirerapids": "icelake-server", "rocketlake": "icelake-client",
    "tigerlake": "icelake-client", "novalake": "alderlake", "pantherlake": "alderlake",
    "arrowlake": "alderlake", "arrowlake-s": "alderlake", "lunarlake": "alderlake", "meteorlake": "alderlake",
    "raptorlake": "alderlake", "alderlake": "skylake", "icelake-server": "skylake-avx512",
    "icelake-client": "skylake-avx512", "cooperlake": "cascadelake", "cascadelake": "skylake-avx512",
    "znver6": "znver5", "znver5": "znver4", "znver4": "znver3", "znver3": "znver2", "znver2": "znver1",
}  # fmt: skip
# By register: an addition of a load and one without. The difference of their latencies is the load's.
PROBES = {"": ("addq", "%rax, %rax"), "scalar": ("vaddss", "%xmm0, %xmm0, %xmm0"),
          "%xmm": ("vaddps", "%xmm0, %xmm0, %xmm0"), "%ymm": ("vaddps", "%ymm0, %ymm0, %ymm0"),
          "%zmm": ("vaddps", "%zmm0, %zmm0, %zmm0")}  # fmt: skip


@dataclass(frozen=True)
class Timetable:
    """Cycles a turn, the busiest unit, each instruction's latency and the part of it that its load takes."""

    processor: str
    cycles: float
    port: str
    port_cycles: float
    latencies: tuple[float, ...]
    load_latencies: tuple[float, ...]
    note: str = ""


def run(instructions: Sequence[Instruction], processor: str, program: str = "") -> Timetable:
    """The timetable of a loop's instructions. Raises PerflabError, in one line, where there is none."""
    program = program or found()
    if not program:
        raise PerflabError(ABSENT)
    known, note = _known(program, processor)
    x86 = any("%" in each.operands for each in instructions)
    kinds = [*dict.fromkeys(map(_kind, instructions))] if x86 else []
    probes = [_probe(kind, loads) for kind in kinds for loads in (True, False)]
    body = [f"\t{each.mnemonic}\t{each.operands}" for each in instructions]
    text = _region("loop", body) + (_region("probe", probes) if probes else "")
    words = [f"-mcpu={known}", f"-iterations={TURNS}", "-json", "-instruction-info", "-resource-pressure"]
    try:
        answer = json.loads(_asked(program, words, text))
        loop, *rest = answer["CodeRegions"]
        resources = answer.get("TargetInfo", loop.get("TargetInfo", {}))["Resources"]
        latencies = _latencies(loop)
        probed = _latencies(rest[0]) if rest else ()
        loads = {kind: probed[2 * at] - probed[2 * at + 1] for at, kind in enumerate(kinds)}
        port, busy = _busiest(loop, resources, len(instructions))
        cycles = loop["SummaryView"]["TotalCycles"] / loop["SummaryView"]["Iterations"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PerflabError(f"{program} gave no timetable that can be read: no cycles predicted") from error
    mine = tuple(loads.get(_kind(each), 0.0) if "(" in each.operands else 0.0 for each in instructions)
    return Timetable(known, cycles, port, busy, latencies, mine, note)


@cache
def found() -> str:
    """The program's path, the newest where several are installed under their versions; "" for none."""
    names = (PROGRAM, *(f"{PROGRAM}-{version}" for version in VERSIONS))
    return next(filter(None, map(shutil.which, names)), "")


@cache
def _known(program: str, processor: str) -> tuple[str, str]:
    """The processor, or the nearest that the program knows, with a note."""
    name = processor
    while name:
        if "not a recognized processor" not in _asked(program, [f"-mcpu={name}"], "\tnop\n", errors=True):
            note = f"this llvm-mca does not know {processor}: these are {name}'s figures"
            return name, note if name != processor else ""
        name = NEAREST.get(name, "")
    raise PerflabError(f"{program} does not know the processor {processor}: no cycles predicted")


def _asked(program: str, words: Sequence[str], text: str, errors: bool = False) -> str:
    """The program's answer, or with `errors` what it complained of."""
    try:
        done = subprocess.run(
            [program, *words], input=text, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PerflabError(f"{program} could not be run: no cycles predicted") from error
    if done.returncode and not errors:
        complaint = re.search(r"error: (.*)", done.stderr)
        why = complaint[1] if complaint else f"exit code {done.returncode}"
        raise PerflabError(f"{program}: {why}: no cycles predicted")
    return done.stderr if errors else done.stdout


def _region(name: str, lines: Sequence[str]) -> str:
    return "\n".join((f"# LLVM-MCA-BEGIN {name}", *lines, f"# LLVM-MCA-END {name}", ""))


def _latencies(region: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(float(row["Latency"]) for row in region["InstructionInfoView"]["InstructionList"])


def _busiest(loop: Mapping[str, Any], resources: Sequence[str], count: int) -> tuple[str, float]:
    """The unit with most cycles a turn: the rows after the last instruction hold the sums."""
    rows = loop["ResourcePressureView"]["ResourcePressureInfo"]
    sums = [(row["ResourceUsage"], resources[row["ResourceIndex"]]) for row in rows
            if row["InstructionIndex"] == count]  # fmt: skip
    busy, port = max(sums)
    return str(port), float(busy)


def _kind(instruction: Instruction) -> str:
    """Which of the probes loads as an instruction does: its widest register, or one number of a vector's."""
    widest = next((name for name in ("%zmm", "%ymm", "%xmm") if name in instruction.operands), "")
    return "scalar" if widest == "%xmm" and instruction.mnemonic.endswith(("ss", "sd")) else widest


def _probe(kind: str, loads: bool) -> str:
    mnemonic, operands = PROBES[kind]
    return f"\t{mnemonic}\t{'(%rax), ' + operands.partition(', ')[2] if loads else operands}"
