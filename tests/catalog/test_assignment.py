"""Files from outside: imported with what lies beside them, and CS231n's assignments read as they are."""

import os
import sys
import textwrap

import numpy as np
import pytest
from conftest import ROOT

from perflab import catalog, oracle
from perflab.catalog import outside
from perflab.catalog.outside import importing, losses
from perflab.contract import NotApplicable, PerflabError

FILLED = ROOT / "tests/catalog/assignments/filled/cs231n"
TEMPLATE = ROOT / "tests/catalog/assignments/template/cs231n"
KNOWN = ("softmax_loss", "fully_connected", "conv2d", "max_pool2d")


@pytest.fixture
def write(tmp_path):
    """Write files below a folder of one's own, by their names; the path of the last one."""

    def of(**texts):
        for name, text in texts.items():
            file = tmp_path / f"{name.replace('__', '/').replace('/init/', '__init__')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text), "utf-8")
        return file

    return of


def found(file, operation=None):
    return {f"{i.operation}/{i.technique}": i for i in outside.read(file, operation, KNOWN).implementations}


def only(file, operation=None):
    (one,) = outside.read(file, operation, KNOWN).implementations
    return one


def refused(file, operation=None):
    with pytest.raises(PerflabError) as told:
        outside.read(file, operation, KNOWN)
    assert "\n" not in str(told.value)
    assert "perflab_outside" not in str(told.value)
    return str(told.value)


def wrong_for(implementation, dtype="float32"):
    """What the oracle says against an implementation; empty where it is right."""
    verdict = oracle.verify(implementation.operation, implementation, dtype=dtype)
    return "" if verdict.ok else verdict.where


# ------------------------------------------------------------------------------------------- what is found


def test_every_published_name_is_found_under_its_own():
    assert list(found(FILLED / "layers.py")) == [
        "fully_connected/layers.affine",
        "conv2d/layers.naive",
        "max_pool2d/layers.naive",
        "softmax_loss/layers.softmax_loss",
    ]
    assert list(found(FILLED / "fast_layers.py")) == [
        "conv2d/fast_layers.im2col",
        "conv2d/fast_layers.strides",
        "conv2d/fast_layers.fast",
        "max_pool2d/fast_layers.reshape",
    ]
    assert list(found(FILLED / "classifiers/softmax.py")) == [
        "softmax_loss/softmax.naive",
        "softmax_loss/softmax.vectorized",
    ]


def test_a_file_that_only_imports_the_layers_has_them_too():
    held = found(FILLED / "layer_utils.py", "conv2d")
    assert list(held) == [f"conv2d/layer_utils.{name}" for name in ("naive", "im2col", "strides", "fast")]
    assert "conv_forward_naive comes from layers.py" in held["conv2d/layer_utils.naive"].notes


def test_technique_names_meet_no_built_in_one_and_hold_no_slash():
    for file in [*FILLED.rglob("*.py")]:
        if file.name != "im2col.py" and file.read_text("utf-8").strip():
            for implementation in outside.read(file, None, KNOWN).implementations:
                assert "/" not in implementation.technique
                assert implementation.technique not in catalog.techniques(implementation.operation)


@pytest.mark.parametrize("name", ["layers", "fast_layers", "classifiers/softmax"])
def test_written_assignments_are_right_without_a_change(name):
    for implementation in outside.read(FILLED / f"{name}.py", None, KNOWN).implementations:
        if implementation.technique != "fast_layers.reshape":
            assert not wrong_for(implementation), implementation.technique


def test_the_reshaped_pool_refuses_what_it_is_not_written_for_and_gives_a_tie_to_every_maximum():
    pool = found(FILLED / "fast_layers.py")["max_pool2d/fast_layers.reshape"]
    with pytest.raises(
        NotApplicable, match=r"max_pool_forward_reshape refuses this case: Invalid pool params"
    ):
        pool.forward(np.ones((1, 1, 5, 5)), (3, 3), (2, 2))
    assert "ties" in wrong_for(pool)


