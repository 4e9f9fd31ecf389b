"""What installed packages add by their entry points is as good as built in; what is broken is told."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, one_line, perflab_process, user_environment

from perflab import catalog

OPERATION = '''"""The leaky rectifier: what is negative is let through at a slope."""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def definition(x, slope):
    return np.where(x > 0, x, slope * x)


def gradient(dout, x, slope):
    return (np.where(x > 0, dout, slope * dout),)


def bound(gamma, dout, x, slope):
    return gamma(1) * abs(definition(x, slope)), (gamma(1) * abs(gradient(dout, x, slope)[0]),)


def derive(sizes, parameters):
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    count = sizes["N"] * sizes["D"]
    one = Cost(2 * count, 2 * itemsize * count)
    return {"forward": one, "backward": one, "step": Cost(4 * count, 4 * itemsize * count)}


def case(name, N, D, **more):
    return name, Case(name, {"N": N, "D": D}, {"slope": 0.25}, **more)


operation = Operation(
    name="leaky_relu",
    title="Leaky rectifier",
    summary="out = x where it is positive, slope·x elsewhere",
    arguments={
        "x": Argument("x", "array", ("N", "D"), meaning="a batch of activations"),
        "slope": Argument("slope", "scalar", meaning="slope below zero"),
    },
    out_shape=("N", "D"),
    wrt=("x",),
    formulas={"out": "out[n,d] = x[n,d] if x[n,d] > 0 else slope·x[n,d]",
              "dx": "dx[n,d] = dout[n,d]·(1 if x[n,d] > 0 else slope)"},
    definition=definition,
    gradient=gradient,
    bound=bound,
    derive=derive,
    cost=cost,
    cases=dict([case("tiny", 8, 16), case("large", 64, 128)]),
    checks=dict([case("odd", 4, 7), case("integers", 5, 6, inputs="integers"), case("empty", 0, 3)]),
    ladder=("naive", "vectorized"),
    exact_on_integers=True,
    kinks=True,
)
'''
NAIVE = '''"""The leaky rectifier in scalar loops."""

import numpy as np

from ._shape import pairs
from .._beside import POSITIVE


def forward(x, slope):
    out = np.empty(x.shape, x.dtype)
    for n, d in pairs(x.shape):
        out[n, d] = x[n, d] if x[n, d] > POSITIVE else slope * x[n, d]
    return out, (x, slope)


def backward(dout, cache):
    x, slope = cache
    dx = np.empty(x.shape, x.dtype)
    for n, d in pairs(x.shape):
        dx[n, d] = dout[n, d] if x[n, d] > POSITIVE else slope * dout[n, d]
    return (dx,)
'''
VECTORIZED = '''"""All elements at once, chosen by a mask."""

import numpy as np


def forward(x, slope):
    mask = x > 0
    return np.where(mask, x, slope * x), (mask, slope)


def backward(dout, cache):
    mask, slope = cache
    return (np.where(mask, dout, slope * dout),)
'''
MUTANTS = '''"""Known mistakes in the leaky rectifier."""

from perflab.contract import Mutant

from . import vectorized


def no_slope(dout, cache):
    mask, slope = cache
    return (dout * mask,)


mutants = (Mutant("no_slope", "the slope is forgotten in backward", vectorized.forward, no_slope),)
'''
DERIVATION = """# The leaky rectifier

