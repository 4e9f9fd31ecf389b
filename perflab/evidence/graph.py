"""Functions, blocks and loops of an assembly listing, and which of them are reached."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

LABEL = re.compile(r'^"?([\w.$@]+)"?:')
LOCAL = re.compile(r"\.?L[A-Z]+\d+_\d+")
FILE = re.compile(r'(\d+) "([^"]*)"(?: "([^"]*)")?')  # a number, a folder and a name, or a path
SYMBOL = re.compile(r"[A-Za-z_][\w.$]*")


def reached(assembly: str, entry: str) -> tuple[dict[str, Function], dict[str, int]]:
    """Every function, and by name those that `entry` reaches with the loops around them."""
    functions = {function.name: function for function in _functions(assembly)}
    entry = entry if entry in functions else f"_{entry}"  # Mach-O puts an underscore before every name
    return functions, _depths(functions, entry) if entry in functions else dict.fromkeys(functions, 0)


@dataclass
class Function:
    """One function: blocks of (mnemonic, operands), where each may go on, and its loops.

    `places` has a source file and line for every instruction, "" and 0 where none is given.
    """

    name: str
    blocks: list[list[tuple[str, str]]] = field(default_factory=lambda: [[]])
    places: list[list[tuple[str, int]]] = field(default_factory=lambda: [[]])
    at: dict[str, int] = field(default_factory=dict)
    successors: list[list[int]] = field(default_factory=list)
    loops: list[LoopBlocks] = field(default_factory=list)

    def depth(self) -> list[int]:
        """The number of loops around every block."""
        depths = [0] * len(self.blocks)
        for loop in self.loops:
            for block in loop.own:
                depths[block] = loop.depth
        return depths


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
    place = ("", 0)
    for line in assembly.splitlines():
        if label := LABEL.match(line):
            name = label[1]
            if not LOCAL.fullmatch(name):
                if not name.startswith((".L", "Ltmp", "ltmp", "L_", "l_")):
                    functions.append(Function(name))
                    place = ("", 0)
            elif functions and "BB" in name:
                function = functions[-1]
                if function.blocks[-1]:
                    function.blocks.append([])
                    function.places.append([])
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
                function = functions[-1]
                operands = re.split(r"\s(?:#|//|;)", operands, maxsplit=1)[0]
                function.blocks[-1].append((mnemonic, operands))
                function.places[-1].append(place)
                if _leaves(mnemonic):
                    function.blocks.append([])
                    function.places.append([])
    for function in functions:
        _link(function, tables)
        function.loops = list(_loops(function.successors))
        yield function


def _leaves(mnemonic: str) -> bool:
    """Whether a block ends with this instruction."""
    return mnemonic[0] == "j" or mnemonic in ("b", "br", "cbz", "cbnz", "tbz", "tbnz") or (
        mnemonic.startswith(("b.", "ret")) or mnemonic in ("ud2", "brk")
    )  # fmt: skip


def _link(function: Function, tables: Mapping[str, list[str]]) -> None:
    number = next((re.findall(r"\d+", label)[0] for label in function.at), "")
    for place, block in enumerate(function.blocks):
        mnemonic, operands = block[-1] if block else ("", "")
        goes_on = mnemonic not in ("b", "br", "jmp", "jmpq", "ud2", "brk") and not mnemonic.startswith("ret")
        follows = [place + 1] if goes_on and place + 1 < len(function.blocks) else []
        if mnemonic and _leaves(mnemonic):
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
    """Tarjan's strongly connected sets, without the jumps to `header`; a single one if it jumps to itself."""

    def onward(node: int) -> Iterator[int]:
        return (n for n in successors[node] if n in nodes and n != header)

    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in sorted(nodes):
        path = [] if root in order else [(root, onward(root))]
        while path:
            node, rest = path[-1]
            if node not in order:
                order[node] = low[node] = len(order)
                stack.append(node)
                on_stack.add(node)
            for other in rest:
                if other not in order:
                    path.append((other, onward(other)))
                    break
                if other in on_stack:
                    low[node] = min(low[node], low[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    component: set[int] = set()
                    while node not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    if len(component) > 1 or node in onward(node):
                        yield component


def _depths(functions: Mapping[str, Function], entry: str) -> dict[str, int]:
    """Every function that `entry` reaches, with the loops around the deepest place that names it."""
    depths = {entry: 0}
    queue = [entry]
    while queue:
        name = queue.pop()
        function = functions[name]
        for block, depth in zip(function.blocks, function.depth(), strict=True):
            for other in {symbol for _, operands in block for symbol in SYMBOL.findall(operands)}:
                around = min(depths[name] + depth, len(functions))  # a recursion would deepen for ever
                if other in functions and other != name and depths.get(other, -1) < around:
                    depths[other] = around
                    queue.append(other)
    return depths
