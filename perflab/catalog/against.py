"""Other commits' techniques as further columns, so that commits are measured in one interleaved run.

Two separate runs on a shared machine prove little. `extract` takes `perflab/ops` of a commit out of the
checkout that perflab runs from; these files are then measured beside today's, pass by pass. Of a range of
commits, those that cannot be measured are skipped, and named.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perflab.contract import PerflabError
from perflab.machine import process

CHECKOUT = Path(__file__).parents[2]
MOST_COMMITS = 64  # of a range: more leave each too little time
IMPORT_S = 60.0


@dataclass
class Columns:
    """The columns of other commits.

    `files` gives the file of an "OP/TECH@COMMIT", `skipped` says why commits of a range have none, and
    `trees` gives git's name of all files of a commit's operations: where two are equal, so is the code.
    """

    files: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)


def gather(techniques: Mapping[str, tuple[str, ...]], revisions: str, folder: Path) -> Columns:
    """The columns of these techniques at a commit, or at each of a range.

    `revisions` is a commit, or a range as git writes it, A..B: the commits of B that A lacks, oldest first.
    Raises PerflabError where perflab does not run from a checkout, for a commit that is none, for an empty or
    too long range, and where nothing of it can be measured.
    """
    gathered = Columns()
    if ".." not in revisions:
        gathered.files = columns(techniques, *extract(revisions, folder))
        return gathered
    commits = _commits(revisions)
    found: dict[str, tuple[str, dict[str, str]]] = {}
    skipped: dict[str, str] = {}
    for commit in commits:
        try:
            short, ops = extract(commit, folder)
            files = columns(techniques, short, ops)
            _check(ops, techniques)
            found[commit] = short, files
        except PerflabError as error:
            skipped[commit] = str(error).removeprefix("--against: ").removeprefix(f"{commit} ")
    skipped |= _broken({commit: files for commit, (_, files) in found.items()})
    gathered.skipped = {commit: skipped[commit] for commit in commits if commit in skipped}
    for commit, (short, files) in found.items():
        if commit not in skipped:
            gathered.files |= files
            gathered.trees[short] = _git(commit, "rev-parse", f"{commit}:perflab/ops").decode().strip()
    if not gathered.files:
        first = next(iter(gathered.skipped.items()))
        raise PerflabError(f"--against: {revisions}: none of {len(commits)} commits can be measured:"
                           f" {first[0]}: {first[1]}")  # fmt: skip
    return gathered


def extract(revision: str, folder: Path) -> tuple[str, Path]:
    """Put the operations of a commit under `folder`; the commit's short name and their folder.

    Raises PerflabError where perflab does not run from a checkout, or the checkout has no such commit.
    """
    _check_checkout()
    short = _git(revision, "rev-parse", "--short", "--verify", f"{revision}^{{commit}}").decode().strip()
    archive = _git(
        revision, "archive", "--format=tar", short, "perflab/ops", problem=f"{short} has no perflab/ops"
    )
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


def _commits(revisions: str) -> list[str]:
    """The short names of the commits of a range, oldest first."""
    _check_checkout()
    listed = _git(revisions, "rev-list", "--reverse", "--first-parent", "--abbrev-commit", revisions, "--")
    commits = listed.decode().split()
    if not commits:
        raise PerflabError(
            f"--against: {revisions}: no commit in this range; wanted A..B, where B is newer than A"
        )
    if len(commits) > MOST_COMMITS:
        raise PerflabError(f"--against: {revisions}: {len(commits)} commits; wanted at most {MOST_COMMITS}")
    return commits


def _check(ops: Path, operations: Iterable[str]) -> None:
    """Raise PerflabError for a file of these operations that Python cannot compile."""
    for file in sorted(
        file for folder in (ops, *(ops / op for op in operations)) for file in folder.glob("*.py")
    ):
        try:
            compile(file.read_bytes(), file.name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            where = file.relative_to(ops.parents[1])
            raise PerflabError(f"does not build: {where}{line}: {type(error).__name__}") from error


def _broken(files: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Why commits cannot be imported, with the files of their columns; in one process, if that survives."""
    if not files:
        return {}
    try:
        return dict(process.call("perflab.catalog.against:unimported", {"files": files}, IMPORT_S))
    except PerflabError as error:
        if len(files) == 1:
            return dict.fromkeys(files, f"does not import: {error}")
        return {other: why for one in files for other, why in _broken({one: files[one]}).items()}


def unimported(files: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """In a process of its own: import every column of these commits; why some cannot be, by commit."""
    from perflab.catalog.implementations import column

    broken = {}
    for commit, columns in files.items():
        try:
            for name, file in columns.items():
                op, _, technique = name.partition("/")
                column(op, technique, file)
        except PerflabError as error:
            place = "/".join(Path(file).parts[-2:])
            broken[commit] = f"does not import: perflab/ops/{place}: {str(error).removeprefix(f'{file}: ')}"
    return broken


def _check_checkout() -> None:
    if not (CHECKOUT / ".git").exists():
        raise PerflabError("--against: perflab does not run from a checkout; wanted one with the commit")


def _git(revision: str, *words: str, problem: str = "") -> bytes:
    done = subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode and problem:
        raise PerflabError(f"--against: {problem}")
    if done.returncode:
        missing = f"--against: {revision}: no such commit in {CHECKOUT.name}"
        raise PerflabError(f"{missing}; wanted a commit, tag or branch, or a range A..B of them")
    return done.stdout