A kink, and nothing else: $\\mathrm{dx}_{n,d} = \\mathrm{dout}_{n,d}$ where $x_{n,d} > 0$.
"""
PEER = '''"""NumPy, as if it were another library."""

from .leaky.vectorized import backward, forward


def to_native(value):
    return value


def to_numpy(value):
    return value
'''
PACKAGE = {
    "lab/__init__.py": "",
    "lab/_beside.py": '"""What stands beside the folder."""\n\nPOSITIVE = 0\n',
    "lab/leaky/__init__.py": OPERATION,
    "lab/leaky/_shape.py": '"""Every place of a matrix."""\n\nfrom itertools import product\n\n\n'
    "def pairs(shape):\n    return product(*map(range, shape))\n",
    "lab/leaky/naive.py": NAIVE,
    "lab/leaky/vectorized.py": VECTORIZED,
    "lab/leaky/_mutants.py": MUTANTS,
    "lab/leaky/derivation.md": DERIVATION,
    "lab/einsum.py": '"""Both products by einsum."""\n\nimport numpy as np\n\n\n'
    'def forward(x, w, b):\n    return np.einsum("nd,dm->nm", x, w) + b, (x, w)\n\n\n'
    "def backward(dout, cache):\n    x, w = cache\n"
    '    dx = np.einsum("nm,dm->nd", dout, w)\n'
    '    return dx, np.einsum("nd,nm->dm", x, dout), dout.sum(axis=0)\n',
    "lab/plainly.py": PEER,
}
GOOD = """
[perflab.operations]
leaky_relu = lab.leaky

[perflab.techniques]
fully_connected.einsum = lab.einsum

[perflab.peers]
leaky_relu.plain_numpy = lab.plainly
"""
CROOKED = OPERATION.replace('name="leaky_relu"', 'name="crooked"').replace(
    'ladder=("naive", "vectorized")', 'ladder=("naive",),\n    since={"naive": "naive"}'
)
NOWHERE = OPERATION.replace('name="leaky_relu"', 'name="nowhere"').replace(
    "kinks=True", 'kinks=True,\n    study_case="huge"'
)
BROKEN = {
    "ruin/__init__.py": "",
    "ruin/bare/__init__.py": '"""Describes nothing."""\n',
    "ruin/bare/naive.py": "def forward(): ...\ndef backward(): ...\n",
    "ruin/fails/__init__.py": "import no_such_module_anywhere\n",
    "ruin/fails/naive.py": "def forward(): ...\ndef backward(): ...\n",
    "ruin/other/__init__.py": OPERATION,
    "ruin/other/naive.py": "def forward(): ...\ndef backward(): ...\n",
    "ruin/empty/__init__.py": OPERATION,
    "ruin/crooked/__init__.py": CROOKED,
    "ruin/crooked/naive.py": "def forward(): ...\ndef backward(): ...\n",
    "ruin/nowhere/__init__.py": NOWHERE,
    "ruin/nowhere/naive.py": "def forward(): ...\ndef backward(): ...\n",
    "ruin/half.py": "def backward(dout, cache): ...\n",
    "ruin/unread.py": "def forward(:\n",
    "ruin/whole.py": "raise SystemExit('imported')\ndef forward(): ...\ndef backward(): ...\n",
}
RUIN = """
[perflab.operations]
bare = ruin.bare
fails = ruin.fails
named_otherwise = ruin.other
empty = ruin.empty
gone = ruin.gone
crooked = ruin.crooked
nowhere = ruin.nowhere
conv2d = ruin.bare
module = ruin.half

[perflab.techniques]
conv2d.gone = ruin.gone
conv2d.half = ruin.half
conv2d.jit = ruin.whole
conv2d.torch = ruin.whole
conv2d.unread = ruin.unread
nothing.mine = ruin.whole
nameless = ruin.whole
conv2d.an_object = ruin.whole:forward

