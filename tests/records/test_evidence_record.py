"""The evidence on a technique as a record: every field is saved, a missing reason is not."""

from perflab.records import typed
from perflab.records.evidence import Counts, Evidence

WHO = {"operation": "conv2d", "technique": "jit", "dtype": "float32", "case": "tiny"}


def test_what_is_known_reads_back_with_its_zeros():
    evidence = Evidence(**WHO)
    plain = evidence.plain()
    assert plain["lines"] == 0
    assert "reason" not in plain
    assert typed.read(Evidence, plain) == evidence


def test_a_reason_for_its_absence_reads_back():
    evidence = Evidence(**WHO, reason="it ended its process")
    assert typed.read(Evidence, evidence.plain()).reason == "it ended its process"


def test_scalable_registers_are_counted_beside_those_of_a_width():
    counts = typed.read(Counts, {"arithmetic": 3, "packed": 3, "widths": {"scalable": 2, "128": 1}})
    assert counts.widest == 128
    assert (counts + counts).widths == {"scalable": 4, "128": 2}
