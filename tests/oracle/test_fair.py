"""A file from outside is judged by its mathematics: right with remarks, wrong by name, or not run here."""

import html
import json
import textwrap

import numpy as np
import pytest
from conftest import ROOT, perflab

from perflab import catalog, oracle
from perflab.catalog import outside
from perflab.contract import DTYPES, PerflabError
from perflab.ops.max_pool2d import gradient
from perflab.ops.max_pool2d._ties import is_subgradient
from perflab.oracle.diagnosis import diagnose
from perflab.oracle.observation import answer_of
from perflab.oracle.sandbox.review import review

FILES = ROOT / "tests/catalog/assignments"
WIDER, TIES = "gives float64 for float32", "not by perflab's rule for ties"
NAN, SCORES, INPUTS = "not where the input holds NaN", "not at extreme scores", "not at extreme inputs"

MATRIX = (
    "it warns: PendingDeprecationWarning: the matrix subclass is not the recommended way to represent"
    " matrices or deal with linear algebra (see https://docs.scipy.org/doc/numpy/user/numpy-for-matlab-users.html)"
)

# Operation and status of every file, the remarks in float32 and in float64, the names of its mistakes.
JUDGED = {
    "float64_buffer": ("max_pool2d", "right", {WIDER}, set(), []),
    "pad_zero": ("conv2d", "wrong", set(), set(), ["cut_at_pad_zero"]),
    "loss_dw_unaveraged": ("softmax_loss", "wrong", set(), set(), ["missing_mean"]),
    "warns": ("softmax_loss", "right", {MATRIX}, {MATRIX}, []),
    "channels_last": ("conv2d", "right", {WIDER}, set(), []),
    "every_maximum": ("max_pool2d", "wrong", set(), set(), ["mask_for_argmax"]),
    "template_loss_given": ("softmax_loss", "unwritten", {SCORES}, {SCORES}, []),
    "tanh_by_hand": (
        "rnn", "right", {WIDER, INPUTS, "right to 1e-6, beyond the bound of library tanh"},
        {INPUTS, "right to 1e-15, beyond the bound of library tanh"}, [],
    ),
    "ties_shared": ("max_pool2d", "right", {TIES, NAN}, {TIES, NAN}, []),
    "rnn_wrong_derivative": ("rnn", "wrong", set(), set(), ["slope_not_squared"]),
    "py2/cs231n/classifiers/softmax": ("softmax_loss", "right", set(), set(), []),
}  # fmt: skip


def verdicts(column):
    """The statuses and the remarks in both dtypes."""
    described = catalog.operation(column.operation)
    return [oracle.examine(described, column, dtype) for dtype in DTYPES]


def mistakes(column):
    described = catalog.operation(column.operation)
    return diagnose(described, lambda case: answer_of(described, case, column), column.gives)


@pytest.fixture
def written(tmp_path):
    """The one implementation of a text, or all of them."""

    def of(text, operation=None, name="mine"):
        file = tmp_path / f"{name}.py"
        file.write_text("import numpy as np\n" + textwrap.dedent(text), "utf-8")
        return outside.read(file, operation)

    return of


@pytest.mark.parametrize("name", JUDGED)
def test_a_file_comes_out_as_what_it_is(name):
    operation, status, *remarks, names = JUDGED[name]
    (column,) = outside.read(FILES / "fair" / f"{name}.py", operation).implementations
    found = verdicts(column)
    assert [verdict.status for verdict in found] == [status, status], found[1].where
    assert [{*verdict.remarks} for verdict in found] == remarks
    assert status != "wrong" or [d.mistake for d in mistakes(column)] == names


def test_what_python_or_numpy_have_no_more_is_named_and_does_not_run_here():
    (found,) = review(FILES / "fair/old_names.py").reviews
    assert found.status == "cannot run here"
    assert (
        "it needs xrange of Python 2 (line 10), np.int of an older NumPy (line 22): TypeError" in found.reason
    )
    with pytest.raises(PerflabError, match=r"it is written for Python 2 \(line 3\)"):
        review(FILES / "fair/py2/cs231n/classifiers/linear.py")


