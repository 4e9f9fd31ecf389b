"""A notebook's cell magic, in a real IPython shell."""

import numpy as np
import pytest

from perflab.cli import notebook

pytest.importorskip("IPython", reason="no IPython (perflab[dev]): the cell magic was not tried")
from IPython.core.error import UsageError
from IPython.testing.globalipapp import start_ipython

pytestmark = pytest.mark.slow

RIGHT = """
def forward(x, w, b):
    return np.matmul(x, w) + b, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""


@pytest.fixture(scope="module")
def shell():
    started = start_ipython()
    started.run_line_magic("load_ext", "perflab")
    started.run_cell("import numpy as np")
    return started


def test_a_right_cell_is_checked_raced_and_defined(shell):
    checked = shell.run_cell_magic("perflab", "fully_connected mine", RIGHT)
    assert checked.ok
    assert checked.summary is not None
    figures = {cell.technique for cell in checked.summary.figures}
    assert {"mine", "vectorized"} <= figures
    assert "fully_connected/mine" in repr(checked)
    assert "fully_connected/mine" in checked._repr_html_()
    out, _ = shell.user_ns["forward"](np.ones((2, 3)), np.ones((3, 1)), np.zeros(1))
    assert out.tolist() == [[3.0], [3.0]]


def test_a_wrong_cell_is_told_and_not_raced(shell):
    wrong = RIGHT.replace("dout.sum(axis=0)", "dout.sum(axis=0) * 2")
    checked = shell.run_cell_magic("perflab", "fully_connected", wrong)
    assert not checked.ok
    assert checked.summary is None
    assert "wanted" in repr(checked)


def test_an_exercise_is_shown_and_a_cell_is_an_attempt_at_it(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = shell.run_line_magic("perflab", "climb fully_connected")
    assert "def forward(x, w, b)" in repr(shown)
    wrong = RIGHT.replace("dout.sum(axis=0)", "dout.sum(axis=0) * 2")
    tried = shell.run_cell_magic("perflab", "climb fully_connected", wrong)
    assert not tried.passed
    assert "wanted" in repr(tried)
    assert '"attempts"' in (tmp_path / "climb.json").read_text()


def test_lines_have_the_numbers_that_the_notebook_shows(shell):
    cell = RIGHT.replace("    return np.matmul(x, w) + b, (x, w)", "    raise KeyError('x')")
    checked = shell.run_cell_magic("perflab", "fully_connected --no-race", cell)
    assert "(line 4)" in checked.reviewed.reviews[0].reason  # the magic, an empty line, forward, this


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("convolve", "convolve: unknown operation"),
        ("", "the following arguments are required: operation"),
        ("fully_connected naive", "has a technique naive already"),
        ("fully_connected --preset slow", "slow: unknown preset"),
    ],
)
def test_a_mistake_is_one_line(shell, line, told):
    with pytest.raises(UsageError) as refused:
        shell.run_cell_magic("perflab", line, RIGHT)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_line_magic_of_an_operation_asks_for_a_cell(shell):
    with pytest.raises(UsageError, match="wanted %%perflab conv2d, and the code under it"):
        shell.run_line_magic("perflab", "conv2d")


def test_what_a_cell_uses_of_the_notebook_is_imported_for_it():
    names = {"np": np, "matmul": np.matmul, "one": 1, "unused": pytest, "ndarray": np.ndarray}
    assert notebook.imports("np.ones(one); matmul; ndarray; other", names) == [
        "from numpy import matmul as matmul",
        "from numpy import ndarray as ndarray",
        "import numpy as np",
    ]
