"""The operands of x86-64 instructions as LLVM writes them (AT&T's order): what is read, what is written.

A place in memory counts as a register where its address stays the same: the sum that a loop keeps in memory
is a chain like one in a register.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perflab.evidence.graph import Instruction

REGISTER = re.compile(r"%([a-z]+\d*[a-z]*)")
ADDRESS = re.compile(r"[^,\s]*\([^)]*\)")
LETTERS = {"a": "rax", "b": "rbx", "c": "rcx", "d": "rdx"}
WIDTHS = {"b": 1, "w": 2, "l": 4, "q": 8}
# Two operands, of which the last is only written; most others of the old encoding read it too.
WRITES_ONLY = re.compile(r"mov|lea|cvt|sqrt|[lt]zcnt|popcnt|bs[fr]|pshuf|broadcast|set|pabs")
READS_TOO = re.compile(r"vfn?m(add|sub)|vpdp|vpternlog|vperm[it]2|vpmadd52|vscatter|vgather|vpgather")
CHOOSES = re.compile(r"vp?blendm|vp?cmp|vptestn?m|vfpclass")  # a mask chooses: what was there is not read
TESTS = re.compile(r"cmp[bwlq]$|test|v?u?comis|vptest|vtest|bt[wlq]?$|j|nop|prefetch|kortest|ktest")


@dataclass(frozen=True)
class Access:
    """Bytes at an address: displacement, base, index (names of registers, "" for none) and scale."""

    at: int
    base: str
    index: str
    scale: int
    bytes: int
    writes: bool


@dataclass(frozen=True)
class Flow:
    """What an instruction reads and writes: registers, and the registers of its address apart."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    address: tuple[str, ...]
    access: Access | None


def register(name: str) -> str:
    """The whole register that a name is a part of.

    >>> register("eax"), register("r8d"), register("ymm3")
    ('rax', 'r8', 'v3')
    """
    if match := re.fullmatch(r"[xyz]mm(\d+)", name):
        return f"v{match[1]}"
    if match := re.fullmatch(r"(r\d+)[bwd]?", name):
        return match[1]
    if match := re.fullmatch(r"[er]?([abcd])[xlh]", name):
        return LETTERS[match[1]]
    match = re.fullmatch(r"[er]?(si|di|bp|sp)l?", name)
    return f"r{match[1]}" if match else name


def flow(instruction: Instruction) -> Flow:
    """The flow of data through one instruction."""
    mnemonic, given = instruction.mnemonic, _split(instruction.operands)
    address = next((part for part in given if "(" in part), "")
    around = tuple(map(register, REGISTER.findall(address)))
    parts = [tuple(map(register, REGISTER.findall(part))) if part != address else () for part in given]
    tests = bool(TESTS.match(mnemonic))
    to_memory = bool(given) and given[-1] == address and not tests and address != ""
    touches = address and not mnemonic.startswith(("lea", "nop"))
    access = _access(instruction, address, to_memory) if touches else None
    place = (f"[{address}]",) if access else ()
    reads = [name for part in parts[: None if tests else -1] for name in part]
    writes: tuple[str, ...] = ()
    if given and not tests and not mnemonic.startswith("call"):
        destination, masks = (parts[-1][:1], parts[-1][1:]) if not to_memory else (place, parts[-1])
        reads += [*masks]
        merges = bool(masks) and "{z}" not in given[-1] and not CHOOSES.match(mnemonic)
        if merges or _reads_destination(mnemonic, len(given)):
            reads += destination
        writes = destination
    if access and not to_memory:
        reads += place
    if mnemonic.startswith(("div", "idiv", "mul")) or (mnemonic.startswith("imul") and len(given) == 1):
        reads, writes = [*reads, *(parts[0] if parts else ()), "rax", "rdx"], ("rax", "rdx")
    elif mnemonic in ("cqto", "cltd"):
        reads, writes = ["rax"], ("rdx",)
    if _clears(mnemonic, parts):
        reads = []
    if access:
        return Flow(tuple(reads), writes, around, access)
    return Flow((*reads, *around), writes, (), None)