def test_what_a_file_lacks_does_not_keep_its_other_functions_from_being_judged(tmp_path):
    file = tmp_path / "layers.py"
    file.write_text(
        "import not_built\nfrom not_built.columns import to_columns\nfrom broken import *\n"
        "class Net(not_built.Module): pass\n"
        "def affine_forward(x, w, b): return x.reshape(len(x), -1) @ w + b, (x, w)\n"
        "def affine_backward(dout, cache):\n    x, w = cache\n"
        "    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)\n"
        "def conv_forward_fast(x, w, b, conv_param): return to_columns(x), x\n"
        "def conv_backward_fast(dout, cache): return dout, dout, dout\n"
        "def max_pool_forward_fast(x, pool_param): return hidden(x), x\n"
        "def max_pool_backward_fast(dout, cache): return dout\n"
    )
    (tmp_path / "broken.py").write_text("1 / 0\n")
    found = review(file, dtypes=["float32"])
    assert [each.status for each in found.reviews] == ["right", "cannot run here", "cannot run here"]
    assert "No module named 'not_built'" in found.reviews[1].reason
    assert "not imported: " in found.reviews[2].reason
    assert "ZeroDivisionError: division by zero (line 1 of broken.py)" in found.reviews[2].reason
    assert sum(note.startswith("not imported: ") for note in found.notes) == 3


# ------------------------------------------------------------ ties, and more

POOL = """
    def max_pool_forward_naive(x, pool_param):
        h, w, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
        N, C, H, W = x.shape
        out = np.zeros((N, C, 1 + (H - h) // s, 1 + (W - w) // s), x.dtype)
        for i, j in np.ndindex(*out.shape[2:]):
            out[:, :, i, j] = x[:, :, i * s : i * s + h, j * s : j * s + w].max(axis=(2, 3))
        return out, (x, pool_param)
    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(*dout.shape):
            at = np.s_[n, c, i * s : i * s + h, j * s : j * s + w]
            met = x[at] == x[at].max()
            SHARE
            dx[at] += share * dout[n, c, i, j]
        return dx
"""


@pytest.mark.parametrize(
    ("share", "status"),
    [
        ("share = met / met.sum()", "right"),
        ("share = 0 * x[at]; share[tuple(np.argwhere(met)[-1])] = 1", "right"),
        (
            "share = np.cumsum(met).reshape(met.shape) * met; share = share / share.sum()",
            "right",
        ),
        ("share = met", "wrong"),
        ("share = met / met.size", "wrong"),
        ("share = met / met.sum() ** 2", "wrong"),
        ("share = np.ones(met.shape) / met.size", "wrong"),
    ],
    ids=["evenly", "the last", "unevenly", "to every one", "by the window", "too little", "to all"],
)
def test_a_tie_may_be_divided_in_any_way_that_adds_up(written, share, status):
    (column,) = written(POOL.replace("SHARE", share)).implementations
    found = verdicts(column)
    assert [verdict.status for verdict in found] == [status, status]
    assert all((TIES in verdict.remarks) == (status == "right") for verdict in found)


def test_a_subgradient_adds_up_in_every_group_of_windows():
    rng = np.random.default_rng(0)
    x, size, stride = rng.integers(0, 2, (2, 2, 7, 7)).astype(float), (3, 3), (2, 2)
    dout = rng.standard_normal((2, 2, 3, 3))
    (dx,) = gradient(dout, x, size, stride)
    eps = np.finfo(float).eps
    assert is_subgradient(eps, dx, dout, x, size, stride)
    for change in (1e-9, -1e-9):
        moved = dx.copy()
        moved[0, 0][np.unravel_index(np.abs(dx[0, 0]).argmax(), (7, 7))] += change
        assert not is_subgradient(eps, moved, dout, x, size, stride)
    assert not is_subgradient(eps, 0.5 * dx, dout, x, size, stride)


