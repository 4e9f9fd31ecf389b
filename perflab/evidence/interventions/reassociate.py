"""Allow additions in another order: the compiler may keep several sums at once."""

from __future__ import annotations

from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.permissions import allowed, sums
from perflab.evidence.causes.program import Program

CHAIN = "a chain of additions"
BECAUSE = "each addition waits for the one before it, as the order of the sum is fixed"


def apply(program: Program) -> Change | None:
    """Applicable where a loop adds to a floating-point number."""
    return allowed(program, {"reassoc"}) if program.any(sums) else None


intervention = Intervention(
    name="allow reassociation",
    cause=CHAIN,
    because=BECAUSE,
    changes="the compiler may change the order of additions and of products",
    apply=apply,
    ends=("the order of additions, and with it the last digits, and overflow on the way",),
)
