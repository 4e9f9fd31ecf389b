"""A rubric: what it says is read, and what it cannot say is told in one line."""

import pytest
from conftest import one_line, perflab

from perflab import catalog
from perflab.contract import PerflabError
from perflab.records import rubric

OPERATIONS = catalog.operations()


def loaded(folder, text):
    (folder / "rubric.toml").write_text(text, "utf-8")
    return rubric.load(folder / "rubric.toml", OPERATIONS)


def test_the_example_is_one(tmp_path):
    done = perflab("new", "--rubric", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "rubric.toml\n")
    points = rubric.load(tmp_path / "rubric.toml", OPERATIONS)
    assert points.limit_s == 10
    assert points.entries["fully_connected"].most == 6
    assert points.entries["conv2d"].fast[1].seconds == 0.005
    assert points.of("conv2d", "naive") == "conv2d"
    assert points.of("rnn", "rnn") == ""
    assert "exists already" in one_line(perflab("new", "--rubric", cwd=tmp_path), 2)


def test_a_variant_comes_before_its_operation(tmp_path):
    points = loaded(tmp_path, '[conv2d]\nright = 1\n["conv2d/fast"]\nright = 2\n')
    assert points.of("conv2d", "fast") == "conv2d/fast"
    assert points.of("conv2d", "naive") == "conv2d"


WRONG = {
    "[conv2f]\nright = 1": "conv2f: unknown function; did you mean conv2d",
    "[conv2d]\nrigth = 1": "conv2d.rigth: unknown key; did you mean right",
    "[conv2d]\nfast = [{ tines = 2, points = 1 }]": "tines: unknown key; did you mean times",
    "lmit = 3\n[conv2d]": "unknown key; did you mean limit",
    '[conv2d]\nright = "many"': 'conv2d.right is "many"; wanted points, a number',
    "[conv2d]\nright = -1": "conv2d.right is -1; wanted points, a number",
    "[conv2d]\nright = nan": "conv2d.right is nan; wanted points, a number",
    "[conv2d]\nright = true": "conv2d.right is true; wanted points, a number",
    "[conv2d]\nfast = [{ times = 2, points = 'x' }]": "conv2d.fast[0].points",
    "[conv2d]\nfast = [{ points = 1 }]": "wanted either times or seconds",
    "[conv2d]\nfast = [{ times = 0, points = 1 }]": "wanted a number above 0",
    "[conv2d]\nfast = 3": "conv2d.fast is 3; wanted a list",
    "limit = 0\n[conv2d]": "limit is 0; wanted a number above 0",
    "right = [": "not a rubric in TOML",
    "": "no function in it",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_in_it_is_told_in_one_line(tmp_path, text):
    with pytest.raises(PerflabError) as told:
        loaded(tmp_path, text)
    assert WRONG[text] in str(told.value)
    assert "\n" not in str(told.value)
    assert str(told.value).startswith(str(tmp_path / "rubric.toml"))


def test_one_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(PerflabError, match="cannot be read"):
        rubric.load(tmp_path / "none.toml", OPERATIONS)
