"""The pytest plugin behind `bench/`: one parametrised test, interleaved, pytest-benchmark the clock.

Plain `pytest bench/` measures a preset in this one process and prints pytest-benchmark's own table.
`perflab run` calls the same suite once for every process of a plan, with `--perflab-run`: then each block
is appended to the run's records as it ends, saved blocks are not measured again, and the parent gets every
step as an event through a pipe.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from perflab import machine, records
from perflab.contract import PerflabError
from perflab.machine import portable, process
from perflab.run.contest import Contest

PARENT_STREAMS = pytest.StashKey[tuple[int, int]]()
CONTEST = pytest.StashKey[Contest]()


class _Measured:
    """A pytest plugin: this process was started by a run, and these descriptors lead to it."""

    def __init__(self, streams: tuple[int, int]) -> None:
        self._streams = streams

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[PARENT_STREAMS] = self._streams


def measure(words: Sequence[str]) -> int:
    """In a process that a run started: pytest with these words; its exit code."""
    streams = process.private_streams()
    portable.heed_interrupt()
    portable.adopt_orphans()  # so that what a contestant leaves is seen
    return int(pytest.main([*words], plugins=[_Measured(streams)]))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the suite."""
    add = parser.getgroup("perflab").addoption
    add("--perflab-run", metavar="DIR", help="measure the plan of this run and append to its records")
    add("--perflab-process", type=int, default=0, metavar="I", help="number of the plan's process")
    add("--perflab-threads", type=int, default=1, metavar="T", help="threads of every pool")
    add("--perflab-home", default="", metavar="PROJECT", help="a peer or an outside file; else perflab")
    add("--perflab-preset", default="smoke", metavar="NAME", help="without a run: what to measure")
    add("--perflab-target", action="append", default=[], metavar="OP[/TECHNIQUE]",
        help="without a run: which operations and techniques")  # fmt: skip


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the parent that this process finished, and that no contender ended it."""
    contest = session.config.stash.get(CONTEST, None)
    if contest is not None:
        contest.tell("finished")


def pytest_configure(config: pytest.Config) -> None:
    """Pin the thread pools before NumPy is imported."""
    threads = config.getoption("--perflab-threads")
    for name, value in machine.pinned(threads).items():
        os.environ.setdefault(name, value)
    home = config.getoption("--perflab-home")
    if home and not home.endswith(".py"):  # of a file, what uses more cores than it was given is named
        machine.keep_to_cores(threads)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a block, in the order in which the plan measures them."""
    if "block" not in metafunc.fixturenames:
        return
    from perflab import catalog
    from perflab.run import presets

    config = metafunc.config
    folder = config.getoption("--perflab-run")
    try:
        if folder:
            run = records.read(folder)
            chosen, done = run.plan, run.done()
        else:
            targets = catalog.targets(config.getoption("--perflab-target"))
            chosen, done = presets.make(targets, config.getoption("--perflab-preset")), set()
    except PerflabError as wrong:
        raise pytest.UsageError(str(wrong)) from None
    contest = Contest(chosen, Path(folder) if folder else None, config.stash.get(PARENT_STREAMS, None))
    config.stash[CONTEST] = contest
    config.add_cleanup(contest.close)
    threads, process = config.getoption("--perflab-threads"), config.getoption("--perflab-process")
    part = run.parts(threads).get(process) if folder else None
    contest.places = {block: place for place, block in enumerate(chosen.blocks(threads, process, part))}
    home = config.getoption("--perflab-home")
    contest.seats.invite(home, threads)
    blocks = [b for b in contest.places if b not in done and chosen.home(b) == home]
    metafunc.parametrize("block", [b.name for b in blocks])


@pytest.fixture(scope="session")
def contest(request: pytest.FixtureRequest) -> Iterator[Contest]:
    """The contest of this process, its pools limited to their number of threads."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(request.config.getoption("--perflab-threads")):
        yield request.config.stash[CONTEST]
