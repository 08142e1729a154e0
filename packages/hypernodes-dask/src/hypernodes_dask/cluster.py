"""A Dask cluster: parcels as tasks that are opaque to Dask.

A task is given bytes and returns bytes, so Dask neither looks into values nor
hashes them, and two equal parcels are two tasks.  Which worker takes it, and
whether the parcel of a worker that died is given to another one, is the
cluster's decision (``distributed.scheduler.allowed-failures``).
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Mapping
from typing import Any, Final

from distributed import Client, get_worker, worker_client

from hypernodes.errors import ExecutionError, UnsupportedStepError
from hypernodes.execution import Failure
from hypernodes_dask.needs import Needs
from hypernodes_dask.work import answer

#: Smaller bytes travel inside the task, which saves a round trip.
_INLINE_BYTES: Final = 100_000
_LOOK_UP_SECONDS: Final = 1.0
_NOT_YET: Final = frozenset({"newly-created", "connecting"})
_CONNECT_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 60.0
_AHEAD: Final = 3
#: The first parcels are small, to see how long items take.
_TRIALS: Final = 2


def connect(client: Any, most: int | None, needs: Needs) -> ClusterTransport:
    """Return a way to the workers of *client*, else of the current one.

    Args:
        client: The client; None for that of the worker this runs on, else
            the one that was made last.
        most: How many parcels may be carried out at once; None for as many
            as the cluster has threads.
        needs: What a parcel needs.

    Raises:
        TypeError: *client* is no client.
        ExecutionError: There is no client, it answers by awaitables only, or
            its cluster is gone.
        UnsupportedStepError: No worker has what a parcel needs.
    """
    ending = contextlib.ExitStack()
    if client is None:
        client = _current(ending)
    _refuse_others(client, ending)
    deadline = time.monotonic() + _CONNECT_SECONDS
    while client.status in _NOT_YET and time.monotonic() < deadline:
        # another thread of this worker is about to make it
        time.sleep(_LOOK_UP_SECONDS / 20)
    if client.status != "running":
        ending.close()
        msg = f"the Dask client {client!r} is {client.status}; give client= one that is connected"
        raise ExecutionError(msg)
    try:
        resources = _find_resources(client, needs)
        count = needs.limit(most or max(1, sum(client.nthreads().values())))
    except BaseException:
        ending.close()
        raise
    return ClusterTransport(client, count, resources, ending)


class ClusterTransport:
    """Takes the parcels of one run to the workers of a cluster.

    Args:
        client: The way to the scheduler.
        count: How many parcels may be carried out at once.
        resources: What each needs of a worker.
        ending: Closed at the end.

    Attributes:
        width: How many parcels may be under way.
    """

    def __init__(
        self,
        client: Any,
        count: int,
        resources: Mapping[str, float],
        ending: contextlib.ExitStack,
    ) -> None:
        self.width: int = count
        self._client = client
        self._count = count
        self._resources = dict(resources)
        self._ending = ending
        self._name = ""
        self._manifest: Any = b""
        self._done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._futures: dict[int, Any] = {}
        self._delivered = 0
        self._idle_since: float | None = None

    def start(self, name: str, manifest: bytes) -> None:
        """Bring the manifest to all workers, once."""
        self._name = name
        self._manifest = self._passed(manifest, broadcast=True)

    def send(self, number: int, parcel: bytes) -> None:
        """Submit the parcel as one task."""
        future = self._client.submit(
            answer,
            self._name,
            self._manifest,
            self._passed(parcel),
            key=f"hypernodes-{self._name[:8]}-{id(self):x}-{number}",
            pure=False,
            retries=0,
            resources=self._resources or None,
        )
        self._futures[number] = future
        future.add_done_callback(lambda done: self._done.put((number, done)))

    def receive(self) -> tuple[int, bytes | Exception]:
        """Wait for any task; an exception stands for one that is lost.

        Raises:
            ExecutionError: The cluster is gone, or has no workers.
            BaseException: An interrupt that a user's function raised.
        """
        number, future = self._wait()
        del self._futures[number]
        self._delivered += 1
        if self._delivered == _TRIALS * self._count:
            # from now on waiting parcels keep workers busy while results are on their way
            self.width = _AHEAD * self._count
        try:
            answered = future.result()
        except Exception as error:
            return number, error
        if isinstance(answered, Failure):
            raise answered.error
        return number, answered

    def close(self) -> None:
        """Cancel what is under way; a function that runs already is not stopped."""
        with self._ending, contextlib.suppress(Exception):
            if self._futures:
                self._client.cancel(list(self._futures.values()), force=True)
        self._futures.clear()
        self._manifest = b""

    def _passed(self, data: bytes, broadcast: bool = False) -> Any:
        """Return what to give to a task for *data*: itself, or a reference where it is large."""
        if len(data) <= _INLINE_BYTES:
            return data
        return self._client.scatter(data, broadcast=broadcast, hash=False)

    def _wait(self) -> tuple[int, Any]:
        while True:
            try:
                return self._done.get(timeout=_LOOK_UP_SECONDS)
            except queue.Empty:
                self._check_cluster()

    def _check_cluster(self) -> None:
        """Make sure that somebody is left who could answer.

        Raises:
            ExecutionError: Nobody is.
        """
        if self._client.status != "running":
            msg = (
                f"the Dask cluster is gone (its client is {self._client.status}); finished items "
                "are kept where there is a cache; connect to a cluster and run again to go on"
            )
            raise ExecutionError(msg)
        if self._client.nthreads():
            self._idle_since = None
            return
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if now - self._idle_since > _PATIENCE_SECONDS:
            msg = (
                f"the Dask cluster has had no worker for {_PATIENCE_SECONDS:.0f} seconds; "
                "start workers and run again"
            )
            raise ExecutionError(msg)


def _refuse_others(client: Any, ending: contextlib.ExitStack) -> None:
    if not isinstance(client, Client):
        msg = f"client= takes a distributed.Client, got {type(client).__name__}: {client!r}"
        raise TypeError(msg)
    if client.asynchronous:
        ending.close()
        msg = (
            f"the Dask client {client!r} is asynchronous, and a map waits for results; make "
            "another one, distributed.Client(address), for it"
        )
        raise ExecutionError(msg)


def _find_resources(client: Any, needs: Needs) -> dict[str, float]:
    """Return what a worker must have for a parcel: Dask would wait for it for ever.

    Raises:
        UnsupportedStepError: No worker has it.
    """
    if not needs.gpus:
        return {}
    found: Any = client.run_on_scheduler(_most_gpus)
    if found < needs.gpus:
        msg = (
            f"node {needs.node!r} needs {needs.gpus:g} GPU, but the Dask workers have {found:g} "
            "each; start workers with --resources 'GPU=1', or ask for less in @node(...)"
        )
        raise UnsupportedStepError(msg)
    return {"GPU": needs.gpus}


def _most_gpus(dask_scheduler: Any) -> float:
    """Return the graphics cards of the worker that has most; called by the scheduler."""
    workers = dask_scheduler.workers.values()
    return max((worker.resources.get("GPU", 0) for worker in workers), default=0)


def _current(ending: contextlib.ExitStack) -> Any:
    """Return the client of the worker we are on, whose place others may take, or the current one.

    Raises:
        ExecutionError: There is none.
    """
    try:
        get_worker()
    except ValueError:
        with contextlib.suppress(ValueError):
            return Client.current()  # type: ignore[no-untyped-call]  # Dask has no types here
        msg = (
            "there is no Dask client: make one, as in client = distributed.Client(), before the "
            "run, or give DaskEngine a client=; a cluster is never started unasked"
        )
        raise ExecutionError(msg) from None
    return ending.enter_context(worker_client())
