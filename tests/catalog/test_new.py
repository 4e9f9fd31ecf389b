"""A file that `new` writes is right at once, tells what its operation is, and overwrites nothing."""

import ast
import re
from pathlib import Path

import pytest
from conftest import perflab

from perflab import catalog, oracle
from perflab.catalog import find, starter
from perflab.contract import DTYPES, PerflabError

OPERATIONS = catalog.operations()
NEXT = {  # above per_neuron in its branch, then what begins another one
    "softmax_loss": ["vectorized", "fused", "jit_exp"],
    "fully_connected": ["vectorized", "in_place", "jit"],
    "conv2d": ["vectorized", "one_product", "shift_and_add"],
    "max_pool2d": ["vectorized", "reshaped", "strided"],
    "rnn": ["vectorized", "one_product", "fused"],
    "mlp": ["vectorized", "in_place", "fused"],
}


def written(operation, folder, name="mine.py", rung=""):
    file = starter.write(operation, folder / name, rung)
    return file, file.read_text("utf-8")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_written_is_right_at_once(operation, dtype, tmp_path):
    file, _ = written(operation, tmp_path)
    verdict = oracle.examine(catalog.operation(operation), catalog.load_raw(file, operation), dtype)
    assert verdict, verdict.where


def test_the_command_line_finds_it_right(tmp_path):
    starter.write("fully_connected", tmp_path / "mine.py")
    words = ("verify", "fully_connected", "--with", "mine.py", "--dtype", "float64")
    done = perflab(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fully_connected/mine" in done.stdout


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_tells_what_the_operation_is_in_lines_that_fit(operation, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = starter.write(operation, Path("mine.py")).read_text("utf-8")
    described = catalog.operation(operation)
    told = ast.get_docstring(ast.parse(text))
    assert max(map(len, text.splitlines())) <= 110
    assert described.summary in re.sub(r"\s+", " ", told)
    table, _, rest = told.partition("\nbackward(dout, cache) -> (")
    for name, argument in described.arguments.items():
        (row,) = [line for line in table.splitlines() if re.match(rf"    {name} ", line)]
        assert argument.meaning in row
        assert all(re.search(rf"\b{axis}\b", row) for axis in argument.shape)
    assert rest.startswith(", ".join(f"d{name}" for name in described.wrt))
    for line in (*described.formulas.values(), *(f"- {rule}" for rule in starter.RULES)):
        assert f"\n    {line}\n" in rest
    assert rest.endswith(
        f"\n    perflab verify {operation} --with mine.py --watch\n    perflab run {operation} --with mine.py"
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_its_code_is_the_rungs_own_and_leans_on_numpy_alone(operation, tmp_path):
    _, text = written(operation, tmp_path)
    own = (catalog.folder(operation) / "per_neuron.py").read_text("utf-8")
    docstring = ast.parse(own).body[0]
    assert text.endswith("".join(own.splitlines(keepends=True)[docstring.end_lineno :]))
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(node) for node in imports] == ["import numpy as np"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_next_rungs_are_named_with_what_differs_in_them(operation, tmp_path):
    _, text = written(operation, tmp_path)
    told = re.sub(r"\s+", " ", ast.get_docstring(ast.parse(text)))
    _, _, names = told.partition("To try next")
    for name in NEXT[operation]:
        assert f"{name}: {catalog.summary(operation, name)}" in names


@pytest.mark.parametrize(
    ("rung", "names"),
    [
        ("vectorized", ("one_product", "shift_and_add", "jit")),
        ("shift_and_add", ("one_product", "jit", "jit_parallel")),
    ],
)
def test_what_to_try_next_stands_on_the_rung_or_begins_another_branch(rung, names, tmp_path):
    _, text = written("conv2d", tmp_path, rung=rung)
    _, _, told = text.partition("To try next")
    assert tuple(re.findall(r"^    (\w+): ", told, re.MULTILINE)) == names


@pytest.mark.parametrize("operation", OPERATIONS)
def test_formulas_are_for_the_output_and_every_gradient(operation):
    described = catalog.operation(operation)
    assert list(described.formulas) == ["out", *(f"d{name}" for name in described.wrt)]
    for name, line in described.formulas.items():
        assert re.match(rf"{name}(\[[^\]]+\])? \+?= ", line), "a line begins with what it gives"
        assert "\n" not in line


def test_another_rung_may_be_begun_from(tmp_path):
    _, text = written("conv2d", tmp_path, rung="shift_and_add")
    assert text.startswith('"""Begun from shift_and_add:')
    assert oracle.examine(
        catalog.operation("conv2d"), catalog.load_raw(tmp_path / "mine.py", "conv2d"), "float32"
    )


@pytest.mark.parametrize(
    ("rung", "why"),
    [
        ("jit", "conv2d/jit: needs more than NumPy; wanted one of naive, per_neuron, vectorized"),
        ("vectorised", "conv2d/vectorised: unknown technique; did you mean vectorized?"),
    ],
)
def test_a_rung_that_cannot_be_begun_from_is_refused(rung, why, tmp_path):
    with pytest.raises(PerflabError) as refused:
        starter.write("conv2d", tmp_path / "mine.py", rung)
    assert str(refused.value).startswith(why)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mine.txt", "does not end in .py"),
        ("mine", "does not end in .py"),
        ("my-file.py", "my-file is no name"),
        ("1.py", "1 is no name"),
        ("class.py", "class is no name"),
        ("_mine.py", "_mine is no name"),
        ("__init__.py", "__init__ is no name"),
        ("naive.py", "conv2d has a technique naive already"),
        ("torch.py", "torch is the name of a peer"),
        ("numpy.py", "would hide the module numpy"),
        ("random.py", "would hide the module random"),
        ("nowhere/mine.py", "nowhere: no such folder"),
    ],
)
def test_a_name_that_will_not_do_is_refused_in_one_line(name, why, tmp_path):
    with pytest.raises(PerflabError) as refused:
        starter.write("conv2d", tmp_path / name)
    assert why in str(refused.value)
    assert "wanted" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("mine", "utf-8")
    with pytest.raises(PerflabError, match=r"mine\.py: exists already; wanted the name of a new file"):
        starter.write("conv2d", file)
    assert file.read_text("utf-8") == "mine"


def test_an_unknown_operation_is_told_with_the_nearest(tmp_path):
    with pytest.raises(PerflabError, match="did you mean conv2d"):
        starter.write("conv", tmp_path / "mine.py")


def test_a_path_with_a_blank_can_be_pasted(tmp_path):
    folder = tmp_path / "my rungs"
    folder.mkdir()
    _, text = written("conv2d", folder)
    assert f"--with '{folder / 'mine.py'}' --watch" in text


def test_words_of_an_operation_cannot_end_the_docstring(tmp_path, monkeypatch):
    from dataclasses import replace

    described = replace(catalog.operation("conv2d"), summary='says """ and \\N')
    monkeypatch.setattr(find, "operation", lambda name: described)
    _, text = written("conv2d", tmp_path)
    assert "says ''' and \\N" in ast.get_docstring(ast.parse(text))
