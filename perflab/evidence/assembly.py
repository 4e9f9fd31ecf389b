"""Assembly as LLVM writes it, x86-64 and AArch64, counted: how much arithmetic, how packed, in which loops.

Functions become blocks, blocks a graph of jumps; a loop is a set of blocks that reach one another. What is
not entered from `entry` (wrappers, copies left over from inlining) is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from perflab.evidence.arithmetic import counts_of, total_of, vector_bits
from perflab.evidence.graph import SYMBOL, Block, Function, Instruction, LoopBlocks, reached
from perflab.records.evidence import Code, Counts

RUNTIME = ("NRT_", "Py", "_Py", "numba_", "_ZN", "_numba", "do_scheduling", "get_", "set_", "allocate_sched",
           "mem")  # fmt: skip
TURNS = 4  # assumed turns of each loop per turn of the loop around it: the assembly does not give them


@dataclass(frozen=True)
class Loop:
    """The instructions of one loop, without those of loops within it, and their counts."""

    function: str
    instructions: tuple[Instruction, ...]
    counts: Counts
    weight: float


def read(assembly: str, entry: str = "") -> Code:
    """Count what is reached from the function `entry`; everything where no function has that name."""
    functions, depths = reached(assembly, entry)
    return sum((_count(functions[name], depth, functions) for name, depth in depths.items()), Code())


def hot_loop(assembly: str, entry: str = "") -> Loop | None:
    """The loop that does most, by `Code.weight`; None where no loop does arithmetic."""
    functions, depths = reached(assembly, entry)
    hottest: Loop | None = None
    for name, depth in depths.items():
        for loop, counts, weight in _weighed(functions[name], depth):
            if weight > (hottest.weight if hottest else 0.0):
                own = (each for block in sorted(loop.own) for each in functions[name].blocks[block])
                instructions = (replace(each, bits=vector_bits(each)) for each in own)
                hottest = Loop(name, tuple(instructions), counts, weight)
    return hottest


def _count(function: Function, depth: int, known: Iterable[str]) -> Code:
    code = Code(total_of(map(counts_of, function.blocks)), loops=len(function.loops))
    names = _addresses(function)
    for loop, counts, weight in _weighed(function, depth):
        own = [function.blocks[block] for block in loop.own]
        code += Code(
            innermost=counts if loop.innermost else Counts(),
            hot=counts,
            calls=tuple({call for block in own for call in _calls(block, names, known)} if weight else ()),
            weight=weight,
        )
    return code


def _weighed(function: Function, depth: int) -> Iterator[tuple[LoopBlocks, Counts, float]]:
    """Every loop of a function with `depth` loops around it, its counts and its weight."""
    for loop in function.loops:
        counts = total_of(counts_of(function.blocks[block]) for block in loop.own)
        yield loop, counts, (counts.numbers + counts.fused) * float(TURNS) ** (depth + loop.depth)


def _addresses(function: Function) -> dict[str, str]:
    """The function of each register, for registers that only one address is written to."""
    addresses = set(filter(None, (_address(each) for block in function.blocks for each in block)))
    written = Counter(register for register, _ in addresses)
    return {register: symbol for register, symbol in addresses if written[register] == 1}


def _address(instruction: Instruction) -> tuple[str, str] | None:
    """The register and the symbol, where an instruction loads an address."""
    mnemonic, operands = instruction.mnemonic, instruction.operands
    if mnemonic.startswith("movabs") and operands.startswith("$") and SYMBOL.match(operands, 1):
        symbol, _, register = operands[1:].rpartition(",")
        return register.strip(), symbol
    if mnemonic in ("movz", "movk") and ":abs_g" in operands:
        register, _, symbol = operands.partition(",")
        return register, symbol.rpartition(":")[2]
    return None


def _calls(block: Block, names: Mapping[str, str], known: Iterable[str]) -> Iterator[str]:
    """The functions that a block calls, but for those counted themselves and Numba's own."""
    here = dict(names)
    for instruction in block:
        if address := _address(instruction):
            here[address[0]] = address[1]
        elif instruction.mnemonic in ("call", "callq", "bl", "blr"):
            target = instruction.operands.strip()
            if target.startswith("*") or instruction.mnemonic == "blr":
                target = here.get(target.lstrip("*"), "?")
            target = target.partition("@")[0]
            if target not in known and not target.startswith(RUNTIME):
                yield target
