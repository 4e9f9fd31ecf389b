"""A wheel brings its suite and its data along: it runs in an empty folder, far from the checkout."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

from perflab.contract import FIRST_RUNGS


@pytest.mark.slow
def test_a_wheel_runs_in_an_empty_folder(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as held:
        held.extractall(site)
        names = held.namelist()
    for needed in (
        "_bench/test_grid.py",
        "_bench/conftest.py",
        "data/digits.npz",
        "data/corpus/cheats/zeros.py",
        "data/corpus/honest/plain.py",
        "ops/conv2d/derivation.md",
    ):
        assert f"perflab/{needed}" in names
    assert not [name for name in names if name.startswith(("tests/", "bench/", "reports/"))]
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "perflab"]
    targets = [f"fully_connected/{technique}" for technique in FIRST_RUNGS]
    told = [*command, "run", *targets, "--preset", "smoke", "--case", "digits", "--json"]
    done = subprocess.run(told, cwd=empty, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["figures"]) == 2 * len(FIRST_RUNGS)
    assert [path.name for path in empty.iterdir()] == ["reports"]
    where = [sys.executable, "-c", "import perflab; print(perflab.__file__)"]
    home = subprocess.run(where, cwd=empty, env=environment, capture_output=True, text=True, check=True)
    assert home.stdout.startswith(str(site))
