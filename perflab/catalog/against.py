"""Another commit's techniques as further columns, so that two commits are measured in one interleaved run.

Two separate runs on a shared machine prove little. `extract` takes `perflab/ops` of a commit out of the
checkout that perflab runs from; these files are then measured beside today's, pass by pass.
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
    """Put the operations of a commit under `folder`; the commit's short name and their folder.

    Raises PerflabError where perflab does not run from a checkout, or the checkout has no such commit.
    """
    if not (CHECKOUT / ".git").exists():
        raise PerflabError("--against: perflab does not run from a checkout; wanted one with the commit")
    short = _git(revision, "rev-parse", "--short", "--verify", f"{revision}^{{commit}}").decode().strip()
    archive = _git(revision, "archive", "--format=tar", short, "perflab/ops")
    target = folder / "against" / short
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(target, filter="data")
    return short, target / "perflab" / "ops"


def columns(techniques: Mapping[str, tuple[str, ...]], short: str, ops: Path) -> dict[str, str]:
    """The commit's files of those of these techniques that it has, by column, "OP/TECH@COMMIT"."""
    names = [f"{op}/{technique}" for op in techniques for technique in techniques[op]]
    files = {f"{name}@{short}": (ops / f"{name}.py").resolve() for name in names}
    if not any(file.is_file() for file in files.values()):
        raise PerflabError(f"--against: {short} has none of these techniques")
    return {name: str(file) for name, file in files.items() if file.is_file()}


def _git(revision: str, *words: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode:
        problem = f"--against: {revision}: no such commit in {CHECKOUT.name}"
        raise PerflabError(f"{problem}; wanted a commit, tag or branch")
    return done.stdout
