"""Names that stand for runs: the newest of all, the newest of a branch, a folder under reports/."""

from __future__ import annotations

from pathlib import Path

from perflab.contract import PerflabError
from perflab.records.file import ENVIRONMENT, RECORDS, newest
from perflab.records.typed import Wrong, parsed, read_object

LAST = "last"
REPORTS = Path("reports")


def named(word: str, folder: Path = REPORTS) -> Path | None:
    """The folder of the run that a word stands for; None if it stands for none.

    "last" is the run that was written last, the name of a folder is that run, a branch's name is the newest
    run measured on this branch.
    """
    if word == LAST:
        return newest(folder)
    if word and "/" not in word and (folder / word / RECORDS).is_file():
        return folder / word
    of_branch = [run for run, branch in _branches(folder).items() if branch == word and branch]
    return max(of_branch, key=_written, default=None)


def names(folder: Path = REPORTS) -> list[str]:
    """The words that stand for a run: "last", and the branches."""
    branches = _branches(folder)
    return [LAST, *dict.fromkeys(filter(None, branches.values()))] if branches else []


def _branches(folder: Path) -> dict[Path, str]:
    """The branch of each run under a folder; empty where it is not known."""
    return {file.parent: _branch(file.parent / ENVIRONMENT) for file in sorted(folder.glob(f"*/{RECORDS}"))}


def _branch(file: Path) -> str:
    try:
        branch = read_object(parsed(file.read_bytes())).get("branch")
    except (OSError, ValueError, Wrong, PerflabError):
        return ""
    return branch if isinstance(branch, str) else ""


def _written(run: Path) -> float:
    return (run / RECORDS).stat().st_mtime
