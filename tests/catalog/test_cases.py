"""What a case costs, by direction and dtype."""

import pytest

import perflab
from perflab.catalog import cases
from perflab.contract import DIRECTIONS


@pytest.mark.parametrize("operation", ["fully_connected", "conv2d", "rnn", "mlp"])
def test_numbers_of_eight_bytes_move_twice_the_bytes_for_the_same_arithmetic(operation):
    described = perflab.operation(operation)
    case = described.case("tiny")
    single, double = (cases.costs(described, case, dtype) for dtype in ("float32", "float64"))
    for direction in DIRECTIONS:
        assert double[direction].flops == single[direction].flops > 0
        assert double[direction].bytes == 2 * single[direction].bytes > 0
