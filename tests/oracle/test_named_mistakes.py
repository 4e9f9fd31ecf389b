"""Mistakes in losses of (W, X, y, reg) and in recurrent layers are named; other wrong files get no name."""

import textwrap

import pytest
from conftest import slow_but

from perflab import catalog
from perflab.catalog import outside
from perflab.oracle.diagnosis import diagnose
from perflab.oracle.observation import answer_of

LOSS = """
import numpy as np

def softmax_loss_vectorized(W, X, y, reg):
    N, rows = len(y), np.arange(len(y))
    S = X @ W
    S = S - S.max(axis=1, keepdims=True)
    P = np.exp(S)
    P = P / P.sum(axis=1, keepdims=True)
    loss = -np.log(P[rows, y]).sum()
    loss = loss / N
    loss = loss + reg * np.sum(W * W)
    D = P.copy()
    D[rows, y] -= 1
    dW = X.T @ D
    dW = dW / N
    dW = dW + 2 * reg * W
    return loss, dW
"""
LOOPS = """
import numpy as np

def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for i in range(len(y)):
        s = X[i] @ W
        s = s - s.max()
        p = np.exp(s) / np.exp(s).sum()
        loss += -s[y[i]] + np.log(np.exp(s).sum())
        for c in range(W.shape[1]):
            dW[:, c] += (p[c] - (c == y[i])) * X[i]
    loss /= len(y)
    dW /= len(y)
    loss += 0.5 * reg * np.sum(W * W)
    dW += reg * W
    return loss, dW
"""
RNN = """
import numpy as np

def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h, last, cache = np.zeros((N, T, b.shape[0])), h0, []
    for t in range(T):
        before = last
        a = x[:, t] @ Wx + last @ Wh + b
        last = np.tanh(a)
        h[:, t] = last
        cache.append((x[:, t], before, last, Wx, Wh))
    return h, cache

def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx, dWx, dWh, db = np.zeros((N, T, D)), np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    carried = np.zeros((N, H))
    for t in reversed(range(T)):
        xt, before, now, Wx, Wh = cache[t]
        da = (dh[:, t] + carried) * (1 - now * now)
        dx[:, t] = da @ Wx.T
        carried = da @ Wh.T
        dWx += xt.T @ da
        dWh += before.T @ da
        db += da.sum(axis=0)
    dh0 = carried
    return dx, dh0, dWx, dWh, db
"""
# What stands in the template, what a student wrote in its place, and the names of the mistakes.
IN_LOSSES = {
    "loss_summed": (LOSS, "loss = loss / N", "pass"),
    "loss_mean_twice": (LOSS, "loss = loss / N", "loss = loss / N / N"),
    "loss_without_reg": (LOSS, "loss = loss + reg * np.sum(W * W)", "pass"),
    "loss_reg_averaged": (LOSS, "+ reg * np.sum(W * W)", "+ reg * np.sum(W * W) / N"),
    "loss_reg_per_sample": (LOOPS, "loss += 0.5 * reg", "loss += 0.5 * len(y) * reg"),
    "loss_sign_flipped": (LOSS, "loss = -np.log(P[rows, y])", "loss = np.log(P[rows, y])"),
    "loss_without_log": (LOSS, "-np.log(P[rows, y])", "-(P[rows, y])"),
    "loss_of_last_sample": (LOOPS, "loss += -s", "loss = -s"),
    "missing_mean": (LOSS, "dW = dW / N", "pass"),
    "mean_twice": (LOSS, "dW = dW / N", "dW = dW / N / N"),
    "divided_by_classes": (LOSS, "dW = dW / N", "dW = dW / W.shape[1]"),
    "missing_target": (LOSS, "D[rows, y] -= 1", "pass"),
    "target_added": (LOSS, "D[rows, y] -= 1", "D[rows, y] += 1"),
    "target_in_every_row": (LOSS, "D[rows, y] -= 1", "D[:, y] -= 1"),
    "unnormalised": (LOSS, "D = P.copy()", "D = np.exp(S)"),
    "scores_for_probabilities": (LOSS, "D = P.copy()", "D = X @ W"),
    "last_sample_only": (LOOPS, "dW[:, c] += (p", "dW[:, c] = (p"),
    "missing_reg": (LOSS, "dW = dW + 2 * reg * W", "pass"),
    "reg_halved": (LOSS, "2 * reg * W", "reg * W"),
    "reg_doubled": (LOOPS, "dW += reg * W", "dW += 2 * reg * W"),
    "reg_averaged": (LOSS, "dW = dW / N\n    dW = dW + 2 * reg * W", "dW = (dW + 2 * reg * W) / N"),
    "reg_per_sample": (LOSS, "dW + 2 * reg * W", "dW + 2 * N * reg * W"),
    "sign_flipped": (LOSS, "dW = X.T @ D", "dW = -X.T @ D"),
    "total_of_the_samples": (LOSS, "P.sum(axis=1, keepdims=True)", "P.sum(axis=0, keepdims=True)"),
    "wrong_axis": (LOSS, "P = P / P", "P = np.exp(X @ W - (X @ W).max(axis=0))\n    P = P / P.sum(axis=0) #"),
    "zeros": (LOSS, "return loss, dW", "return loss, 0 * dW"),
    "no_shift": (LOSS, "S = S - S.max(axis=1, keepdims=True)", "pass"),
}  # fmt: skip
IN_RECURRENT_LAYERS = {
    "no_bias": ("@ Wh + b", "@ Wh"),
    "starts_from_zero": ("last, cache = np.zeros((N, T, b.shape[0])), h0, []",
                         "last, cache = np.zeros((N, T, b.shape[0])), 0 * h0, []"),
    "never_fed_back": ("last @ Wh + b", "h0 @ Wh + b"),
    "wh_turned": ("last @ Wh + b", "last @ Wh.T + b"),
    "sigmoid": ("np.tanh(a)", "1 / (1 + np.exp(-a))"),
    "no_squash": ("np.tanh(a)", "a"),
    "bias_after_tanh": ("@ Wh + b\n        last = np.tanh(a)", "@ Wh\n        last = np.tanh(a) + b"),
    "not_carried": ("(dh[:, t] + carried)", "(dh[:, t])"),
    "only_the_last_upstream": ("(dh[:, t] + carried)", "((dh[:, t] if t == T - 1 else 0) + carried)"),
    "wh_not_transposed": ("da @ Wh.T", "da @ Wh"),
    "slope_not_squared": ("(1 - now * now)", "(1 - now)"),
    "slope_of_sigmoid": ("(1 - now * now)", "now * (1 - now)"),
    "slope_of_the_step_before": ("(1 - now * now)", "(1 - before * before)"),
    "no_slope": (" * (1 - now * now)", ""),
    "carried_without_slope": ("(dh[:, t] + carried) * (1 - now * now)",
                              "dh[:, t] * (1 - now * now) + carried"),
    "dwh_with_the_states_after": ("before.T @ da", "now.T @ da"),
    "dwh_assigned": ("dWh += ", "dWh = "),
    "dwx_assigned": ("dWx += ", "dWx = "),
    "db_of_one_step": ("db += ", "db = "),
    "dwh_turned": ("dWh += before.T @ da", "dWh += da.T @ before"),
    "mean_over_samples": ("dh0 = carried", "dh0, dWx, dWh, db = carried, dWx / N, dWh / N, db / N"),
    "mean_over_time": ("dh0 = carried", "dh0, dWx, dWh, db = carried, dWx / T, dWh / T, db / T"),
    "dh0_left_out": ("dh0 = carried", "dh0 = np.zeros((N, H))"),
    "dh0_without_wh": ("dh0 = carried", "dh0 = da"),
    "upstream_ignored": ("(dh[:, t] + carried)", "(1 + carried)"),
}  # fmt: skip
# Wrong, and none of the known mistakes.
UNKNOWN_LOSSES = [
    (LOSS, "loss = loss / N", "loss = loss / (N + 1)"),
    (LOSS, "loss = loss / N", "loss = 2 * loss / N"),
    (LOSS, "np.log(", "np.log2("),
    (LOSS, "reg * np.sum(W * W)", "reg * np.sum(np.abs(W))"),
    (LOSS, "reg * np.sum(W * W)", "reg * np.sqrt(np.sum(W * W))"),
    (LOSS, "reg * np.sum(W * W)", "reg * np.sum(W * W) + 0.25"),
    (LOSS, "P = np.exp(S)", "P = np.exp(0.5 * S)"),
    (LOSS, "P = np.exp(S)", "P = np.abs(S) + 1"),
    (LOSS, "D[rows, y] -= 1", "D[rows, y] -= 0.5"),
    (LOSS, "D[rows, y] -= 1", "D[rows, y] *= -1"),
    (LOSS, "dW = X.T @ D", "dW = np.abs(X).T @ D"),
    (LOSS, "dW = X.T @ D", "dW = X[::-1].T @ D"),
    (LOSS, "dW = X.T @ D", "dW = X.T @ D * (W > 0)"),
    (LOSS, "2 * reg * W", "2 * reg * np.sign(W)"),
    (LOSS, "2 * reg * W", "3 * reg * W"),
    (LOSS, "-np.log(P[rows, y])", "-np.log(P[rows, 0])"),
    (LOOPS, "s[y[i]]", "s[0]"),
    (LOOPS, "* X[i]", "* X[0]"),
]
UNKNOWN_LAYERS = [
    ("np.tanh(a)", "np.tanh(2 * a)"),
    ("np.tanh(a)", "np.sin(a)"),
    ("@ Wh + b", "@ Wh + 2 * b"),
    ("last @ Wh", "0.5 * last @ Wh"),
    ("(1 - now * now)", "(1 - 0.5 * now * now)"),
    ("(1 - now * now)", "(1 - now * now * now)"),
    ("+ carried)", "+ 0.5 * carried)"),
    ("da @ Wx.T", "np.abs(da) @ Wx.T"),
    ("xt.T @ da", "np.abs(xt).T @ da"),
    ("before.T @ da", "2 * before.T @ da"),
    ("before.T @ da", "(before + now).T @ da"),
    ("db += da.sum(axis=0)", "db += da[0]"),
    ("dh0 = carried", "dh0 = -carried"),
    ("dh0 = carried", "dh0 = carried + 1"),
]


