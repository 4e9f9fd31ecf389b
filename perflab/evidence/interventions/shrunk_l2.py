"""All inputs in the second cache, by the same code with the same number of accesses."""

from __future__ import annotations

from perflab.evidence.causes import shrinking
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Program

MISSES = "cache misses"


def apply(program: Program) -> Change | None:
    """Applicable where the inputs are larger than half of the cache."""
    return shrinking.into(program, "L2")


intervention = Intervention(
    name="inputs in the L2 cache",
    cause=MISSES,
    because="the inputs come from beyond the L2 cache",
    changes="the same accesses, to memory that fits into L2",
    apply=apply,
)
