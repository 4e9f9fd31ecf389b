"""Calls functions in processes of their own that start at once: copies of one that has done the imports.

    copies.call(module.function, ("word", 3), limit_s=5.0, most_bytes=1 << 30)      # what it returned

Such a process is the first of its own group, prints nowhere, and inherits no descriptor. Arguments and what
is returned are plain JSON. Where the system has no copies, it is a new process each time.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from perflab.contract import PerflabError
from perflab.errors import reason
from perflab.machine import portable
from perflab.machine.system import limit_memory

METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
CONTEXT: Any = multiprocessing.get_context(METHOD)
MOST_DESCRIPTORS = 4096
Function = Callable[..., Any]


def prepare(modules: Sequence[str]) -> None:
    """Name the modules that the copies have imported, before the first call."""
    if METHOD == "forkserver":
        CONTEXT.set_forkserver_preload([*modules])


def call(function: Function, arguments: Sequence[Any], limit_s: float, most_bytes: float) -> Any:
    """What a function of a module returns. Its process, and all of its group, is ended in any case.

    It may allocate so many bytes. Raises PerflabError, in one line, where it raised, or its process ended or
    gave no answer.
    """
    with tempfile.TemporaryDirectory(prefix="perflab-") as folder:
        answer = Path(folder) / "answer.json"
        child = CONTEXT.Process(target=_answer, args=(function, tuple(arguments), str(answer), most_bytes))
        child.start()
        try:
            child.join(limit_s)
            late = child.exitcode is None
        finally:
            portable.kill_group(child)
            child.join()
        if answer.is_file():
            found = json.loads(answer.read_text("utf-8"))
            if "reason" in found:
                raise PerflabError(found["reason"])
            return found["returned"]
        raise PerflabError(
            f"it gave no answer for {limit_s:.0f} s" if late else portable.death(child.exitcode)
        )


def _answer(function: Function, arguments: Sequence[Any], answer: str, most_bytes: float) -> None:
    """In the new process."""
    portable.lead_group()
    os.closerange(3, MOST_DESCRIPTORS)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    limit_memory(most_bytes)
    os.environ["TMPDIR"], tempfile.tempdir = str(Path(answer).parent), None
    try:
        found = {"returned": function(*arguments)}
    except BaseException as error:  # of code from outside too: pytest's, an exit
        found = {"reason": f"it raised {reason(error)}"}
    whole = Path(f"{answer}.part")
    whole.write_text(json.dumps(found), "utf-8")
    whole.rename(answer)
    os._exit(0)  # without the handlers and threads of code from outside
