"""A run for another machine: its records are sent, line by line, while it is measured."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.contract import PerflabError
from perflab.errors import reason
from perflab.machine import process
from perflab.records.file import ENVIRONMENT, RECORDS
from perflab.run import request

# After these events no code from outside runs until the next turn is granted: what is in the file is ours.
SAFE = ("block", "failure", "prediction")


def serve() -> None:
    """Answer one order from the standard input; its parts are what `measure` sends."""
    requests, answers = process.private_streams()
    other = process.Messages(os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
    order = json.loads(other.receive())
    answer = {}
    try:
        measure(order, lambda part: other.send(json.dumps({"part": part}).encode()))
    except PerflabError as error:
        answer = {"reason": str(error)}
    except Exception as error:
        answer = {"reason": f"perflab's own part failed: {reason(error)}"}
    other.send(json.dumps(answer).encode())


def measure(order: Mapping[str, Any], send: Callable[[Mapping[str, Any]], None]) -> None:
    """Measure what a request wants, in the order's folder, or go on with the files that were `saved` of it.

    Sends {"environment": text}, once, {"lines": text} for each piece of the records, and {"event": event} for
    each event. `own` names the folders of operations of the user's own, `variables` are those of the
    environment that are to be set or not to be. Raises what `request.settle` and `runner.run` raise.
    """
    for name, value in order["variables"].items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    folder, saved = Path(order["folder"]), order["saved"]
    folder.mkdir(parents=True)
    for name, text in saved.items():
        (folder / name).write_text(text, "utf-8")
    for place in order["own"]:
        catalog.admit(Path(place))
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in order["request"].items()}
    asked = request.Request(**fields, out=folder, resume=bool(saved))
    _, plan, reviewed = request.settle(asked)
    with request.opened(folder, plan, reviewed, asked.resume, asked.for_s) as run:
        if not saved:
            send({"environment": (folder / ENVIRONMENT).read_text("utf-8")})
        records = _Records(folder / RECORDS, len(saved.get(RECORDS, "").encode()), send)
        records.follow()

        def tell(event: Mapping[str, Any]) -> None:
            if event["event"] in SAFE:
                records.follow()
            send({"event": dict(event)})

        try:
            run(tell)
        finally:
            records.follow()


class _Records:
    """The records of a run, of which so many bytes were sent."""

    def __init__(self, file: Path, sent: int, send: Callable[[Mapping[str, Any]], None]) -> None:
        self._file, self._sent, self._send = file, sent, send

    def follow(self) -> None:
        """Send the whole lines that are new."""
        with self._file.open("rb") as file:
            file.seek(self._sent)
            new = file.read()
        if whole := new[: new.rfind(b"\n") + 1]:
            self._sent += len(whole)
            self._send({"lines": whole.decode()})
