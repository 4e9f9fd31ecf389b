"""Does perflab work on every Python of this machine? Installs it on each, verifies, measures and tests.

    python tests/pythons.py [3.12 3.13 ...] [--lowest]

The Pythons are those on the PATH and pyenv's. On each: a new virtual environment, the verdict on four
techniques of every operation, a small run of them, and the tests of what depends on the interpreter: its
observation, the evidence, the reading of records, the report. `--lowest` installs the lowest versions of the
dependencies instead, and leaves the tests out. Exits with 1 where something failed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
CLASSIFIER = re.compile(r'"Programming Language :: Python :: (3\.\d+)"')
SUPPORTED = CLASSIFIER.findall((ROOT / "pyproject.toml").read_text("utf-8"))
OPERATIONS = sorted(path.parent.name for path in ROOT.glob("perflab/ops/*/__init__.py"))
TECHNIQUES = ("naive", "per_neuron", "vectorized", "jit")
TESTS = (
    "tests/machine/test_interpreter.py", "tests/evidence", "tests/records",
    "tests/report/test_reading.py", "tests/report/test_report.py",
)  # fmt: skip


def pythons() -> dict[str, str]:
    """The interpreters of this machine by version, as far as they are there."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = {}
    for version in SUPPORTED:
        paths = [
            *sorted(home.glob(f"versions/{version}.*/bin/python{version}")),
            shutil.which(f"python{version}"),
        ]
        for path in filter(None, paths):
            done = subprocess.run([path, "-c", ""], capture_output=True, check=False)
            if done.returncode == 0:
                found[version] = str(path)
    return found


def steps(python: str, folder: Path, lowest: bool) -> dict[str, list[str]]:
    """What is done on one Python, by name."""
    own = str(folder / "bin" / "python")
    targets = [f"{operation}/{technique}" for operation in OPERATIONS for technique in TECHNIQUES]
    todo = {"new environment": [python, "-m", "venv", str(folder)]}
    if lowest:
        todo["uv"] = [own, "-m", "pip", "install", "-q", "uv"]
        uv = [str(folder / "bin" / "uv"), "pip", "install", "-q", "--python", own]
        todo["install"] = [*uv, "--resolution", "lowest-direct", str(ROOT)]
    else:
        todo["install"] = [own, "-m", "pip", "install", "-q", "--no-compile", str(ROOT), "hypothesis"]
    todo["verify"] = [own, "-m", "perflab", "verify", *targets]
    out = str(folder / "run")
    todo["run"] = [own, "-m", "perflab", "run", *targets, "--preset", "smoke", "--out", out]
    if not lowest:
        todo["tests"] = [own, "-m", "pytest", "-q", "--rootdir", str(ROOT), *TESTS]
    return todo


def tried(version: str, python: str, lowest: bool) -> bool:
    """Do every step on one Python, say how long each took, and print what a failed one printed."""
    with tempfile.TemporaryDirectory(prefix="perflab pythons ") as folder:  # a path with a space
        for name, command in steps(python, Path(folder), lowest).items():
            began = time.monotonic()
            where = ROOT if name == "tests" else folder  # elsewhere the installed one is meant
            done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
            lines = (done.stdout + done.stderr).strip().splitlines()
            last = lines[-1].strip() if name in ("verify", "tests") and lines else ""
            state = "failed" if done.returncode else "good"
            print(f"{version} {name}: {state}, {time.monotonic() - began:.0f} s {last}", flush=True)
            if done.returncode:
                print("\n".join(lines[-40:]), flush=True)
                return False
    return True


def main() -> int:
    """Try the chosen Pythons, two at a time; name those that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "versions", nargs="*", help=f"some of {', '.join(SUPPORTED)}; all but this one by default"
    )
    parser.add_argument("--lowest", action="store_true", help="with the lowest versions of the dependencies")
    args = parser.parse_args()
    this = f"{sys.version_info[0]}.{sys.version_info[1]}"
    chosen, found = args.versions or [version for version in SUPPORTED if version != this], pythons()
    for version in set(chosen) - found.keys():
        print(f"{version}: not found on this machine, not tried")
    with ThreadPoolExecutor(2) as pool:
        present = [version for version in chosen if version in found]
        results = list(pool.map(lambda version: tried(version, found[version], args.lowest), present))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
