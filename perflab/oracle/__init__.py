"""Given an implementation: is it right? Verdicts with error, place and the mistake by name."""

from perflab.oracle.estimate import remarks
from perflab.oracle.fairness import WIDER, merged, remark
from perflab.oracle.observation import fingerprint, is_wider
from perflab.oracle.pairs import Pair, pairwise
from perflab.oracle.references import (
    DIFFERENCE_TOLERANCE,
    EXTENDED_FLOPS,
    STEP,
    Reference,
    Worst,
    along_a_direction,
    differentiable,
    form,
    held_to,
    judge,
    reference,
    weight,
)
from perflab.oracle.verdict import THIN, cannot_run, examine, verdict_on, verify

__all__ = [
    "DIFFERENCE_TOLERANCE", "EXTENDED_FLOPS", "STEP", "THIN", "WIDER", "Pair", "Reference", "Worst",
    "along_a_direction", "cannot_run", "differentiable", "examine", "fingerprint", "form", "held_to",
    "is_wider", "judge", "merged", "pairwise", "reference", "remark", "remarks",
    "verdict_on", "verify", "weight",
]  # fmt: skip
