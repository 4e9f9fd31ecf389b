"""Another commit's techniques as further columns, so that two commits are measured in one interleaved run.

Two separate runs on a shared machine prove little. `extract` takes `perflab/ops` of a commit out of the
checkout that perflab runs from; its files are then measured beside today's, pass by pass.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from perflab.contract import PerflabError

CHECKOUT = Path(__file__).parents[2]


def extract(revision: str, folder: Path) -> tuple[str, Path]:
    """Put the operations of a commit under `folder`; the commit's short name and where they lie.

    Raises PerflabError where perflab does not run from a checkout, or the commit is not known to it.
    """
    if not (CHECKOUT / ".git").exists():
        raise PerflabError("--against: perflab runs from no checkout here; wanted one with the commit in it")
    short = (
        _git("rev-parse", "--short", "--verify", f"{revision}^{{commit}}", wanted=revision).decode().strip()
    )
    archive = _git("archive", "--format=tar", short, "perflab/ops", wanted=revision)
    target = folder / "against" / short
    with tarfile.open(fileobj=io.BytesIO(archive)) as held:
        held.extractall(target, filter="data")
    return short, target / "perflab" / "ops"


def columns(techniques: Mapping[str, tuple[str, ...]], short: str, ops: Path) -> dict[str, str]:
    """The commit's file of every technique that it has too, by the name of its column, "OP/TECH@COMMIT"."""
    found = {}
    for op, names in techniques.items():
        for name in names:
            file = ops / op / f"{name}.py"
            if file.is_file():
                found[f"{op}/{name}@{short}"] = str(file.resolve())
    if not found:
        raise PerflabError(f"--against: {short} has none of these techniques")
    return found


def _git(*words: str, wanted: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode:
        raise PerflabError(
            f"--against: {wanted}: no such commit in {CHECKOUT.name}; wanted a commit, tag or branch"
        )
    return done.stdout
