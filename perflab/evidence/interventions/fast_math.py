"""Allow everything that fast-math allows, to see what the permissions beyond the other two would give."""

from __future__ import annotations

from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.permissions import allowed, arithmetic
from perflab.evidence.causes.program import Program

FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}


def apply(program: Program) -> Change | None:
    """Applicable where a loop has floating-point arithmetic."""
    return allowed(program, FAST) if program.any(arithmetic) else None


intervention = Intervention(
    name="allow all of fast-math",
    cause="",
    because="several rules of floating-point arithmetic together keep the compiler from a faster form",
    changes="all seven permissions: nnan, ninf, nsz, arcp, contract, afn, reassoc",
    apply=apply,
    ends=("NaN", "inf", "the sign of 0", "the order of additions", "the rounding of products and quotients"),
)