def test_an_operation_that_there_is_not_yet_is_told_and_no_mistake():
    held = outside.read(FILLED / "rnn_layers.py", None, KNOWN)
    assert not held.implementations
    assert "rnn_forward and rnn_backward: perflab has no operation rnn" in held.notes
    (rnn,) = outside.read(FILLED / "rnn_layers.py", "rnn", (*KNOWN, "rnn")).implementations
    x, h0, Wx, Wh, b = (np.ones(shape) for shape in ((2, 3, 4), (2, 5), (4, 5), (5, 5), (5,)))
    h, cache = rnn.forward(x, h0, Wx, Wh, b)
    assert [g.shape for g in rnn.backward(h, cache)] == [(2, 3, 4), (2, 5), (4, 5), (5, 5), (5,)]


def test_layers_without_an_operation_are_named():
    assert outside.read(FILLED / "layers.py", None, KNOWN).notes == ("left out: relu",)


def test_a_helper_with_other_arguments_is_no_half_of_a_pair(write):
    file = write(layers="""
        def conv_forward_kernel(x, w, b): return x
        def affine_forward(x, w, b=None): return x @ w, (x, w)
        def affine_backward(dout, cache): return dout, dout, dout
    """)  # fmt: skip
    held = outside.read(file, None, KNOWN)
    assert [one.technique for one in held.implementations] == ["layers.affine"]
    assert held.notes == ("left out: conv_forward_kernel (its arguments are not the published ones)",)


def test_what_a_file_prints_when_it_is_imported_is_a_note(capsys):
    outside.read(FILLED / "fast_layers.py", None, KNOWN)
    (note,) = outside.read(FILLED / "fast_layers.py", None, KNOWN).notes
    assert (
        note
        == "printed when it was imported: Build the extension first: No module named 'cs231n.im2col_cython'"
    )
    assert capsys.readouterr().out == ""


# ------------------------------------------------------------------------------------- forward and backward


def test_one_number_is_handed_on_as_an_int_and_a_pair_that_differs_cannot_be_said(write):
    conv = only(write(layers="""
        def conv_forward_naive(x, w, b, conv_param): return conv_param, x
        def conv_backward_naive(dout, cache): return dout, dout, dout
    """))  # fmt: skip
    x = np.ones((1, 1, 3, 3))
    for stride, pad in (((np.int64(2), 2), (1, 1)), (2, 1)):
        held, _ = conv.forward(x, x, x, stride, pad)
        assert held == {"stride": 2, "pad": 1}
        assert {type(value) for value in held.values()} == {int}
    with pytest.raises(NotApplicable, match=r"conv_param holds one pad; this case wants 0 and 1"):
        conv.forward(x, x, x, (1, 1), (0, 1))


def test_a_window_may_be_a_pair_and_its_step_may_not(write):
    pool = only(write(layers="""
        def max_pool_forward_fast(x, pool_param): return pool_param, x
        def max_pool_backward_fast(dout, cache): return dout
    """))  # fmt: skip
    x = np.ones((1, 1, 4, 4))
    with pytest.raises(NotApplicable, match=r"published for \(H − pool\) % stride == 0"):
        pool.forward(x, 3, 2)
    assert pool.forward(x, (2, 3), (1, 1))[0] == {"pool_height": 2, "pool_width": 3, "stride": 1}
    assert pool.forward(x, 2, 1)[0] == {"pool_height": 2, "pool_width": 2, "stride": 1}
    assert pool.backward(x, None) == (x,)
    with pytest.raises(NotApplicable, match="pool_param holds one stride"):
        pool.forward(x, (2, 2), (1, 2))


def test_an_empty_batch_may_be_refused_and_a_full_one_may_not(write):
    affine = only(write(layers="""
        def affine_forward(x, w, b): return x.reshape(x.shape[0], -1) @ w[:3] + b, x
        def affine_backward(dout, cache): return dout, dout, dout
    """))  # fmt: skip
    with pytest.raises(NotApplicable, match="affine_forward takes no empty batch: ValueError"):
        affine.forward(np.ones((0, 3)), np.ones((3, 2)), np.ones(2))
    with pytest.raises(ValueError, match="matmul"):
        affine.forward(np.ones((2, 4)), np.ones((4, 2)), np.ones(2))


