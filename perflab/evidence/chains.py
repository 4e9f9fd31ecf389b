"""The longest chain of operations from turn to turn of a loop, and the memory that a turn touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from perflab.evidence.graph import Instruction
from perflab.evidence.operands import Access, Flow, flow, steps

TURNS = 24  # simulated: a chain through so many registers would still repeat within them
LINE_BYTES = 64


@dataclass(frozen=True)
class Memory:
    """What one turn reads and writes; `lines` are those that no turn before touched, or `at_most` so many."""

    loads: int
    stores: int
    bytes: int
    lines: float
    at_most: bool


@dataclass(frozen=True)
class _Moment:
    """When a value is there, which instruction of which turn made it, and from which value."""

    cycle: float
    instruction: int = -1
    turn: int = -1
    before: _Moment | None = None


def chain(
    instructions: Sequence[Instruction], cycles: Sequence[float], load_cycles: Sequence[float]
) -> tuple[float, tuple[str, ...]]:
    """Cycles a turn of the longest chain from turn to turn, and its operations, with endless units.

    `cycles` is each instruction's latency, `load_cycles` the part of it that its load takes, if it has one:
    its other operands need not wait for that. Jumps and flags are taken as foreseen.
    """
    flows = [flow(each) for each in instructions]
    written = {name for each in flows for name in each.writes if not name.startswith("[")}
    flows = [_kept_places(each, written) for each in flows]
    ready: defaultdict[str, _Moment] = defaultdict(lambda: _Moment(0.0))
    marks = []
    for turn in range(2 * TURNS):
        for number, each in enumerate(flows):
            late = [(ready[name], cycles[number]) for name in each.address]
            late += [(ready[name], cycles[number] - load_cycles[number] * (not name.startswith("[")))
                     for name in each.reads]  # fmt: skip
            if not each.writes:
                continue
            before, took = max(late, key=lambda pair: pair[0].cycle + pair[1], default=(_Moment(0.0), 0.0))
            moment = _Moment(before.cycle + max(took, 0.0), number, turn, before)
            ready.update(dict.fromkeys(each.writes, moment))
        marks.append(max(ready.values(), key=lambda moment: moment.cycle, default=_Moment(0.0)))
    slope = (marks[-1].cycle - marks[TURNS - 1].cycle) / TURNS
    return slope, _links(marks[-1], instructions)


def _kept_places(each: Flow, written: set[str]) -> Flow:
    """Without places in memory whose address changes from turn to turn."""
    if not written & set(each.address):
        return each
    reads, writes = ([n for n in names if not n.startswith("[")] for names in (each.reads, each.writes))
    return Flow(tuple(reads), tuple(writes), each.address, each.access)


def _links(last: _Moment, instructions: Sequence[Instruction]) -> tuple[str, ...]:
    """The operations of the chain in a turn in the middle."""
    links: list[str] = []
    moment: _Moment | None = last
    while moment is not None and moment.instruction >= 0:
        if moment.turn == TURNS:
            links.append(instructions[moment.instruction].mnemonic)
        moment = moment.before
    return tuple(reversed(links))


def memory(instructions: Sequence[Instruction]) -> Memory:
    """Loads, stores, bytes and new cache lines of one turn."""
    accesses = [each for each in (flow(one).access for one in instructions) if each is not None]
    both = [_reads_what_it_writes(one) for one in instructions if (flow(one).access or _NONE).writes]
    changes = steps(instructions)
    streams: defaultdict[tuple[str, str, int], list[Access]] = defaultdict(list)
    for each in accesses:
        streams[each.base, each.index, each.scale].append(each)
    lines, at_most = 0.0, False
    for (base, index, scale), stream in streams.items():
        parts = changes.get(base, 0), changes.get(index, 0) if index else 0
        known = [part for part in parts if part is not None]
        step = abs(known[0] + known[1] * scale) if len(known) == 2 else None
        touched = {
            line
            for each in stream
            for line in range(each.at // LINE_BYTES, (each.at + max(each.bytes, 1) - 1) // LINE_BYTES + 1)
        }
        at_most |= step is None
        lines += len(touched) if step is None else min(len(touched), step / LINE_BYTES)
    stores = sum(each.writes for each in accesses)
    loads = len(accesses) - stores + sum(both)
    return Memory(loads, stores, sum(each.bytes for each in accesses), lines, at_most)


_NONE = Access(0, "", "", 1, 0, False)


def _reads_what_it_writes(instruction: Instruction) -> bool:
    each = flow(instruction)
    return any(name in each.reads for name in each.writes)