def test_perflabs_own_techniques_and_known_mistakes_are_held_to_its_conventions():
    pool = catalog.operation("max_pool2d")
    shared = next(mutant for mutant in catalog.mutants("max_pool2d") if mutant.name == "tie_shared")
    assert oracle.examine(pool, shared, "float64").status == "wrong"


@pytest.mark.parametrize(
    "squash", ["2 / (1 + np.exp(-2 * a)) - 1", "(np.exp(2 * a) - 1) / (np.exp(2 * a) + 1)"]
)
def test_another_tanh_is_right_with_a_remark(written, squash):
    text = (FILES / "fair/tanh_by_hand.py").read_text("utf-8")
    by_hand = "(np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))"
    assert by_hand in text
    (column,) = written(text.replace(by_hand, squash)).implementations
    for verdict in verdicts(column):
        assert verdict.ok, verdict.where
        assert any(remark.endswith("beyond the bound of library tanh") for remark in verdict.remarks)


def test_an_affine_layer_for_vectors_alone_is_right_and_said(written):
    (column,) = written("""
        def affine_forward(x, w, b): return x @ w + b, (x, w)
        def affine_backward(dout, cache): return dout @ cache[1].T, cache[0].T @ dout, dout.sum(axis=0)
    """).implementations
    assert oracle.examine(catalog.operation("fully_connected"), column, "float64").remarks == (
        "no reshape of (N, d1, ..., dk)",
    )


def test_what_is_beyond_the_published_sizes_is_not_tried_and_said(written):
    text = POOL.replace("SHARE", "assert (x.shape[2] - h) % s == 0; share = met / met.sum()")
    (column,) = written(text).implementations
    verdict = oracle.examine(catalog.operation("max_pool2d"), column, "float64")
    assert verdict.ok, verdict.where
    assert any("odd: published for (H − pool) % stride == 0" in line for line in verdict.left_out)


def test_functions_that_add_names_and_warn_are_heard(written):
    held = written("""
        import warnings
        def softmax_loss_naive(W, X, y, reg):
            global seen
            seen = W
            np.log(np.zeros(1))
            S = X @ W - (X @ W).max(axis=1, keepdims=True)
            D = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
            rows = np.arange(len(y))
            loss = (np.log(np.exp(S).sum(axis=1)) - S[rows, y]).mean() + reg * (W * W).sum()
            D[rows, y] -= 1
            return loss, X.T @ D / len(y) + 2 * reg * W
    """)
    (column,) = held.implementations
    for verdict in verdicts(column):
        assert verdict.ok, verdict.where
        assert verdict.remarks == ("it warns: RuntimeWarning: divide by zero encountered in log",)


def test_a_fault_in_what_is_given_does_not_hide_a_todo(written):
    (column,) = written("""
        def softmax_loss_naive(W, X, y, reg):
            dW = np.zeros_like(W)
            loss = 2 * len(y) + reg * np.sum(W * W)
            # TODO: the gradient
            return loss, dW
    """).implementations
    verdict = oracle.examine(catalog.operation("softmax_loss"), column, "float64")
    assert verdict.status == "unwritten"
    assert verdict.where.startswith("backward still to be written; what is written: odd: rounding bound: out")


def test_where_two_numbers_print_alike_their_difference_is_printed():
    described = catalog.operation("softmax_loss")
    case = described.checks["odd"]
    right = oracle.reference(described, *arguments(described, case), "float64")
    loss = right.values[0].astype(float) * (1 + 1e-13)
    worst = oracle.judge(right, [loss, *right.values[1:]])[0]
    assert worst.wanted.startswith(f"{worst.got} (off by ")


