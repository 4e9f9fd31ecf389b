"""Winograd's rounding bound counts the roundings of one term: each axis of the sums adds its own."""

import numpy as np
import pytest

from perflab.ops.conv2d._transforms import AT, BT, G
from perflab.ops.conv2d._winograd_bound import rounding

SIZES = {"N": 2, "C": 5, "H": 7, "W": 9, "F": 3}


def counts(**changed):
    """The numbers of roundings of the output, dx, dw and db: what the bound asks gamma for."""
    N, C, H, W, F = (SIZES | changed).values()
    x, w, b, dout = np.ones((N, C, H, W)), np.ones((F, C, 3, 3)), np.ones(F), np.ones((N, F, H, W))
    asked = []
    rounding(2, lambda k: asked.append(k) or 1.0, dout, x, w, b, (1, 1))
    return asked


@pytest.mark.parametrize(
    ("axis", "more"), [("C", (1, 0, 0, 0)), ("F", (0, 1, 0, 0)), ("N", (0, 0, 63, 63)), ("H", (0, 0, 18, 18))]
)
def test_one_more_of_an_axis_adds_the_roundings_of_its_sums(axis, more):
    base, longer = counts(), counts(**{axis: SIZES[axis] + 1})
    assert [b - a for a, b in zip(base, longer, strict=True)] == list(more)


def test_every_number_of_a_transform_is_a_rounding():
    """F(2, 3): rows of 2, 3 and 3 entries in both directions, all exact; 5 channels and the bias."""
    out, dx, _, db = counts()
    assert (out, dx, db) == (2 * (2 + 3 + 3) + 5 + 1, 2 * (2 + 3 + 3) + 3 + 1, 2 * 7 * 9)


@pytest.mark.parametrize(("m", "r"), sorted(G))
def test_the_matrices_give_the_correlation_exactly(m, r):
    """On whole numbers, in one dimension: out[i] = Σ x[i + u]·w[u], in fractions of 24."""
    n = m + r - 1
    x, w = np.arange(1, n + 1) ** 2 % 7, np.arange(2, r + 2) ** 3 % 5
    bt, g, at = (np.array(matrix) for matrix in (BT[n], G[m, r], AT[m, r]))
    scaled = np.rint(24 * g)
    assert np.allclose(scaled, 24 * g)
    out = at @ ((scaled @ w) * (bt @ x))
    assert out.tolist() == [24 * int(x[i : i + r] @ w) for i in range(m)]
