"""What a hot loop could do at best: its chain, its busiest unit, its memory, its cycles a turn."""

from __future__ import annotations

from perflab.contract import PerflabError
from perflab.evidence import chains, mca
from perflab.evidence.arithmetic import flops_of
from perflab.evidence.assembly import Loop
from perflab.evidence.graph import leaves
from perflab.records.remarks import Limits

OTHER = "chain, bytes and cache lines are read from x86-64 assembly only"


def of_loop(loop: Loop, processor: str) -> Limits:
    """The limits of a loop on a processor, as LLVM names it; what is missing is said in `note`."""
    instructions = loop.instructions
    notes = []
    timetable = None
    try:
        timetable = mca.run(instructions, processor)
        notes += [timetable.note]
    except PerflabError as error:
        notes += [str(error)]
    calls = sum(each.mnemonic.startswith("call") or each.mnemonic in ("bl", "blr") for each in instructions)
    if calls:
        notes += [f"{calls} calls in it, whose own time is not counted"]
    chain: tuple[float | None, tuple[str, ...]] = None, ()
    memory = None
    if any("%" in each.operands for each in instructions):
        memory = chains.memory(instructions)
        if timetable:
            chain = chains.chain(instructions, timetable.latencies, timetable.load_latencies)
    else:
        notes += [OTHER]
    return Limits(
        instructions=len(instructions), flops=flops_of(instructions),
        chain=chain[0], links=chain[1],
        cycles=timetable.cycles if timetable else None, port=timetable.port if timetable else "",
        port_cycles=timetable.port_cycles if timetable else None,
        loads=memory.loads if memory else None, stores=memory.stores if memory else None,
        bytes=memory.bytes if memory else None, lines=memory.lines if memory else None,
        at_most=memory is not None and memory.at_most,
        straight=sum(leaves(each.mnemonic) for each in instructions) <= 1,
        processor=timetable.processor if timetable else processor, note="; ".join(filter(None, notes)),
    )  # fmt: skip