def arguments(described, case):
    from perflab.oracle.observation import Problem

    return Problem(described, case, "float64").arguments()


# ------------------------------------------------------------ other ways to write layers


def test_layers_as_classes_are_read_as_they_are():
    held = outside.read(FILES / "ways/book.py")
    names = [f"{column.operation}/{column.technique}" for column in held.implementations]
    assert names == [
        "fully_connected/book.Affine", "fully_connected/book.DenseLayer", "conv2d/book.Convolution",
        "max_pool2d/book.Pooling", "softmax_loss/book.SoftmaxWithLoss",
    ]  # fmt: skip
    for column in held.implementations:
        for verdict in verdicts(column):
            assert verdict.ok, verdict.where
    assert held.notes == ("left out: Linear (its __init__ does not take W and b)",)


def test_samples_in_columns_and_channels_last_are_read_as_they_are():
    held = outside.read(FILES / "ways/columns.py").implementations
    columns = {column.technique: column for column in held}
    linear, pool = columns["columns.linear"], columns["columns.pool"]
    assert [verdict.status for verdict in verdicts(linear)] == ["right", "right"]
    assert "its dW and db are means over the samples" in linear.notes[0]
    assert [verdict.status for verdict in verdicts(pool)] == ["wrong", "wrong"]
    assert [d.mistake for d in mistakes(pool)] == ["mask_for_argmax"]


def test_what_is_known_and_cannot_be_read_is_said_by_name(written):
    with pytest.raises(PerflabError, match=r"nothing in it can be read: lossFun \(a loss of characters"):
        written("def lossFun(inputs, targets, hprev): pass")
    with pytest.raises(
        PerflabError, match=r"nothing in it can be read: TimeRNN \(a recurrent layer that keeps"
    ):
        written("class TimeRNN:\n    def forward(self, xs): pass\n    def backward(self, dhs): pass")
    with pytest.raises(PerflabError, match=r"Value \(a node of an autograd framework"):
        written("class Value:\n    def __mul__(self, o): pass\n    def backward(self): pass", name="engine")


# ------------------------------------------------------------ as they are told


def test_remarks_and_mistakes_stand_in_the_json_and_in_the_terminal():
    done = perflab("verify", "--with", FILES / "fair/ties_shared.py", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert all(TIES in verdict["remarks"] for verdict in told["verdicts"])
    done = perflab("verify", "--dtype", "float64", "--with", FILES / "fair/pad_zero.py")
    assert done.returncode == 1
    assert "case one_pixel (N = 1, C = 1, H = 1, W = 1, F = 1, HH = 1, WW = 1" in done.stdout
    assert "dx[n,c,r,q] = dxpad[" in done.stdout
    assert "\\mathrm" not in done.stdout
    assert "worst there  dx: shape (" in done.stdout


@pytest.mark.slow
def test_a_race_accepts_what_verification_accepted(tmp_path):
    files = [FILES / f"fair/{name}.py" for name in ("ties_shared", "float64_buffer")]
    words = ("--preset", "smoke", "--case", "digits", "--dtype", *DTYPES, "--out", tmp_path / "run")
    done = perflab("run", "max_pool2d/vectorized", *words, "--with", *files)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "run/records.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    timed = {(r["technique"], r["dtype"]) for r in records if r["kind"] == "block"}
    shared, buffers = "ties_shared.reshape", "float64_buffer.naive"
    assert {(shared, "float32"), (shared, "float64"), (buffers, "float64")} <= timed
    assert (buffers, "float32") not in timed
    judged = [r for r in records if r["kind"] == "verdict" and r["technique"] == shared]
    assert all(TIES in r["remarks"] for r in judged)
    assert f"{shared}: {TIES}" in done.stdout
    assert f"{buffers}: {WIDER}: timed in float64 alone" in done.stdout
    assert TIES in html.unescape((tmp_path / "run/report.html").read_text("utf-8"))