def test_compiled_functions_are_read_as_others(write):
    affine = only(write(layers="""
        from numba import njit

        @njit
        def affine_forward(x, w, b):
            return x @ w + b, (x, w)

        @njit
        def affine_backward(dout, cache):
            pass
    """))  # fmt: skip
    assert affine.unwritten == ("backward",)
    assert affine.forward(np.ones((2, 3)), np.ones((3, 2)), np.ones(2))[0].tolist() == [[4, 4], [4, 4]]


def test_float64_for_float32_is_right_and_said_and_float32_for_float64_is_wrong(write):
    file = write(layers="""
        import numpy as np
        def affine_forward(x, w, b): return (x.astype(np.float32) @ w + b).astype(np.float64), (x, w)
        def affine_backward(dout, cache): return dout @ cache[1].T, cache[0].T @ dout, dout.sum(axis=0)
        def max_pool_forward_naive(x, pool_param): return x.astype(np.float32), x
        def max_pool_backward_naive(dout, cache): return dout
    """)  # fmt: skip
    affine = found(file)["fully_connected/layers.affine"]
    verdict = oracle.verify("fully_connected", affine, dtype="float32")
    assert verdict.ok
    assert {*verdict.remarks} == {"gives float64 for float32", "no reshape of (N, d1, ..., dk)"}
    pool = found(file)["max_pool2d/layers.naive"]
    verdict = oracle.verify("max_pool2d", pool, dtype="float64", case="one_pixel")
    assert (verdict.status, verdict.where) == (
        "wrong", "one_pixel: form: out: float32; wanted float64, the dtype of the inputs"
    )  # fmt: skip


# --------------------------------------------------------------------------------------------- softmax losses


@pytest.mark.parametrize(
    ("written", "taken"), [("reg", 1.0), ("0.5 * reg", 0.5), ("3 * reg", None), ("nothing", None)]
)
def test_the_regularisation_is_found_by_trying(write, written, taken):
    one = only(write(softmax=f"""
        import numpy as np
        def softmax_loss_vectorized(W, X, y, reg):
            return 2.0 + {written} * np.sum(W * W), np.ones_like(W)
    """))  # fmt: skip
    assert one.gives == ("W",)
    assert losses.REGULARISATION[taken] in one.notes
    X, W, y = np.ones((2, 3)), np.ones((3, 4)), np.zeros(2, int)
    if taken:
        loss, cache = one.forward(X, W, y, np.float64(0.5))
        assert loss == 2.0 + 0.5 * 0.5 * 12
        assert [g.tolist() for g in one.backward(2.0, cache)] == [(2 * np.ones((3, 4))).tolist()]


def test_a_loss_of_scores_gets_its_products_and_its_regularisation(write):
    one = only(FILLED / "layers.py", "softmax_loss")
    assert one.gives is None
    assert "the products with W, and the regularisation, are perflab's" in one.notes
    X, W, y = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32), np.zeros(2, int)
    loss, cache = one.forward(X, W, y, np.float32(2))
    assert loss.dtype == np.float32
    assert loss == pytest.approx(np.log(4) + 12)
    assert [g.dtype for g in one.backward(np.float32(1), cache)] == [np.float32, np.float32]


def test_a_loss_that_writes_to_its_scores_is_found_out(write):
    one = only(write(layers="""
        import numpy as np
        def softmax_loss(x, y):
            x -= x.max(axis=1, keepdims=True)
            return 0.0, x
    """))  # fmt: skip
    assert "softmax_loss writes to its input x" in wrong_for(one)


def test_a_loss_in_float64_is_brought_to_the_inputs_and_said(write):
    one = found(FILLED / "classifiers/softmax.py")["softmax_loss/softmax.vectorized"]
    assert any("another precision" in note for note in one.notes)
    X, W, y = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32), np.zeros(2, int)
    assert one.forward(X, W, y, np.float32(0))[0].dtype == np.float32


