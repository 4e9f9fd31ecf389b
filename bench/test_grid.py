"""The whole grid as one parametrised test: a block is one contender's turn in one pass."""

from perflab import plan


def test_block(block, contest, benchmark):
    contest.measure(plan.parse(block), benchmark)
