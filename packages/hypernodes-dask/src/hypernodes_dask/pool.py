"""Processes of this machine: parcels through pipes to workers that stay.

Workers are started the way Dask's configuration says (``multiprocessing.context``,
by default spawn) and kept from one map to the next, so that what is stateful is
built once per process.  A run borrows idle workers and brings them back; one
that is busy when its run ends, or that died, is not used again.

A parcel belongs to one worker, so a worker that dies loses that parcel only.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import weakref
from collections import deque
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from hypernodes.errors import ExecutionError
from hypernodes.execution import Failure
from hypernodes_dask.work import answer

_READY: Final = "ready"
_LAST_SECONDS: Final = 5.0
_WAKE_SECONDS: Final = 0.5
#: The first parcels are small, to see how long items take.
_TRIALS: Final = 2


class Worker:
    """One process, and the pipe to it.

    Attributes:
        connection: Our end of the pipe.
        process: The process.
        is_ready: Whether it has said that it is up.
        manifest: The name of the manifest that it was given last.
        parcel: The number of the parcel it works at; None where it is idle.
    """

    def __init__(self) -> None:
        # deferred: Dask is only needed once something is mapped
        from dask.multiprocessing import get_context

        context: Any = get_context()
        ours, theirs = context.Pipe()
        self.connection: Connection[Any, Any] = ours
        self.process: BaseProcess = context.Process(
            target=_serve, args=(theirs, list(sys.path)), name="hypernodes-dask-worker"
        )
        self.process.start()
        # ours would keep the pipe open when the worker dies
        theirs.close()
        self.is_ready = False
        self.manifest: str = ""
        self.parcel: int | None = None

    def send(self, name: str, manifest: bytes, parcel: tuple[int, bytes]) -> None:
        """Hand over a parcel, and the manifest where it has another one."""
        self.parcel = parcel[0]
        given = None if self.manifest == name else manifest
        self.manifest = name
        # a worker that died meanwhile is noticed when it should answer
        with contextlib.suppress(OSError):
            self.connection.send((name, given, parcel[1]))

    def kill(self) -> None:
        """End the process at once."""
        self.connection.close()
        self.process.kill()
        self.process.join(_LAST_SECONDS)

    def cause(self) -> ChildProcessError:
        """Return why it no longer answers."""
        self.process.join(_LAST_SECONDS)
        code = self.process.exitcode
        how = f"ended with exit code {code}"
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        return ChildProcessError(f"worker process {self.process.pid} {how}")


class WorkerPool:
    """The idle workers of one engine."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()
        _pools.add(self)

    def borrow(self) -> Worker:
        """Return an idle worker, started where there is none."""
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.process.is_alive():
                    return worker
                worker.kill()
        return Worker()

    def give_back(self, worker: Worker) -> None:
        """Keep *worker* for the next run; one that is busy or dead is ended."""
        if worker.parcel is None and worker.is_ready and worker.process.is_alive():
            with self._lock:
                self._idle.append(worker)
        else:
            worker.kill()

    def close(self) -> None:
        """End all idle workers."""
        with self._lock:
            idle, self._idle = self._idle, []
        # a forked child must not end the workers of its parent
        for worker in idle if self._owner == os.getpid() else ():
            worker.kill()

    def __del__(self) -> None:
        self.close()


class PoolTransport:
    """Takes the parcels of one run to worker processes.

    Args:
        pool: Where workers come from.
        count: How many of them are used.

    Attributes:
        width: How many parcels may be under way; one waits for each worker.
    """

    def __init__(self, pool: WorkerPool, count: int) -> None:
        self.width: int = count
        self._count = count
        self._pool = pool
        self._name, self._manifest = "", b""
        self._delivered = 0
        self._workers: list[Worker] = []
        self._waiting: deque[tuple[int, bytes]] = deque()

    def start(self, name: str, manifest: bytes) -> None:
        """Keep the manifest; each worker gets it with its first parcel."""
        self._name, self._manifest = name, manifest

    def send(self, number: int, parcel: bytes) -> None:
        """Give the parcel to an idle worker, a new one if there may be more, or let it wait."""
        self._waiting.append((number, parcel))
        self._dispatch()

    def receive(self) -> tuple[int, bytes | Exception]:
        """Wait for any worker; an exception stands for one that died.

        Raises:
            ExecutionError: Workers cannot be started.
            BaseException: An interrupt that a user's function raised.
        """
        while True:
            # a signal that came just before is only seen when this thread wakes up
            ready: Any = wait([worker.connection for worker in self._workers], _WAKE_SECONDS)
            if not ready:
                continue
            worker = next(each for each in self._workers if each.connection is ready[0])
            answered = _receive(worker)
            if answered is None:
                return self._bury(worker)
            if answered == _READY:
                worker.is_ready = True
                continue
            number, worker.parcel = worker.parcel, None
            self._dispatch()
            if isinstance(answered, Failure):
                raise answered.error
            self._delivered += 1
            if self._delivered == _TRIALS * self._count:
                # from now on a parcel waits for whoever is free first
                self.width = 2 * self._count
            return number or 0, answered

    def close(self) -> None:
        """Bring idle workers back and end those that still work."""
        self._waiting.clear()
        while self._workers:
            self._pool.give_back(self._workers.pop())

    def _dispatch(self) -> None:
        while self._waiting:
            worker = next((each for each in self._workers if each.parcel is None), None)
            if worker is None:
                if len(self._workers) == self._count:
                    return
                worker = self._pool.borrow()
                self._workers.append(worker)
            worker.send(self._name, self._manifest, self._waiting.popleft())

    def _bury(self, worker: Worker) -> tuple[int, Exception]:
        """Take away a worker that died; return what it had."""
        self._workers.remove(worker)
        number, cause = worker.parcel, worker.cause()
        worker.kill()
        if not worker.is_ready:
            msg = (
                f"a worker process could not start: {cause}; a script must make its runs under "
                "\"if __name__ == '__main__':\", because workers import it; see what it printed"
            )
            raise ExecutionError(msg) from cause
        self._dispatch()
        return number or 0, cause


def _receive(worker: Worker) -> Any:
    """Return what *worker* sent; None where it died."""
    try:
        return worker.connection.recv()
    except (EOFError, OSError):
        return None


_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


@atexit.register
def _close_pools() -> None:
    """End idle workers before multiprocessing waits for them: they would never end."""
    for pool in list(_pools):
        pool.close()


def _serve(connection: Connection, path: list[str]) -> None:
    """Answer parcels until the driver is gone; the main function of a worker."""
    # an interrupt is the driver's to answer: it ends its workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = path
    threading.Thread(target=_end_with_driver, daemon=True).start()
    connection.send(_READY)
    manifest = b""
    while True:
        try:
            name, given, parcel = connection.recv()
        except (EOFError, OSError):
            return
        manifest = given or manifest
        connection.send(answer(name, manifest, parcel))


def _end_with_driver() -> None:
    """End this process when the one that started it is gone, whatever runs here."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
