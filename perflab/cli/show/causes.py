"""Interventions in a terminal: a table for each direction, and one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from perflab import records
from perflab.cli.show.table import of_words
from perflab.contract import PerflabError
from perflab.report.why import causes as words

if TYPE_CHECKING:
    from rich.console import RenderableType

    from perflab.records.causes import Causes


def shown(causes: Causes, saved: Path | None) -> Iterator[RenderableType]:
    """All interventions, the permissions, and the sentences."""
    for step in causes.ways:
        yield of_words(words.table(causes, step))
        if (permissions := words.permissions(causes, step)) is not None:
            yield of_words(permissions)
    yield from map(Text, words.sentences(causes))
    if saved is not None:
        yield Text(f"Saved in {saved}: `perflab report {saved}` shows it.", style="dim")


def save(causes: Causes, folder: Path | None) -> Path | None:
    """Save it in a run that measured the technique: `folder`, or the newest one; the run's folder.

    None where the newest has nothing of it, or cannot be written. Raises PerflabError where `folder` cannot.
    """
    chosen = folder or records.newest()
    if chosen is None:
        return None
    who = causes.contender
    try:
        plan = records.read(chosen).plan
        if who.technique not in plan.techniques.get(who.operation, ()) or who.dtype not in plan.dtypes:
            raise PerflabError(f"{chosen}: holds nothing of {who.name} in {who.dtype}")
        with records.lock(chosen):
            records.save(chosen, causes.kind, [causes.plain()])
    except PerflabError:
        if folder is not None:
            raise
        return None
    return chosen


def plain(causes: Causes) -> dict[str, Any]:
    """As plain JSON: what is saved, with the causes that are named."""
    named = {step: [trial.cause for trial in tested.named()] for step, tested in causes.ways.items()}
    return causes.plain() | {"named": named, "sentences": [*words.sentences(causes)]}