# ------------------------------------------------------------------------------------------------ unwritten


def test_empty_todos_are_unwritten_and_not_wrong():
    assert {name: one.unwritten for name, one in found(TEMPLATE / "layers.py").items()} == {
        "fully_connected/layers.affine": ("forward", "backward"),
        "conv2d/layers.naive": ("backward",),
        "max_pool2d/layers.naive": ("forward", "backward"),
        "softmax_loss/layers.softmax_loss": ("forward", "backward"),
    }
    assert {name: one.unwritten for name, one in found(TEMPLATE / "classifiers/softmax.py").items()} == {
        "softmax_loss/softmax.naive": ("backward",),
        "softmax_loss/softmax.vectorized": ("forward", "backward"),
    }


def test_a_function_that_is_missing_is_called_so():
    pool = found(TEMPLATE / "layers.py")["max_pool2d/layers.naive"]
    assert pool.notes == ("max_pool_backward_naive: missing",)
    with pytest.raises(NotImplementedError, match="max_pool_backward_naive is missing"):
        pool.backward(None, None)


def test_written_functions_that_keep_their_todos_are_written():
    for file in (FILLED / "layers.py", FILLED / "classifiers/softmax.py"):
        assert not any(one.unwritten for one in outside.read(file, None, KNOWN).implementations)


FRAME = """
        # TODO: implement it
        # *****START OF YOUR CODE*****
        {0}
        # *****END OF YOUR CODE*****
"""
BACK = "        return out, x"
WRITTEN = {
    "set in the frame": "out = None" + FRAME.format("out = x @ w + b") + BACK,
    "filled element by element": "out = np.zeros((2, 2))" + FRAME.format("out[0] = x[0] @ w") + BACK,
    "added to": "out = np.zeros((2, 2))" + FRAME.format("out += b") + BACK,
    "given away": "out = np.zeros((2, 2))" + FRAME.format("np.dot(x, w, out=out)") + BACK,
    "before the frame": "out = x @ w" + FRAME.format("pass") + BACK,
    "after the frame": "out = None" + FRAME.format("pass") + "        out = x @ w\n        return out, x",
    "returned at once": FRAME.format("pass") + "        return x @ w + b, x",
    "by a function within": "out = None" + FRAME.format("def f(): return x @ w") + "        return f(), x",
    "zeros without a todo": "out = np.zeros((2, 2))\n        return out, x",
    "a note to oneself": "out = x @ w + b\n        # TODO: faster\n        return out, x",
    "a forgotten return": "out = x @ w + b",
    "in one branch": "out = None\n        if len(x):\n            out = x @ w\n        return out, x",
    "with a walrus": "out = None\n        print(out := x @ w)\n        return out, x",
    "half of it": "out = x @ w\n        raise NotImplementedError",
}  # fmt: skip
UNWRITTEN = {
    "pass": "pass",
    "work that is not stored": "out = None" + FRAME.format("result = x @ w + b") + BACK,
    "in another language": "out: object = None\n        # À FAIRE\n        n = len(x)\n" + BACK,
    "a docstring": '"""What to do."""',
    "dots": "...",
    "NotImplementedError": "raise NotImplementedError('write this')",
    "None after a frame": "out = None" + FRAME.format("pass") + "        cache = (x, w)\n" + BACK,
    "nothing in the frame": "out = None" + FRAME.format("") + BACK,
    "zeros after a frame": "N = x.shape[0]\n        out = np.zeros((N, 2))" + FRAME.format("pass") + BACK,
    "given code around the frame": "x = x @ w\n        out = None" + FRAME.format("pass") + BACK,
    "both None": "out, cache = None, None\n        return out, cache",
    "a bare return": "return None, None",
}  # fmt: skip


def plain_pair(write, body):
    return only(write(mine=f"""
    import numpy as np

    def forward(x, w, b):
        {body}

    def backward(dout, cache):
        return dout, dout, dout
"""), "fully_connected")  # fmt: skip


