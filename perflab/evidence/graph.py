"""Functions, blocks and loops of an assembly listing, and which of them are reached."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

LABEL = re.compile(r'^"?([\w.$@]+)"?:')
LOCAL = re.compile(r"\.?L[A-Z]+\d+_\d+")
FILE = re.compile(r'(\d+) "([^"]*)"(?: "([^"]*)")?')  # a number, a folder and a name, or a path
SYMBOL = re.compile(r"[A-Za-z_][\w.$]*")


@dataclass(frozen=True)
class Instruction:
    """One instruction, as LLVM writes it, and the source line that it came from where that is known.

    `label` is the target name that jumps use; `bits` the width of the vector that a hot loop's instruction
    works on, 0 for none.
    """

    label: str
    mnemonic: str
    operands: str
    bits: int
    file: str
    line: int


Block = list[Instruction]


def reached(assembly: str, entry: str) -> tuple[dict[str, Function], dict[str, int]]:
    """Every function, and by name those that `entry` reaches with the loops around them."""
    functions = {function.name: function for function in _functions(assembly)}
    entry = entry if entry in functions else f"_{entry}"  # Mach-O puts an underscore before every name
    return functions, _depths(functions, entry) if entry in functions else dict.fromkeys(functions, 0)


@dataclass
class Function:
    """One function: its blocks, where each may go on, and its loops."""

    name: str
    blocks: list[Block] = field(default_factory=lambda: [[]])
    at: dict[str, int] = field(default_factory=dict)
    successors: list[list[int]] = field(default_factory=list)
    loops: list[LoopBlocks] = field(default_factory=list)


@dataclass(frozen=True)
class LoopBlocks:
    """The blocks of a loop that are in none of the loops within it."""

    own: frozenset[int]
    depth: int
    innermost: bool


def _functions(assembly: str) -> Iterator[Function]:
    functions: list[Function] = []
    tables: defaultdict[str, list[str]] = defaultdict(list)  # by function number: where its switches may go
    files: dict[str, str] = {}
    label, place = "", ("", 0)
    for line in assembly.splitlines():
        if match := LABEL.match(line):
            name = match[1]
            if not LOCAL.fullmatch(name):
                if not name.startswith((".L", "Ltmp", "ltmp", "L_", "l_")):
                    functions.append(Function(name))
                    label, place = "", ("", 0)
            elif functions and "BB" in name:
                function, label = functions[-1], name
                if function.blocks[-1]:
                    function.blocks.append([])
                function.at[name] = len(function.blocks) - 1
        elif line.startswith("\t.file\t"):
            if match := FILE.match(line[7:]):
                files[match[1]] = "/".join(filter(None, match.groups()[1:]))
        elif line.startswith("\t") and functions:
            mnemonic, _, operands = line[1:].partition("\t")
            if mnemonic in (".long", ".quad", ".word", ".xword", ".byte", ".hword"):
                for target in re.findall(r"\.?LBB(\d+)_\d+", operands):
                    tables[target].append(next(iter(LOCAL.findall(operands))))
            elif mnemonic == ".loc":
                file, number = operands.split()[:2]
                place = (files.get(file, ""), int(number))
            elif mnemonic and not mnemonic.startswith((".", "#", "/", ";")):
                operands = re.split(r"\s(?:#|//|;)", operands, maxsplit=1)[0]
                functions[-1].blocks[-1].append(Instruction(label, mnemonic, operands, 0, *place))
                label = ""
                if leaves(mnemonic):
                    functions[-1].blocks.append([])
    for function in functions:
        _link(function, tables)
        function.loops = list(_loops(function.successors))
        yield function


def leaves(mnemonic: str) -> bool:
    """Whether a block ends with this instruction."""
    return mnemonic[0] == "j" or mnemonic in ("b", "br", "cbz", "cbnz", "tbz", "tbnz") or (
        mnemonic.startswith(("b.", "ret")) or mnemonic in ("ud2", "brk")
    )  # fmt: skip


def _link(function: Function, tables: Mapping[str, list[str]]) -> None:
    number = next((re.findall(r"\d+", label)[0] for label in function.at), "")
    for place, block in enumerate(function.blocks):
        mnemonic, operands = (block[-1].mnemonic, block[-1].operands) if block else ("", "")
        goes_on = mnemonic not in ("b", "br", "jmp", "jmpq", "ud2", "brk") and not mnemonic.startswith("ret")
        follows = [place + 1] if goes_on and place + 1 < len(function.blocks) else []
        if mnemonic and leaves(mnemonic):
            indirect = mnemonic == "br" or operands.startswith("*")
            targets = tables.get(number, []) if indirect else LOCAL.findall(operands)
            follows += [function.at[target] for target in targets if target in function.at]
        function.successors.append(follows)


def _loops(successors: Sequence[Sequence[int]]) -> Iterator[LoopBlocks]:
    """Every loop: strongly connected blocks, and within them those that still are without the first one."""
    queue: list[tuple[set[int], int, int]] = [(set(range(len(successors))), 0, -1)]
    while queue:
        nodes, depth, header = queue.pop()
        inner: set[int] = set()
        for loop in _connected(nodes, successors, header):
            entries = {n for m in nodes - loop for n in successors[m] if n in loop}
            queue.append((loop, depth + 1, min(entries or loop)))
            inner |= loop
        if depth:
            yield LoopBlocks(frozenset(nodes - inner), depth, not inner)


def _connected(nodes: set[int], successors: Sequence[Sequence[int]], header: int) -> Iterator[set[int]]:
    """The strongly connected sets, without the jumps to `header`; a single block if it jumps to itself."""
    from scipy.sparse import coo_array  # a quarter of a second, which code without assembly need not wait
    from scipy.sparse.csgraph import connected_components

    index = {node: place for place, node in enumerate(sorted(nodes))}
    jumps = [(index[m], index[n]) for m in index for n in successors[m] if n in nodes and n != header]
    shape = len(nodes), len(nodes)
    matrix = coo_array((np.ones(len(jumps)), np.array(jumps, int).reshape(-1, 2).T), shape)
    count, labels = connected_components(matrix, connection="strong")
    components: list[set[int]] = [set() for _ in range(count)]
    for node, label in zip(index, labels, strict=True):
        components[label].add(node)
    to_themselves = {m for m, n in jumps if m == n}
    yield from (c for c in components if len(c) > 1 or index[min(c)] in to_themselves)


def _depths(functions: Mapping[str, Function], entry: str) -> dict[str, int]:
    """Every function that `entry` reaches, with the loops around the deepest place that names it."""
    depths = {entry: 0}
    queue = [entry]
    while queue:
        name = queue.pop()
        function = functions[name]
        loops = {place: loop.depth for loop in function.loops for place in loop.own}
        for place, block in enumerate(function.blocks):
            for other in {symbol for each in block for symbol in SYMBOL.findall(each.operands)}:
                around = depths[name] + loops.get(place, 0)
                around = min(around, len(functions))  # a recursion would deepen for ever
                if other in functions and other != name and depths.get(other, -1) < around:
                    depths[other] = around
                    queue.append(other)
    return depths