[perflab.peers]
conv2d.whole = ruin.whole
"""
WANTED = {
    "bare of perflab.operations": "ruin.bare: has no `operation = Operation(...)`",
    "fails of perflab.operations": "ruin.fails: cannot be imported: ModuleNotFoundError: No module named"
    " 'no_such_module_anywhere'",
    "named_otherwise of perflab.operations": "ruin.other: its operation is named 'leaky_relu'",
    "empty of perflab.operations": "ruin.empty: no technique in its folder",
    "gone of perflab.operations": "ruin.gone: no such module",
    "crooked of perflab.operations": "ruin.crooked: `since` is no tree: naive stands on naive, which",
    "nowhere of perflab.operations": "ruin.nowhere: `study_case` is 'huge'; wanted one of tiny, large",
    "conv2d of perflab.operations": "there is an operation of this name already",
    "module of perflab.operations": "ruin.half: is no package; wanted a folder with an __init__.py",
    "conv2d.gone of perflab.techniques": "ruin.gone: no such module",
    "conv2d.half of perflab.techniques": "ruin.half: no function forward",
    "conv2d.jit of perflab.techniques": "the name jit is taken already",
    "conv2d.torch of perflab.techniques": "the name torch is taken already",
    "conv2d.unread of perflab.techniques": "ruin.unread: cannot be read: SyntaxError",
    "nothing.mine of perflab.techniques": "there is no operation nothing",
    "nameless of perflab.techniques": "wanted a name like OPERATION.NAME",
    "conv2d.an_object of perflab.techniques": "ruin.whole:forward: wanted the name of a module",
    "conv2d.whole of perflab.peers": "ruin.whole: no function to_native and no function to_numpy",
}


def install(folder, name, files, points):
    """A distribution as pip leaves one: its packages, and its metadata beside them."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(points)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Where the two distributions lie: a good one and a broken one; what PYTHONPATH must be."""
    folder = tmp_path_factory.mktemp("site")
    install(folder, "lab-of-mine", PACKAGE, GOOD)
    install(folder, "ruin", BROKEN, RUIN)
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}


def python(code, site):
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=user_environment() | site,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def run(site, tmp_path_factory):
    """A run of the installed operation: (folder, the finished process)."""
    folder = tmp_path_factory.mktemp("run") / "leaky"
    words = ("--preset", "smoke", "--case", "tiny", "--out", folder, "--peer", "plain_numpy")
    return folder, perflab_process("run", "leaky_relu", *words, **site)


def test_an_installed_operation_and_technique_are_listed(site):
    done = perflab_process("list", "--json", **site)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert list(held) == [*catalog.operations(), "leaky_relu"]
    assert held["leaky_relu"]["techniques"] == {
        "naive": "The leaky rectifier in scalar loops.",
        "vectorized": "All elements at once, chosen by a mask.",
    }
    assert list(held["fully_connected"]["techniques"])[-1] == "einsum"
    assert held["fully_connected"]["techniques"]["einsum"] == "Both products by einsum."


def test_an_installed_operation_is_verified_and_its_known_mistakes_are_caught(site):
    done = perflab_process("verify", "leaky_relu", "--json", **site)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert {(v["technique"], v["dtype"], v["status"]) for v in held["verdicts"]} == {
        (technique, dtype, "right")
        for technique in ("naive", "vectorized")
        for dtype in ("float32", "float64")
    }
    code = (
        "from perflab import catalog, oracle\n"
        "mutants = catalog.mutants('leaky_relu')\n"
        "print([bool(oracle.examine(catalog.operation('leaky_relu'), m, 'float32')) for m in mutants])\n"
    )
    assert python(code, site) == "[False]\n"