@pytest.mark.parametrize("body", WRITTEN.values(), ids=WRITTEN)
def test_a_written_function_is_never_called_unwritten(write, body):
    assert plain_pair(write, body).unwritten == ()


@pytest.mark.parametrize("body", UNWRITTEN.values(), ids=UNWRITTEN)
def test_what_is_as_the_template_left_it_is_unwritten(write, body):
    assert plain_pair(write, body).unwritten == ("forward",)


def test_a_backward_with_gradients_to_go_is_unwritten_and_names_them(write):
    one = only(write(layers="""
        def affine_forward(x, w, b): return x @ w + b, (x, w)
        def affine_backward(dout, cache):
            dx, dw, db = None, None, None
            # TODO: the gradients
            pass
            # END OF YOUR CODE
            dx = dout @ cache[1].T
            return dx, dw, db
    """))  # fmt: skip
    assert one.unwritten == ("backward",)
    assert one.notes == ("affine_backward: dw, db still to be written",)


# ------------------------------------------------------------------------------------- imported from beside


PAIR = "def forward(x, w, b): return {0}, x\ndef backward(dout, cache): return dout, dout, dout\n"


def test_two_files_of_one_name_from_two_folders_never_meet(write):
    files = []
    for folder in ("one", "two"):
        write(**{f"{folder}__helper": f"name = {folder!r}"})
        files.append(write(**{f"{folder}__mine": "import helper\n" + PAIR.format("helper.name")}))
    before = list(sys.path), set(sys.modules)
    first, second = (only(file, "fully_connected") for file in files)
    assert (first.forward(1, 1, 1)[0], second.forward(1, 1, 1)[0]) == ("one", "two")
    assert sys.path == before[0]
    assert all(name.startswith(importing.PREFIX) for name in set(sys.modules) - before[1])
    assert not list(files[0].parent.parent.rglob("__pycache__"))


@pytest.mark.parametrize("package", [True, False], ids=["with __init__", "without"])
@pytest.mark.parametrize(
    "line",
    [
        "from .beside import held",
        "from . import beside; held = beside.held",
        "from beside import *",
        "import beside; held = beside.held",
        "import beside as b; held = b.held",
        "from cs231n.beside import held",
        "import cs231n.beside; held = cs231n.beside.held",
        "import cs231n.inner.deep as deep; held = deep.held",
        "from cs231n import beside; held = beside.held",
        "from cs231n.inner.deep import held",
    ],
)
def test_what_lies_beside_is_found_however_it_is_imported(write, package, line):
    if package:
        write(**{"cs231n__/init/": "", "cs231n__inner__/init/": ""})
    write(cs231n__beside="held = 7", cs231n__inner__deep="from cs231n.beside import held")
    file = write(cs231n__mine=f"{line}\n" + PAIR.format("held"))
    assert only(file, "conv2d").forward(1, 1, 1)[0] == 7
    names = [path.stem for path in outside.files_read(file) if path.stem != "__init__"]
    assert names == ["mine", "beside"] or names == ["mine", "beside", "deep"]


def test_an_import_that_is_made_later_finds_what_lies_beside(write):
    write(cs231n__helper="held = 3")
    text = """
        def forward(x):
            from cs231n.helper import held
            return held, x
        def backward(dout, cache): return (dout,)
    """
    one = only(write(cs231n__mine=text), "max_pool2d")
    assert one.forward(1)[0] == 3


def test_a_file_named_as_an_installed_package_may_import_it(write):
    one = only(write(numpy="import numpy as np\n" + PAIR.format("np.float32(2)")), "conv2d")
    assert one.forward(1, 1, 1)[0] == 2


def test_python_2_names_need_no_package_and_an_unknown_one_of_it_is_refused(write):
    text = "from builtins import range\nfrom past.builtins import xrange\n" + PAIR.format("sum(xrange(4))")
    assert only(write(mine=text), "conv2d").forward(1, 1, 1)[0] == 6


def test_perflab_is_always_its_own(write):
    write(perflab__contract="PerflabError = None")
    text = "from perflab.contract import PerflabError\n" + PAIR.format("PerflabError")
    assert only(write(mine=text), "conv2d").forward(1, 1, 1)[0] is PerflabError