def diagnosed(tmp_path, operation, template, right, written):
    assert template.count(right) == 1, "the template has this once"
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(template.replace(right, written)), "utf-8")
    (column,) = outside.read(file).implementations
    described = catalog.operation(operation)
    return diagnose(described, lambda case: answer_of(described, case, column), column.gives)


@pytest.mark.parametrize("name", slow_but([*IN_LOSSES][:6], IN_LOSSES))
def test_a_mistake_in_a_loss_of_w_x_y_and_reg_is_named(tmp_path, name):
    found = diagnosed(tmp_path, "softmax_loss", *IN_LOSSES[name])
    assert [d.mistake for d in found] == [name]


@pytest.mark.parametrize("name", slow_but([*IN_RECURRENT_LAYERS][-6:], IN_RECURRENT_LAYERS))
def test_a_mistake_in_a_recurrent_layer_is_named(tmp_path, name):
    found = diagnosed(tmp_path, "rnn", RNN, *IN_RECURRENT_LAYERS[name])
    assert [d.mistake for d in found] == [name]


@pytest.mark.parametrize("mistake", slow_but(UNKNOWN_LOSSES[:4], UNKNOWN_LOSSES), ids=str)
def test_another_mistake_in_a_loss_gets_no_name(tmp_path, mistake):
    found = diagnosed(tmp_path, "softmax_loss", *mistake)
    assert found
    assert {d.mistake for d in found} == {""}


@pytest.mark.parametrize("mistake", slow_but(UNKNOWN_LAYERS[:4], UNKNOWN_LAYERS), ids=str)
def test_another_mistake_in_a_recurrent_layer_gets_no_name(tmp_path, mistake):
    found = diagnosed(tmp_path, "rnn", RNN, *mistake)
    assert found
    assert {d.mistake for d in found} == {""}


@pytest.mark.parametrize(
    ("operation", "template"), [("softmax_loss", LOSS), ("softmax_loss", LOOPS), ("rnn", RNN)]
)
def test_the_templates_are_right_one_of_them_not_at_extreme_scores(tmp_path, operation, template):
    line = "import numpy as np"
    names = ["log_of_zero"] if template is LOSS else []
    assert [d.mistake for d in diagnosed(tmp_path, operation, template, line, line)] == names
