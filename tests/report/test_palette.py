"""The hues of branches and the shades of rungs keep apart for all eyes, by day and by night."""

import itertools

import numpy as np
import pytest
from test_figures import WITHOUT_A_CONE, lab, linear

from perflab.report.figures.palette import COLOURS, SHADES

MAIN = ("numpy", "compiled")  # the two that almost every ladder has
STEP, APART = 5.0, 18.0  # in CIE L*a*b*: between neighbouring shades, between shades of the main hues


def seen(hue, mode, eyes):
    return [lab(WITHOUT_A_CONE[eyes] @ linear(colour)) for colour in SHADES[hue][mode].split()]


def test_no_colour_has_two_names():
    for mode in (0, 1):
        values = [pair[mode] for pair in COLOURS.values()]
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", WITHOUT_A_CONE)
def test_shades_keep_apart_for_all_eyes(eyes, mode):
    for hue in SHADES:
        for one, next_one in itertools.pairwise(seen(hue, mode, eyes)):
            assert np.linalg.norm(one - next_one) > STEP, hue
    for one, other in itertools.product(*(seen(hue, mode, eyes) for hue in MAIN)):
        assert np.linalg.norm(one - other) > APART
