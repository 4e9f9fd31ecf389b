"""The arithmetic of assembly instructions, x86-64 and AArch64: how many numbers, how packed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from perflab.evidence.graph import Block, Instruction
from perflab.records.evidence import Counts

# Comparisons are arithmetic: an operation's flops count them too.
X86 = re.compile(
    r"v?(?:add|sub|mul|div|sqrt|min|max|addsub|hadd|rcp14|rsqrt14|round|rndscale|u?comi|cmp\w*"
    r"|(?P<fused>fn?m(?:add|sub|addsub|subadd)\d+))(?P<kind>ps|pd|ss|sd)$"
)
ARM = re.compile(
    r"(?:fadd|fsub|fn?mul|fmulx|fdiv|fsqrt|f(?:max|min)(?:nm)?(?:p|v)?|faddp|fabd|frint\w|fc?cmpe?|fcm\w\w"
    r"|frecp\w|frsqrt\w|(?P<fused>fn?m(?:add|sub)|fml[as]|fn?mad|fn?msb))$"
)
GATHER = re.compile(r"\[[xz]\d+, z|\[z")  # an AArch64 load from a vector of addresses


def vector_bits(instruction: Instruction) -> int:
    """The width of the vector that an instruction works on or moves; 0 for a scalar."""
    mnemonic, operands = instruction.mnemonic, instruction.operands
    if "%" not in operands:
        form = _form(instruction)
        wide = re.search(r"\bv\d+\.|\bq\d+\b", operands)
        return int(form[1]) if form and form[1].isdigit() else 128 if wide else 0
    for register, bits in (("%zmm", 512), ("%ymm", 256)):
        if register in operands:
            return bits
    return 128 if "%xmm" in operands and re.search(r"(p[sd]|dqu?[a-z]?\d*)$", mnemonic) else 0


def total_of(counts: Iterable[Counts]) -> Counts:
    """The counts of several blocks together."""
    return sum((each for each in counts if each.arithmetic or each.gathers), Counts())


def counts_of(block: Block) -> Counts:
    """The arithmetic of one block."""
    arithmetic = list(filter(None, map(_form, block)))
    widths = Counter(bits for _, bits, _ in arithmetic if bits)
    gathers = sum(
        "gather" in each.mnemonic or (each.mnemonic.startswith("ld1") and bool(GATHER.search(each.operands)))
        for each in block
    )
    return Counts(
        len(arithmetic), widths.total(), sum(fused for *_, fused in arithmetic), gathers,
        sum(lanes for lanes, *_ in arithmetic), dict(widths),
    )  # fmt: skip


def flops_of(instructions: Iterable[Instruction]) -> int:
    """The floating-point operations of instructions, a fused multiply-add as two."""
    forms = filter(None, map(_form, instructions))
    return sum(lanes * (2 if fused else 1) for lanes, _, fused in forms)


def _form(instruction: Instruction) -> tuple[int, str, bool] | None:
    """Numbers, bits ("" for a scalar) and whether it is fused; None where it is not arithmetic.

    A scalable register counts as 128 bits, the least that it has.
    """
    mnemonic, operands = instruction.mnemonic, instruction.operands
    is_x86 = "%" in operands
    match = X86.match(mnemonic) if is_x86 else ARM.match(mnemonic.partition(".")[0])
    if not match:
        return None
    fused = match["fused"] is not None
    if is_x86 and match["kind"][0] == "p":
        bits = 512 if "%zmm" in operands else 256 if "%ymm" in operands else 128
        return bits // (32 if match["kind"] == "ps" else 64), str(bits), fused
    if not is_x86 and (vector := re.search(r"\bv\d+\.(\d+)([hsd])", operands)):
        size = {"h": 16, "s": 32, "d": 64}[vector[2]]
        return int(vector[1]), str(int(vector[1]) * size), fused
    if not is_x86 and (vector := re.search(r"\bz\d+\.([hsd])", operands)):
        return {"h": 8, "s": 4, "d": 2}[vector[1]], "scalable", fused
    return 1, "", fused
