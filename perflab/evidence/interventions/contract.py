"""Allow a product and an addition to become one instruction, rounded once."""

from __future__ import annotations

from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.permissions import allowed, products_in_sums
from perflab.evidence.causes.program import Program


def apply(program: Program) -> Change | None:
    """Applicable where a loop adds a product."""
    return allowed(program, {"contract"}) if program.any(products_in_sums) else None


intervention = Intervention(
    name="allow contraction",
    cause="product and addition as two instructions",
    because="a product is rounded before it is added: two instructions in place of a fused one",
    changes="a·b + c may be rounded once, in one fused instruction",
    apply=apply,
    ends=("the rounding of a product before it is added",),
)
