"""A dask.distributed cluster: its hosts, their workers, and what one worker is asked."""

from __future__ import annotations

import asyncio
import contextlib
import pkgutil
import queue
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from perflab import __version__
from perflab.contract import PerflabError
from perflab.errors import reason

PATIENCE_S = 10.0  # for a scheduler's answer, and for its first worker
POLL_S = 0.5
MOST_LOCAL = 1000
LOCAL = re.compile(r"local:(\d{1,4})")
NOT_INSTALLED = "--dask: dask.distributed is not installed; wanted: pip install 'perflab[dask]'"


class Lost(PerflabError):
    """A worker that has gone, with what it was asked."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster of the scheduler at an address, or one of N workers on this machine for local:N.

    Raises PerflabError, in one line, where distributed is not installed, no scheduler answers within
    `PATIENCE_S`, it has no worker, or a worker has no perflab or one of another version.
    """
    try:
        import dask

        quiet = {"distributed": "critical", "distributed.client": "critical"}
        with dask.config.set(
            {"logging": quiet}
        ):  # read at the first import: what matters is told in one line
            from distributed import Client
    except ImportError:
        raise PerflabError(NOT_INSTALLED) from None
    with _address(address) as found:
        client = Client(found, timeout=PATIENCE_S, set_as_default=False)
        cluster = Cluster(address, client)
        try:
            cluster.check()
            yield cluster
        finally:
            cluster.closing.set()
            client.close()


@contextlib.contextmanager
def _address(word: str) -> Iterator[str]:
    """The address of a scheduler that answers."""
    wanted = "wanted a scheduler's address, such as tcp://10.0.0.1:8786, or local:2"
    if word.partition(":")[0] == "local":
        number = LOCAL.fullmatch(word)
        if not number or not 1 <= int(number[1]) <= MOST_LOCAL:
            raise PerflabError(f"--dask: {word!r}; {wanted}")
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=int(number[1]), threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
            memory_limit=0,
        ) as local:  # fmt: skip
            yield local.scheduler_address
        return
    try:
        kind = asyncio.run(asyncio.wait_for(_kind(word), PATIENCE_S))
    except ValueError as error:
        raise PerflabError(f"--dask: {word!r}: {error}; {wanted}") from None
    except OSError:
        raise PerflabError(f"--dask: {word}: no answer within {PATIENCE_S:g} s; {wanted}") from None
    if kind != "Scheduler":
        raise PerflabError(f"--dask: {word}: a {kind.lower()} of a cluster; {wanted}")
    yield word


async def _kind(address: str) -> str:
    """What answers at an address. A client that finds nothing would tell of it whenever it is deleted."""
    from distributed import Security, rpc

    arguments = Security().get_connection_args("client")
    async with rpc(address, timeout=PATIENCE_S, connection_args=arguments) as other:
        return str((await other.identity())["type"])


class Cluster:
    """A cluster that answers. `closing` is set when nothing more is to be waited for."""

    def __init__(self, address: str, client: Any) -> None:
        self.address, self._client = address, client
        self.closing = threading.Event()
        self._fit: set[str] = set()

    def check(self) -> None:
        """Raise PerflabError where there is no worker, or one cannot do what it will be asked."""
        until = time.monotonic() + PATIENCE_S
        while not (found := self._addresses()):
            if time.monotonic() > until:
                raise PerflabError(f"--dask: {self.address}: no worker within {PATIENCE_S:g} s; wanted one")
            time.sleep(POLL_S)
        for worker, version in sorted(self._versions(found).items()):
            if version != __version__:
                has = f"perflab {version}" if isinstance(version, str) else f"no perflab ({reason(version)})"
                raise PerflabError(f"--dask: worker {worker} has {has}; wanted {__version__}, as here")
            self._fit.add(worker)

    def workers(self) -> list[str]:
        """The addresses of the workers that are there now and have this perflab."""
        found = self._addresses()
        if new := [worker for worker in found if worker not in self._fit]:
            self._fit |= {worker for worker, version in self._versions(new).items() if version == __version__}
        return [worker for worker in found if worker in self._fit]

    def hosts(self) -> dict[str, list[str]]:
        """The workers of each host, by its address."""
        found: dict[str, list[str]] = {}
        for worker in self.workers():
            found.setdefault(host_of(worker), []).append(worker)
        return found

    def busy(self) -> dict[str, int]:
        """How many tasks each worker has now, of those that have any."""
        return {worker: len(tasks) for worker, tasks in self._client.processing().items() if tasks}

    def call(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """What a quick function returns on each worker, beside its tasks; the error where it raised one."""
        called: dict[str, Any] = self._client.run(
            function, *arguments, workers=sorted(self._fit), on_error="return"
        )
        return called

    def ask(
        self, worker: str, function: Callable[..., Any], *arguments: Any,
        topic: str = "", tell: Callable[[Any], None] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """What a function returns in a worker, for JSON; `tell` gets the events that it logs to a topic.

        Raises Lost where the worker or the scheduler has gone, or nothing more is to be waited for, and
        PerflabError for an error that the function raised. What is no longer waited for is cancelled.
        """
        events: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        if tell is not None:
            self._client.subscribe_topic(topic, events.put)
            arguments = (*arguments, topic)
        future = self._client.submit(
            function, *arguments, workers=[worker], pure=False, key=f"perflab-{uuid.uuid4().hex}"
        )
        future.add_done_callback(lambda _: events.put(()))
        try:
            settled = False
            while not settled:
                if self.closing.is_set() or worker not in self._addresses():
                    raise Lost(f"its worker {worker} was lost")
                settled = future.done()  # then all of its events are here
                with contextlib.suppress(queue.Empty):
                    while event := events.get(timeout=0 if settled else POLL_S):
                        assert tell is not None, "it has no topic"
                        tell(event[1])
            if future.status == "error":
                raise PerflabError(reason(future.exception(timeout=PATIENCE_S)))
            if future.status != "finished":
                raise Lost(f"its worker {worker} was lost")
            returned: dict[str, Any] = future.result(timeout=PATIENCE_S)
            return returned
        except OSError as error:
            raise Lost(f"its worker {worker} was lost: {reason(error)}") from None
        finally:
            with contextlib.suppress(Exception):  # the scheduler may have gone
                future.cancel()
                if tell is not None:
                    self._client.unsubscribe_topic(topic)

    def _addresses(self) -> list[str]:
        try:
            return sorted(self._client.nthreads())
        except OSError:
            raise PerflabError(f"--dask: {self.address}: its scheduler was lost") from None

    def _versions(self, workers: Sequence[str]) -> dict[str, Any]:
        """The version of perflab on each worker, or its import's error; no code of ours is sent for it."""
        found: dict[str, Any] = self._client.run(
            pkgutil.resolve_name, "perflab.__version__", workers=[*workers], on_error="return"
        )
        return found


def host_of(worker: str) -> str:
    """The host of a worker's address.

    >>> host_of("tcp://10.0.0.7:40123"), host_of("tls://[fe80::1]:40123")
    ('10.0.0.7', 'fe80::1')
    """
    return urlsplit(worker).hostname or worker
