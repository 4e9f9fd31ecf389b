"""Assembly as LLVM writes it, x86-64 and AArch64, counted: how much arithmetic, how packed, in which loops.

Functions become blocks, blocks a graph of jumps; a loop is a set of blocks that reach one another. What is
not entered from `entry` (wrappers, copies left over from inlining) is not counted.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from perflab.records.evidence import Code, Counts

# Comparisons are arithmetic: an operation's flops count them too.
X86 = re.compile(
    r"v?(?:add|sub|mul|div|sqrt|min|max|addsub|hadd|rcp14|rsqrt14|round|rndscale|u?comi|cmp\w*"
    r"|(?P<fused>fn?m(?:add|sub|addsub|subadd)\d+))(?P<kind>ps|pd|ss|sd)$"
)
ARM = re.compile(
    r"(?:fadd|fsub|fn?mul|fmulx|fdiv|fsqrt|f(?:max|min)(?:nm)?(?:p|v)?|faddp|fabd|frint\w|fc?cmpe?|fcm\w\w"
    r"|frecp\w|frsqrt\w|(?P<fused>fn?m(?:add|sub)|fml[as]|fn?mad|fn?msb))$"
)
LABEL = re.compile(r'^"?([\w.$@]+)"?:')
LOCAL = re.compile(r"\.?L[A-Z]+\d+_\d+")
FILE = re.compile(r'(\d+) "([^"]*)"(?: "([^"]*)")?')  # a number, a folder and a name, or a path
SYMBOL = re.compile(r"[A-Za-z_][\w.$]*")
RUNTIME = ("NRT_", "Py", "_Py", "numba_", "_ZN", "_numba", "do_scheduling", "get_", "set_", "allocate_sched",
           "mem")  # fmt: skip
TURNS = 4  # each loop is taken to turn four times as often as what holds it: none can be counted here


@dataclass(frozen=True)
class Instruction:
    """One instruction, as LLVM writes it, and the source line that it came from where that is known.

    `label` is what jumps to it name it by, `bits` the width of the vector that it works on, 0 for none.
    """

    label: str
    mnemonic: str
    operands: str
    bits: int
    file: str
    line: int


@dataclass(frozen=True)
class Loop:
    """The instructions of one loop, without those of loops within it, and what they come to."""

    function: str
    instructions: tuple[Instruction, ...]
    counts: Counts
    weight: float


def read(assembly: str, entry: str = "") -> Code:
    """Count what is reached from the function `entry`; everything where no function has that name."""
    functions, depths = _reached(assembly, entry)
    total = Code()
    for name, depth in depths.items():
        total += _count(functions[name], depth, functions)
    return total


def hot_loop(assembly: str, entry: str = "") -> Loop | None:
    """The loop that does most, by `Code.weight`; None where no loop does arithmetic."""
    functions, depths = _reached(assembly, entry)
    hottest: Loop | None = None
    for name, depth in depths.items():
        function = functions[name]
        for loop, counts, weight in _weighed(function, depth):
            if weight > (hottest.weight if hottest else 0.0):
                hottest = Loop(name, tuple(_instructions(function, loop)), counts, weight)
    return hottest


def _instructions(function: _Function, loop: _Loop) -> Iterator[Instruction]:
    labels = {block: label for label, block in function.at.items()}
    for block in sorted(loop.own):
        label = labels.get(block, "")
        for (mnemonic, operands), (file, line) in zip(
            function.blocks[block], function.places[block], strict=True
        ):
            yield Instruction(label, mnemonic, operands, _vector_bits(mnemonic, operands), file, line)
            label = ""


def _vector_bits(mnemonic: str, operands: str) -> int:
    """How wide the vector is that an instruction works on, moves among them; 0 where it is a number."""
    if "%" not in operands:
        form = _arm(mnemonic, operands)
        wide = re.search(r"\bv\d+\.|\bq\d+\b", operands)
        return int(form[1]) if form and form[1].isdigit() else 128 if wide else 0
    for register, bits in (("%zmm", 512), ("%ymm", 256)):
        if register in operands:
            return bits
    return 128 if "%xmm" in operands and re.search(r"(p[sd]|dqu?[a-z]?\d*)$", mnemonic) else 0


def _reached(assembly: str, entry: str) -> tuple[dict[str, _Function], dict[str, int]]:
    """Every function, and by name those that `entry` reaches with the loops around them."""
    functions = {function.name: function for function in _functions(assembly)}
    entry = entry if entry in functions else f"_{entry}"  # Mach-O puts an underscore before every name
    return functions, _depths(functions, entry) if entry in functions else dict.fromkeys(functions, 0)


# ---------------------------------------------------------------------------------------------- reading


@dataclass
class _Function:
    """One function: blocks of (mnemonic, operands), where each may go on, and its loops.

    `places` has a source file and line for every instruction, "" and 0 where none is told.
    """

    name: str
    blocks: list[list[tuple[str, str]]] = field(default_factory=lambda: [[]])
    places: list[list[tuple[str, int]]] = field(default_factory=lambda: [[]])
    at: dict[str, int] = field(default_factory=dict)
    successors: list[list[int]] = field(default_factory=list)
    loops: list[_Loop] = field(default_factory=list)

    def depth(self) -> list[int]:
        """Of every block, how many loops hold it."""
        depths = [0] * len(self.blocks)
        for loop in self.loops:
            for block in loop.own:
                depths[block] = loop.depth
        return depths


@dataclass(frozen=True)
class _Loop:
    """The blocks of a loop that no loop within it holds."""

    own: frozenset[int]
    depth: int
    innermost: bool


def _functions(assembly: str) -> Iterator[_Function]:
    functions: list[_Function] = []
    tables: defaultdict[str, list[str]] = defaultdict(list)  # by function number: where its switches may go
    files: dict[str, str] = {}
    place = ("", 0)
    for line in assembly.splitlines():
        if label := LABEL.match(line):
            name = label[1]
            if not LOCAL.fullmatch(name):
                if not name.startswith((".L", "Ltmp", "ltmp", "L_", "l_")):
                    functions.append(_Function(name))
                    place = ("", 0)
            elif functions and "BB" in name:
                function = functions[-1]
                if function.blocks[-1]:
                    function.blocks.append([])
                    function.places.append([])
                function.at[name] = len(function.blocks) - 1
        elif line.startswith("\t.file\t"):
            if told := FILE.match(line[7:]):
                files[told[1]] = "/".join(filter(None, told.groups()[1:]))
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


def _link(function: _Function, tables: Mapping[str, list[str]]) -> None:
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


# ------------------------------------------------------------------------------------------------ loops


def _loops(successors: Sequence[Sequence[int]]) -> Iterator[_Loop]:
    """Every loop: strongly connected blocks, and within them those that still are without the first one."""
    work: list[tuple[set[int], int, int]] = [(set(range(len(successors))), 0, -1)]
    while work:
        nodes, depth, header = work.pop()
        held: set[int] = set()
        for loop in _connected(nodes, successors, header):
            entries = {n for m in nodes - loop for n in successors[m] if n in loop}
            work.append((loop, depth + 1, min(entries or loop)))
            held |= loop
        if depth:
            yield _Loop(frozenset(nodes - held), depth, not held)


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
                    found: set[int] = set()
                    while node not in found:
                        found.add(stack.pop())
                    on_stack -= found
                    if len(found) > 1 or node in onward(node):
                        yield found


# --------------------------------------------------------------------------------------------- counting


def _depths(functions: Mapping[str, _Function], entry: str) -> dict[str, int]:
    """Every function that `entry` reaches, with the loops around the deepest place that names it."""
    depths = {entry: 0}
    work = [entry]
    while work:
        name = work.pop()
        function = functions[name]
        for block, depth in zip(function.blocks, function.depth(), strict=True):
            for other in {symbol for _, operands in block for symbol in SYMBOL.findall(operands)}:
                around = min(depths[name] + depth, len(functions))  # a recursion would deepen for ever
                if other in functions and other != name and depths.get(other, -1) < around:
                    depths[other] = around
                    work.append(other)
    return depths


def _count(function: _Function, depth: int, known: Iterable[str]) -> Code:
    code = Code(_sum(map(_counts, function.blocks)), loops=len(function.loops))
    names = _held(function)
    for loop, counts, weight in _weighed(function, depth):
        own = [function.blocks[block] for block in loop.own]
        code += Code(
            innermost=counts if loop.innermost else Counts(),
            hot=counts,
            calls=tuple({call for block in own for call in _calls(block, names, known)} if weight else ()),
            weight=weight,
        )
    return code


def _weighed(function: _Function, depth: int) -> Iterator[tuple[_Loop, Counts, float]]:
    """Every loop of a function that has so many around it, what it counts and how much it does."""
    for loop in function.loops:
        counts = _sum(_counts(function.blocks[block]) for block in loop.own)
        yield loop, counts, (counts.numbers + counts.fused) * float(TURNS) ** (depth + loop.depth)


def _sum(counts: Iterable[Counts]) -> Counts:
    total = Counts()
    for one in counts:
        if one.arithmetic or one.gathers:
            total += one
    return total


def _counts(block: Sequence[tuple[str, str]]) -> Counts:
    """The arithmetic of one block."""
    arithmetic = packed = fused = gathers = numbers = 0
    widths: Counter[str] = Counter()
    for mnemonic, operands in block:
        if "gather" in mnemonic or (mnemonic.startswith("ld1") and re.search(r"\[[xz]\d+, z|\[z", operands)):
            gathers += 1
        form = _x86(mnemonic, operands) if "%" in operands else _arm(mnemonic, operands)
        if form is None:
            continue
        lanes, bits, is_fused = form
        arithmetic += 1
        numbers += lanes
        fused += is_fused
        if bits:
            packed += 1
            widths[bits] += 1
    return Counts(arithmetic, packed, fused, gathers, numbers, dict(widths))


def _x86(mnemonic: str, operands: str) -> tuple[int, str, bool] | None:
    """Numbers, bits ("" for a scalar) and whether it is fused; None where it is no arithmetic."""
    found = X86.match(mnemonic)
    if not found:
        return None
    fused = found["fused"] is not None
    if found["kind"][0] == "s":
        return 1, "", fused
    bits = 512 if "%zmm" in operands else 256 if "%ymm" in operands else 128
    return bits // (32 if found["kind"] == "ps" else 64), str(bits), fused


def _arm(mnemonic: str, operands: str) -> tuple[int, str, bool] | None:
    """As `_x86`; a scalable register counts as 128 bits, the least that it has."""
    found = ARM.match(mnemonic.partition(".")[0])
    if not found:
        return None
    fused = found["fused"] is not None
    if vector := re.search(r"\bv\d+\.(\d+)([hsd])", operands):
        size = {"h": 16, "s": 32, "d": 64}[vector[2]]
        return int(vector[1]), str(int(vector[1]) * size), fused
    if vector := re.search(r"\bz\d+\.([hsd])", operands):
        return {"h": 8, "s": 4, "d": 2}[vector[1]], "scalable", fused
    return 1, "", fused


def _held(function: _Function) -> dict[str, str]:
    """The function whose address a register holds, for registers that are given one address only."""
    given: defaultdict[str, set[str]] = defaultdict(set)
    for block in function.blocks:
        for mnemonic, operands in block:
            if found := _address(mnemonic, operands):
                given[found[0]].add(found[1])
    return {register: symbols.pop() for register, symbols in given.items() if len(symbols) == 1}


def _address(mnemonic: str, operands: str) -> tuple[str, str] | None:
    """The register and the symbol, where an instruction loads an address."""
    if mnemonic.startswith("movabs") and operands.startswith("$") and SYMBOL.match(operands, 1):
        symbol, _, register = operands[1:].rpartition(",")
        return register.strip(), symbol
    if mnemonic in ("movz", "movk") and ":abs_g" in operands:
        register, _, symbol = operands.partition(",")
        return register, symbol.rpartition(":")[2]
    return None


def _calls(block: Sequence[tuple[str, str]], names: Mapping[str, str], known: Iterable[str]) -> Iterator[str]:
    """The functions that a block calls, but for those counted themselves and Numba's own."""
    here = dict(names)
    for mnemonic, operands in block:
        if found := _address(mnemonic, operands):
            here[found[0]] = found[1]
        elif mnemonic in ("call", "callq", "bl", "blr"):
            target = operands.strip()
            if target.startswith("*") or mnemonic == "blr":
                target = here.get(target.lstrip("*"), "?")
            target = target.partition("@")[0]
            if target not in known and not target.startswith(RUNTIME):
                yield target