def _split(operands: str) -> list[str]:
    """Operands apart: at the commas that are in no brackets."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", operands) if part.strip()]


def _reads_destination(mnemonic: str, count: int) -> bool:
    if mnemonic.startswith("v"):
        return bool(READS_TOO.match(mnemonic))
    return count <= 2 and not WRITES_ONLY.match(mnemonic) and mnemonic[:1] not in ("k", "j")


def _clears(mnemonic: str, parts: Sequence[tuple[str, ...]]) -> bool:
    """Whether the result is zero whatever is read."""
    clears = re.match(r"v?p?xor|sub|vpsub", mnemonic) is not None
    named = {name for part in parts for name in part}
    return clears and len(named) == 1 and all(len(part) == 1 for part in parts) and len(parts) > 1


def _access(instruction: Instruction, address: str, writes: bool) -> Access | None:
    if address.startswith("%") or ADDRESS.search(address) is None:
        return None
    displacement, _, inside = address.partition("(")
    words = [word.strip() for word in inside.partition(")")[0].split(",")]
    names = [register(word.lstrip("%")) if word else "" for word in words[:2]]
    scale = int(words[2]) if len(words) > 2 and words[2].isdigit() else 1
    at = int(displacement, 0) if re.fullmatch(r"-?(0x[0-9a-f]+|\d+)", displacement) else 0
    base, index = (*names, "", "")[:2]
    return Access(at, base, index, scale, _bytes(instruction), writes)


def _bytes(instruction: Instruction) -> int:
    """How many bytes an instruction reads or writes at its address."""
    mnemonic, operands = instruction.mnemonic, instruction.operands
    if match := re.search(r"(?:broadcast|insert|extract)[fi](\d+)x(\d+)", mnemonic):
        return int(match[1]) * int(match[2]) // 8
    if re.search(r"(?:insert|extract|broadcast)[fi]128", mnemonic):
        return 16
    if match := re.search(r"cvt(?:t?)(ss|sd|si)2", mnemonic):
        return {"ss": 4, "sd": 8}.get(match[1], WIDTHS.get(mnemonic[-1], 4))
    if re.search(r"ss$|movd$|cmp\w*ss$|broadcastd$|[ir]nsrd$|213ss$|\{1to\d+\}", mnemonic) or (
        "{1to" in operands and not mnemonic.endswith(("pd", "q"))
    ):
        return 4
    if re.search(r"sd$|mov[lh]p[sd]$|^v?movq$|broadcastq$|movddup$", mnemonic) or "{1to" in operands:
        return 8
    for name, size in (("%zmm", 64), ("%ymm", 32), ("%xmm", 16)):
        if name in operands:
            return size
    if match := re.match(r"mov[sz]([bwl])[wlq]$", mnemonic):
        return WIDTHS[match[1]]
    return WIDTHS.get(mnemonic[-1], 8)


def steps(instructions: Sequence[Instruction]) -> dict[str, int | None]:
    """By how much a turn changes each register that it writes; None where that is not a constant."""
    found: dict[str, int | None] = {}
    for instruction in instructions:
        for name, step in _steps(instruction):
            before = found.get(name, 0)
            found[name] = None if before is None or step is None else before + step
    return found


def _steps(instruction: Instruction) -> Iterator[tuple[str, int | None]]:
    mnemonic, given = instruction.mnemonic, _split(instruction.operands)
    stem = mnemonic.rstrip("bwlq")
    for name in flow(instruction).writes:
        constant = re.fullmatch(r"\$(-?(?:0x[0-9a-f]+|\d+))", given[0]) if len(given) == 2 else None
        if stem in ("inc", "dec"):
            yield name, 1 if stem == "inc" else -1
        elif stem in ("add", "su", "sub") and constant:
            yield name, int(constant[1], 0) * (1 if stem == "add" else -1)
        else:
            yield name, None
