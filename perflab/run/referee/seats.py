"""The contestants' processes of one measuring process, and the files that they must leave alone."""

from __future__ import annotations

import math
import threading
from functools import cached_property
from pathlib import Path

from perflab import machine
from perflab.contract import Cell
from perflab.machine.arena import Arena
from perflab.records import Plan
from perflab.records.ledger import Ledger
from perflab.run.referee.findings import Rejected
from perflab.run.referee.guest import Guest

OWN = ""  # the process of perflab's own techniques


class Seats:
    """A process for each contender with an unknown author, as the plan names them. Close it after use."""

    def __init__(self, plan: Plan, folder: Path | None) -> None:
        self._plan, self._folder = plan, folder
        self._guests: dict[str, Guest] = {}
        self._loading: dict[str, _Loading] = {}
        self._texts: dict[str, bytes] = {}
        self._ledger: Ledger | None = None
        self._wrote = False
        self.most_bytes = math.inf  # that a contender may allocate, where half of what is free is more

    @cached_property
    def arena(self) -> Arena:
        """The memory of the inputs."""
        return Arena()

    def invite(self, home: str, threads: int) -> None:
        """Start the process of perflab's own techniques, or those of a file's contenders, which load it."""
        if self._plan.foreign and not home:
            self.own(threads)
        for name in self._plan.foreign:
            operation, _, technique = name.partition("/")
            if self._plan.outside.get(name) == home:
                self._start(name, Cell(operation, "", "", threads, "", technique))

    def guest(self, cell: Cell) -> Guest:
        """The process of a contender, its file loaded. Raises Rejected where that fails."""
        name = cell.contender.name
        if name not in self._guests or self._guests[name].closed:
            self._start(name, cell)
        if name in self._loading:
            self._loading.pop(name).wait()
        return self._guests[name]

    def own(self, threads: int) -> Guest:
        """The process that makes the calls of perflab's own techniques in a race with others."""
        if OWN not in self._guests or self._guests[OWN].closed:
            self._guests[OWN] = Guest(self.arena, threads, math.inf)
        return self._guests[OWN]

    def _start(self, name: str, cell: Cell) -> None:
        file = self._plan.outside[name]
        self._texts.setdefault(file, Path(file).read_bytes())
        if self._folder is not None and self._ledger is None:
            self._ledger = Ledger(self._folder)
        guest = self._guests[name] = Guest(self.arena, cell.threads, self._plan.patience_s)
        most_bytes = min(machine.memory_available() / 2, self.most_bytes)
        self._loading[name] = _Loading(guest, file, cell.operation, cell.technique, most_bytes)

    def look(self) -> None:
        """Take the run's records as they are now: they were written by this process or the run itself."""
        if self._ledger is not None:
            self._ledger.look()

    def wrote_records(self) -> bool:
        """Whether a contestant wrote to the run's records, now or before; what it wrote is undone."""
        self._wrote = (self._ledger is not None and self._ledger.mended()) or self._wrote
        return self._wrote

    def check_files(self, cell: Cell) -> None:
        """Raise Rejected where a contestant wrote to the records, or to its own text."""
        if self.wrote_records():
            raise Rejected("it wrote to the records of the run")
        file = self._plan.foreign_file(cell.operation, cell.technique)
        if file and Path(file).read_bytes() != self._texts[file]:
            raise Rejected("its file changed while it was raced")

    def close(self) -> None:
        """End the processes."""
        for guest in self._guests.values():
            guest.close()
        if "arena" in vars(self):
            self.arena.close()


class _Loading:
    """A guest that loads its file; this process, whose thread it is not to lose, does not wait for it yet."""

    def __init__(self, guest: Guest, *request: object) -> None:
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._load, args=(guest, request), daemon=True)
        self._thread.start()

    def _load(self, guest: Guest, request: tuple[object, ...]) -> None:
        try:
            guest.load(*request)
        except Exception as why:  # raised where it is waited for
            self._failure = why

    def wait(self) -> None:
        """Wait until it is loaded. Raises Rejected where it could not be."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