def test_an_installed_technique_is_verified_as_one_of_its_operation(site):
    done = perflab_process("verify", "fully_connected/einsum", "--json", **site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {v["status"] for v in json.loads(done.stdout)["verdicts"]} == {"right"}


def test_an_installed_technique_is_outside_code(site):
    code = (
        "import sys\nfrom pathlib import Path\nimport perflab\nfrom perflab import catalog\n"
        "from perflab.run import compilation\n"
        "files = catalog.outsiders('fully_connected')\n"
        "assert perflab.techniques('fully_connected')[-1] == 'einsum'\n"
        "assert catalog.outsiders('conv2d') == {}\n"
        "print([(name, path.name) for name, path in files.items()], 'lab' in sys.modules)\n"
        "print(compilation.missing({'fully_connected': ('einsum',)}, ('float32',)))\n"
        "assert catalog.raw('fully_connected', 'einsum').bound is None\n"
    )
    assert python(code, site).splitlines() == ["[('einsum', 'einsum.py')] False", "[]"]


@pytest.mark.slow
def test_a_run_of_an_installed_operation_is_verified_and_timed(run):
    folder, done = run
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text("utf-8").splitlines()]
    timed = {r["technique"] for r in records if r["kind"] == "block"}
    assert timed == {"naive", "vectorized", "plain_numpy"}
    assert not [r for r in records if r["kind"] == "failure"]
    kept = {r["name"]: r["text"] for r in records if r["kind"] == "source"}
    assert kept == {
        "leaky_relu/derivation.md": DERIVATION,
        "leaky_relu/naive.py": NAIVE,
        "leaky_relu/_shape.py": PACKAGE["lab/leaky/_shape.py"],
        "_beside.py": PACKAGE["lab/_beside.py"],
        "leaky_relu/vectorized.py": VECTORIZED,
    }


@pytest.mark.slow
def test_the_report_shows_an_installed_operation_with_its_derivation_and_code(run):
    page = (run[0] / "report.html").read_text("utf-8")
    assert "Leaky rectifier" in page
    assert "A kink, and nothing else" in page
    assert "study-leaky_relu-naive" in page
    assert "The leaky rectifier in scalar loops." in page
    assert "What stands beside the folder." in page


@pytest.mark.slow
def test_the_report_of_an_installed_operation_needs_no_package(run, tmp_path):
    done = perflab_process("report", run[0], "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "leaky_relu" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("with_run", [False, True])
def test_a_study_of_an_installed_operation_shows_its_derivation_and_code(run, site, tmp_path, with_run):
    more = ("--run", run[0]) if with_run else ()
    done = perflab_process("study", "leaky_relu", "--json", *more, cwd=tmp_path, **site)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert held["derivation"] == DERIVATION
    assert [rung["text"] for rung in held["rungs"]] == [NAIVE, VECTORIZED]
    if with_run:
        assert set(held["rungs"][0]["imports"]) == {"_beside.py", "leaky_relu/_shape.py"}
    assert set(held["files"]) == {"_beside.py", "leaky_relu/_shape.py"}


def test_functions_and_files_of_an_installed_operation_are_named_by_it(site):
    code = (
        "from pathlib import Path\n"
        "from perflab import catalog\nfrom perflab.catalog import sources\n"
        "from perflab.cli.show import listing\n"
        "from perflab.evidence.assembly import Loop\n"
        "for name in ('_ZN3lab5leaky5naive7forwardB2', '_ZN3lab7_beside4halfB2', '_ZN5other4file1fB2'):\n"
        "    print(listing.name_of(Loop(name, (), None, 0.0)))\n"
        "home = catalog.folder('leaky_relu')\n"
        "for file in (home / 'naive.py', home.parent / '_beside.py', Path('/a/b/c/d.py')):\n"
        "    print(sources.name_of(file))\n"
    )
    assert python(code, site).split() == [
        "leaky_relu/naive.forward", "_beside.half", "other/file.f",
        "leaky_relu/naive.py", "_beside.py", "b/c/d.py",
    ]  # fmt: skip


def test_a_new_file_for_an_installed_operation_is_right_at_once(site, tmp_path):
    code = (
        "from pathlib import Path\nimport perflab\nfrom perflab.catalog import starter as new\n"
        f"file = new.write('leaky_relu', Path({str(tmp_path / 'mine.py')!r}))\n"
        "print(bool(perflab.verify('leaky_relu', perflab.load(file, 'leaky_relu'))))\n"
    )
    assert python(code, site) == "True\n"
    text = (tmp_path / "mine.py").read_text("utf-8")
    assert "dx[n,d] = dout[n,d]·(1 if x[n,d] > 0 else slope)" in text
    assert "from ." not in text, "naive leans on its siblings: vectorized is what stands alone"


def test_broken_entry_points_are_told_in_one_line_each_and_the_rest_goes_on(site):
    code = (
        "import sys\nfrom perflab import catalog\n"
        "assert 'ruin' not in sys.modules\n"
        "chosen = catalog.targets(())\n"
        "print(*catalog.broken(), sep='\\n')\n"
        "assert 'ruin.whole' not in sys.modules\n"
        "assert set(chosen) == set(catalog.operations()) == {*catalog.find.ORDER, 'leaky_relu'}\n"
    )
    told = dict(line.split(": entry point ", 1)[1].split(": ", 1) for line in python(code, site).splitlines())
    assert told.keys() == WANTED.keys()
    for name, why in WANTED.items():
        assert told[name].startswith(why), name


def test_a_broken_package_is_not_imported_for_what_does_not_need_it(site):
    code = (
        "import sys\nfrom perflab import catalog\n"
        "catalog.targets(['conv2d']), catalog.raw('conv2d', 'vectorized')\n"
        "print('ruin' in sys.modules or 'lab' in sys.modules)\n"
    )
    assert python(code, site) == "False\n"
    done = perflab_process("verify", "conv2d/vectorized", "--case", "odd", "--dtype", "float64", **site)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("target", "why"), [("fails", "ruin.fails: cannot be imported"), ("empty", "ruin.empty: no technique")]
)
def test_a_broken_operation_that_is_asked_for_is_refused_with_its_reason(site, target, why):
    assert f"ruin: entry point {target} of perflab.operations: {why}" in one_line(
        perflab_process("list", target, **site), 2
    )


