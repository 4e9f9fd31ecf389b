"""What must hold before an operation of the user's own is measured, and before such a run goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from perflab import catalog
from perflab.catalog import own, sources
from perflab.contract import PerflabError
from perflab.oracle import description
from perflab.records import Run


def check(operations: Iterable[str]) -> None:
    """Raise PerflabError, in one line, for the first fault in the description of one of the user's own."""
    names = [*dict.fromkeys(operations)]
    check_form(names)
    for operation in names:
        for fault in faults(operation):
            raise PerflabError(fault)


def faults(operation: str) -> list[str]:
    """What is wrong with the description of an operation of the user's own; of another one nothing is."""
    return [*description.faults(catalog.operation(operation))] if own.is_own(operation) else []


def check_form(operations: Iterable[str]) -> None:
    """Raise PerflabError where one describes another form than its functions give."""
    for operation in filter(own.is_own, operations):
        description.check_form(catalog.operation(operation))


def of_mistakes(operation: str, caught: Mapping[str, bool]) -> list[str]:
    """A line for each known mistake of the user's own operation that no check finds."""
    file = catalog.folder(operation) / "_mutants.py"
    missed = [name for name in caught if not caught[name]] if own.is_own(operation) else []
    return [f"{file}: {name} is not caught: its results are right on every check case" for name in missed]


def admit_again(run: Run) -> None:
    """Find the folders of a run that is to go on. Raises PerflabError where their files are others now."""
    for folder in run.plan.own.values():
        catalog.admit(Path(folder))
    now = {text["name"]: text["text"] for text in sources.of_plan(run.plan)} if run.plan.own else {}
    for operation, folder in run.plan.own.items():
        for name, text in run.texts.items():
            if name.startswith(f"{operation}/") and now.get(name) != text:
                raise PerflabError(f"{folder}: {name} has changed since the run began; wanted a new run")
