"""Numbers as words: one answer for one number, wherever it stands."""

import json
import re

import numpy as np
import pytest
from conftest import ROOT

from perflab import units


@pytest.mark.parametrize(
    ("count", "digits", "text"),
    [
        (0, 3, "0 B"), (1023, 3, "1023 B"), (1024, 3, "1 KiB"), (24576, 3, "24 KiB"), (24576, 2, "24 KiB"),
        (1010 * 2**10, 3, "1010 KiB"), (1.5 * 2**20, 3, "1.5 MiB"), (480 << 20, 3, "480 MiB"),
        (2**30, 2, "1 GiB"), (5 * 2**40, 3, "5120 GiB"), (None, 3, "–"),
    ],
)  # fmt: skip
def test_bytes_are_binary_multiples(count, digits, text):
    assert units.in_bytes(count, digits) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0123, 2, "12 ms"),
        (0.9999999, 3, "1.00 s"),
        (7e-10, 2, "0.70 ns"),
        (0.0, 3, "0 ns"),
        (90, 3, "90.0 s"),
    ],
)
def test_a_time_has_the_largest_unit_that_it_fills(value, digits, text):
    assert units.seconds(value, digits) == text


def test_json_holds_no_infinity_and_no_scalar_of_numpy():
    value = {"a": np.float32("nan"), 1: [np.int64(3), float("-inf"), (True, None, "x")]}
    assert (
        json.dumps(units.finite(value), allow_nan=False) == '{"a": null, "1": [3, null, [true, null, "x"]]}'
    )


def test_sizes_are_written_nowhere_else():
    for path in (ROOT / "perflab").rglob("*.py"):
        code = "\n".join(line.partition("#")[0] for line in path.read_text("utf-8").splitlines())
        assert not re.search(r"\b[KMG]B\b(?!/s)", code), f"{path}: only rates are decimal; a size is in KiB"
