"""All inputs in the first cache, by the same code with the same number of accesses."""

from __future__ import annotations

from perflab.evidence.causes import shrinking
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Program
from perflab.evidence.interventions.shrunk_l2 import MISSES


def apply(program: Program) -> Change | None:
    """Applicable where the inputs are larger than half of the cache, and no branch depends on them."""
    return None if program.any(shrinking.branches_on_data) else shrinking.into(program, "L1")


intervention = Intervention(
    name="inputs in the L1 cache",
    cause=MISSES,
    because="the inputs come from beyond the L1 cache",
    changes="the same accesses, to memory that fits into L1",
    apply=apply,
)
