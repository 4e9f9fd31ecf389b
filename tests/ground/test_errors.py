"""The words of errors: one line each, whatever the exception says."""

import pytest

from perflab import errors


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("wrong"), "ValueError: wrong"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError("\r\n  first\r\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError: no message"),
        (KeyError("name"), "KeyError: 'name'"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_an_exception_is_one_line(error, line):
    assert errors.reason(error) == line


def test_another_message_stands_in_place_of_its_own():
    assert errors.reason(SyntaxError("its own"), "invalid syntax\nhere") == "SyntaxError: invalid syntax"


def test_what_is_unknown_comes_with_the_nearest_names_and_all_of_them():
    known = ["vectorized", "naive", "jit"]
    assert errors.unknown("technique", "vectorised", known) == (
        "vectorised: unknown technique; did you mean vectorized? there are vectorized, naive, jit"
    )
    assert errors.unknown("technique", "zzz", iter(known)).startswith("zzz: unknown technique; there are ")
    assert "did you mean jit?" in errors.unknown("technique", "rnn/jjit", known, "jjit")
