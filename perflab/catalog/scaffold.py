"""A folder to begin an operation of one's own from: it runs at once, and explains each of its fields."""

from __future__ import annotations

import keyword
import sys
from importlib.resources import files
from pathlib import Path

from perflab.catalog import find
from perflab.catalog.installed import NAME
from perflab.catalog.starter import refuse
from perflab.contract import PerflabError

TEMPLATE = files("perflab") / "catalog" / "template"
PLACE_OF_THE_NAME = "NAME"
SUFFIXES = (".py", ".md")


def write(folder: Path) -> Path:
    """Write the folder of a new operation, whose name is the folder's; its path.

    Raises PerflabError for a name that another operation or a module of Python has, or that is none, for a
    folder that exists, and for one that cannot be written.
    """
    name = folder.name
    plain = bool(NAME.fullmatch(name)) and not keyword.iskeyword(name)
    problems = {
        "is no name of an operation: letters, digits and underscores": not plain,
        f"there is an operation {name} already": name in find.operations(),
        f"would hide the module {name} from the files beside it": name in sys.stdlib_module_names,
        "exists already": folder.exists(),
    }
    refuse(folder, problems, "layer_norm")
    try:
        folder.mkdir()
        for file in TEMPLATE.iterdir():
            if file.name.endswith(SUFFIXES):
                text = file.read_text("utf-8").replace(PLACE_OF_THE_NAME, name)
                (folder / file.name).write_text(text, "utf-8")
    except OSError as error:
        raise PerflabError(f"{folder}: cannot be written: {error.strerror}") from error
    return folder
