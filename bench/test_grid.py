"""The whole grid as one parametrised test: a block is one contender's turn in one pass."""

from perflab.records import Block


def test_block(block, contest, benchmark):
    contest.measure(Block.parse(block), benchmark)