def test_a_file_and_what_it_imported_are_read_anew_when_they_change(write):
    write(helper="held = 1")
    file = write(mine="from helper import held\n" + PAIR.format("held"))
    stamp = file.stat().st_mtime_ns
    first = only(file, "conv2d")
    assert only(file, "conv2d").forward is first.forward
    helper = write(helper="held = 2")
    for path in (helper, file):
        os.utime(path, ns=(stamp, stamp))  # as two savings within one tick of the clock
    assert only(file, "conv2d").forward(1, 1, 1)[0] == 2
    assert first.forward(1, 1, 1)[0] == 1


def test_the_files_that_were_read_are_the_file_and_what_it_imported():
    held = outside.read(FILLED / "fast_layers.py", None, KNOWN)
    assert [path.name for path in held.files] == ["fast_layers.py", "__init__.py", "im2col.py"]
    assert held.files == outside.files_read(FILLED / "fast_layers.py")


# -------------------------------------------------------------------------------------------- what is refused


def test_a_missing_file_and_one_of_another_kind_are_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "none.py")
    (tmp_path / "notes.txt").write_text("hello")
    assert "not a Python file" in refused(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\ndef f(:\n", "SyntaxError: invalid syntax (line 2)"),
        ("\n\nx = y\n", "NameError: name 'y' is not defined (line 3)"),
        ("def f():\n    raise SystemExit\nf()\n", "SystemExit: no message (line 2)"),
        ("import broken\n", "ZeroDivisionError: division by zero (line 2 of broken.py)"),
        ("from broken2 import x\n", "SyntaxError: invalid syntax (line 1 of broken2.py)"),
        ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all' (line 1)"),
        ("from .nowhere import x\n", "ModuleNotFoundError: No module named 'nowhere' (line 1)"),
        ("from fine import z\n", "ImportError: cannot import name 'z' from 'fine'"),
        ("raise ValueError('one\\ntwo')\n", "ValueError: one (line 1)"),
    ],
)
def test_a_file_that_does_not_import_names_the_exception_and_its_line(write, text, told):
    write(broken="\n1 / 0\n", broken2="def (\n", fine="")
    file = write(mine=text)
    assert told in refused(file)
    write(broken="", broken2="x = 1", nowhere="x = 1", fine="z = 1", not_there_at_all="")
    write(mine=PAIR.format("1"))
    assert only(file, "conv2d").forward(1, 1, 1)[0] == 1


def test_a_file_with_nothing_known_says_what_was_looked_for(write):
    told = refused(write(mine="def relu_forward(x): return x, x"))
    assert "no function forward and no function backward; wanted both, or CS231n's affine_forward" in told
    assert "conv_forward_*" in told
    assert "softmax_loss*" in told


def test_half_a_pair_and_a_pair_of_no_operation_are_refused(write):
    assert "no function backward; wanted both" in refused(write(mine="def forward(x): return x"), "conv2d")
    assert "wanted an operation as TARGET: softmax_loss, fully_connected" in refused(
        write(mine=PAIR.format("1"))
    )


def test_an_operation_that_a_file_has_nothing_of_is_refused_with_what_it_has():
    assert "nothing of max_pool2d in it; it has softmax_loss" in refused(
        FILLED / "classifiers/softmax.py", "max_pool2d"
    )


# --------------------------------------------------------------------------------------------------- a column


def test_a_column_is_named_by_its_technique_and_a_lone_one_may_be_renamed(write):
    assert outside.column(FILLED / "fast_layers.py", "conv2d", "fast_layers.strides").summary == (
        "conv_forward_strides and conv_backward_strides"
    )
    file = write(mine=PAIR.format("1"))
    assert outside.column(file, "conv2d").technique == "mine"
    assert outside.column(file, "conv2d", "mine@abc").technique == "mine@abc"
    with pytest.raises(PerflabError, match=r"which technique\? there are fast_layers.im2col, "):
        outside.column(FILLED / "fast_layers.py", "conv2d")
