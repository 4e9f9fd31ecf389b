"""Measures one plan on every host of a cluster: all at a time, one run on each and nothing beside."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from perflab import records
from perflab.catalog import own
from perflab.contract import PerflabError
from perflab.records.file import ENVIRONMENT, RECORDS
from perflab.records.grades import replace_file
from perflab.run.request import Request, check_resumed
from perflab.run.workers import serving
from perflab.run.workers.cluster import Cluster, connected

REQUEST = (
    "request.json"  # what all of the hosts are asked: a host may have no record yet when the run goes on
)
TellOf = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Outcome:
    """The run on one host: its folder, and why it is not whole, or ""."""

    host: str
    folder: Path
    reason: str = ""


def measure(address: str, request: Request, out: Path, tell: TellOf) -> list[Outcome]:
    """Measure on every host of a cluster, each into its own folder under `out`, or go on with what is there.

    Records are written as they come. `tell` gets each host's events, in the threads of this function. Raises
    PerflabError, in one line, where nothing can be measured anywhere, and KeyboardInterrupt after the workers
    were told to stop.
    """
    asked = _asked(request, out)
    with connected(address) as cluster:
        hosts = cluster.hosts()
        if busy := cluster.busy():
            worker, tasks = min(busy.items())
            raise PerflabError(
                f"--dask: worker {worker} has {tasks} tasks; wanted hosts on which nothing else runs"
            )
        runs = [_HostRun(cluster, host, workers[0], out, asked, request) for host, workers in hosts.items()]
        threads = [threading.Thread(target=run.measure, args=(tell,), daemon=True) for run in runs]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)  # an interrupt is heeded between two
        except KeyboardInterrupt:
            cluster.closing.set()
            for thread in threads:
                thread.join()
            raise
    outcomes = [Outcome(run.host, run.folder, run.reason) for run in runs]
    known = {run.folder for run in runs}
    away = [file.parent for file in sorted(out.glob(f"*/{RECORDS}")) if file.parent not in known]
    outcomes += [
        Outcome(folder.name, folder, "no worker is on it now; its run stays as it is") for folder in away
    ]
    reasons = {outcome.reason for outcome in outcomes}
    if len(reasons) == 1 and "" not in reasons and not any(run.began for run in runs):
        raise PerflabError(reasons.pop())  # the same everywhere: it is in what was asked
    return outcomes


def _asked(request: Request, out: Path) -> dict[str, Any]:
    """What each host is asked, as JSON; what was asked before where the run goes on."""
    file = out / REQUEST
    if request.against:
        raise PerflabError("--dask: measures what the workers have installed; wanted no --against")
    if not request.resume:
        if file.exists():
            raise PerflabError(f"{out}: holds the runs of hosts already; wanted a new folder, or --resume")
        files = tuple(str(Path(file).resolve()) for file in request.files)
        plain = asdict(replace(request, files=files, out=None))
        folders = [str(folder) for folder in own.folders().values()]
        return {"request": {k: v for k, v in plain.items() if k not in ("out", "resume")}, "own": folders}
    check_resumed(request)
    try:
        asked = json.loads(file.read_text("utf-8"))
        known = {field.name for field in fields(Request)}
        if not (
            isinstance(asked, dict) and asked["request"].keys() < known and isinstance(asked["own"], list)
        ):
            raise ValueError
    except FileNotFoundError:
        raise PerflabError(
            f"{out}: no runs of hosts here; wanted the --out of `perflab run --dask`"
        ) from None
    except (OSError, ValueError, KeyError, AttributeError):
        raise PerflabError(f"{file}: wanted what `perflab run --dask` wrote") from None
    return asked


class _HostRun:
    """The run on one host, in a thread."""

    def __init__(
        self, cluster: Cluster, host: str, worker: str, out: Path, asked: Mapping[str, Any], request: Request
    ) -> None:
        self._cluster, self._worker, self._asked, self._request = cluster, worker, asked, request
        self.host, self.folder = host, out / re.sub(r"[^\w.-]+", "-", host)
        self.reason, self.began = "", False
        self._stack = ExitStack()

    def measure(self, tell: TellOf) -> None:
        """Measure, or say in `reason` why not all of it."""
        try:
            with self._stack:
                answer = self._cluster.ask(
                    self._worker, serving.measure, self._order(),
                    topic=f"perflab {self.host}", tell=lambda part: self._take(part, tell),
                )  # fmt: skip
                self.reason = answer.get("reason", "")
        except PerflabError as error:
            self.reason = str(error)

    def _order(self) -> dict[str, Any]:
        """What the worker is asked, with the records so far."""
        if not (self._request.resume and (self.folder / RECORDS).is_file()):
            return {**self._asked, "saved": {}}
        self._begin()
        records.mend(self.folder)
        saved = {name: (self.folder / name).read_text("utf-8") for name in (RECORDS, ENVIRONMENT)}
        return {"request": {"for_s": self._request.for_s}, "own": [], "saved": saved}

    def _begin(self) -> None:
        """Take the folder for this run, and a place for what is asked beside it."""
        self.began = True
        self._stack.enter_context(records.lock(self.folder))
        if not (asked := self.folder.parent / REQUEST).exists():
            replace_file(asked, json.dumps(self._asked, indent=1).encode())

    def _take(self, part: Mapping[str, Any], tell: TellOf) -> None:
        """Save a part of the run, or tell an event of it."""
        if "event" in part:
            tell(self.host, part["event"])
        elif "environment" in part:
            self._begin()
            try:
                (self.folder / ENVIRONMENT).write_text(part["environment"], "utf-8")
            except OSError as error:
                raise records.full_or(error, self.folder) from error
        else:
            with closing(records.Writer(self.folder)) as writer:
                writer.copy(part["lines"])
