"""The public corpus: files that cheat, each a kind of its own, and honest but odd ones.

A file of `data/corpus/cheats` says what it is in its first lines:

    family: looked up
    told: it looks answers up:
    against: pytest-benchmark

`told` is what perflab says of it, one of several where there are more lines; `against` names the judges that
its trick is made for, all where there is no such line.
"""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perflab.contract import PerflabError
from perflab.errors import unknown

FOLDER = Path(__file__).parents[2] / "data" / "corpus"
OPERATION = "fully_connected"  # all files implement it
PERFLAB = "perflab"
FIELD = re.compile(r"^(family|told|against): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Kind:
    """A file of the corpus: its name, its path, what it does, and of a cheat what is said of it."""

    name: str
    path: Path
    summary: str
    family: str = ""
    told: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    @property
    def honest(self) -> bool:
        """Whether it does not cheat."""
        return not self.told

    def is_for(self, judge: str) -> bool:
        """Whether its trick is one that this judge can fall for; perflab is held to all of them."""
        return judge == PERFLAB or not self.against or judge in self.against

    def is_named_by(self, why: str) -> bool:
        """Whether these words name it as what it is."""
        return any(words in why for words in self.told)


def kinds(patterns: Sequence[str] = ()) -> list[Kind]:
    """The kinds with these names, which may hold `*`, or all of them; the cheats first.

    Raises PerflabError for a name that there is not.
    """
    every = [
        _read(path) for folder in ("cheats", "honest") for path in sorted((FOLDER / folder).glob("*.py"))
    ]
    names = [kind.name for kind in every]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise PerflabError(unknown("kind", pattern, names, listed="perflab referee --list"))
    chosen = {name for pattern in patterns or "*" for name in fnmatch.filter(names, pattern)}
    return [kind for kind in every if kind.name in chosen]


def _read(path: Path) -> Kind:
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    fields: dict[str, list[str]] = {"family": [], "told": [], "against": []}
    for name, value in FIELD.findall(text):
        fields[name].append(value.strip())
    family = next(iter(fields["family"]), "")
    return Kind(
        path.stem, path, text.partition("\n")[0], family, tuple(fields["told"]), tuple(fields["against"])
    )
