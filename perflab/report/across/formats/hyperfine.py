"""hyperfine's JSON: every run of a command, or the median of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perflab.report.across.formats.fields import entries, in_brackets, mapping, text
from perflab.report.across.timings import Gathered, Side

KIND = "hyperfine"


def fits(document: Mapping[str, Any]) -> bool:
    """Whether a document has this form."""
    return isinstance(document.get("results"), list)


def side(path: str, document: Mapping[str, Any]) -> Side:
    """The commands of a file; a parameter that the command does not show is a part of its name."""
    gathered = Gathered()  # commands are alternatives: of two similar ones none is guessed to be the other
    for position, entry in enumerate(map(mapping, document["results"])):
        command = text(entry.get("command"))
        if not command:
            gathered.fault(f"results[{position}]", "lacks its command; was the file edited?")
            continue
        given = mapping(entry.get("parameters"))
        parameters = in_brackets({key: value for key, value in given.items() if str(value) not in command})
        name = f"{command} {parameters}".rstrip() if parameters else command
        gathered.add(name, [entries(entry.get("times"))], entry.get("median"), command)
    return gathered.side(path, KIND, {})