def test_of_two_packages_with_one_name_the_first_is_taken(tmp_path):
    operation = {path.replace("lab/", "one/"): text for path, text in PACKAGE.items()}
    install(tmp_path, "one", operation, "[perflab.operations]\nleaky_relu = one.leaky\n")
    again = {path.replace("lab/", "two/"): text for path, text in PACKAGE.items()}
    install(tmp_path, "two", again, "[perflab.operations]\nleaky_relu = two.leaky\n")
    site = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    code = "from perflab import catalog\nprint(catalog.package('leaky_relu'), *catalog.broken())\n"
    assert python(code, site) == (
        "one.leaky two: entry point leaky_relu of perflab.operations: another package brings it already\n"
    )


def test_a_package_whose_metadata_cannot_be_read_costs_the_others_nothing(tmp_path):
    install(tmp_path, "lab-of-mine", PACKAGE, GOOD)
    install(tmp_path, "torn", {}, "[perflab.operations]\nneither name nor value\n")
    install(tmp_path, "torn-too", {}, "[somebody.elses]\nneither name nor value\n")
    site = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    code = "from perflab import catalog\nprint(catalog.operations()[-1], *catalog.broken(), sep='\\n')\n"
    name, *told = python(code, site).splitlines()
    assert name == "leaky_relu"
    assert len(told) == 1
    assert told[0].startswith("torn: its entry points cannot be read: ")


def test_the_numba_cache_follows_the_content_of_installed_operations(tmp_path):
    install(tmp_path / "site", "lab-of-mine", PACKAGE, GOOD)
    site = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "site")]),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    code = "from perflab import catalog\nprint(catalog.prepare_numba_cache())\n"
    first = python(code, site)
    assert python(code, site) == first
    file = tmp_path / "site" / "lab" / "leaky" / "_shape.py"
    file.write_text(file.read_text("utf-8") + "# a change\n", "utf-8")
    assert python(code, site) != first


def test_the_package_itself_looks_at_no_entry_point():
    code = (
        "import sys\nimport perflab\nfrom perflab import cli\ncli.parser().format_help()\n"
        "print('importlib.metadata' in sys.modules, 'numpy' in sys.modules)\n"
    )
    assert python(code, {}) == "False False\n"
