"""The way to the workers and back; knows bytes, and nothing of what is in them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypernodes.execution import carry_out

_pools: dict[tuple[int, int], ProcessPoolExecutor] = {}
_lock = threading.Lock()


class PoolTransport:
    """Takes the parcels of one run to processes, which stay for the next run."""

    def __init__(self, workers: int) -> None:
        # a parcel waits for whoever is free first
        self.width = 2 * workers
        self._workers = workers
        self._folder = TemporaryDirectory(prefix="hypernodes-")
        self._under_way: dict[Future[bytes], int] = {}

    def start(self, name: str, manifest: bytes) -> None:
        """Write down what all parcels need; each process reads it once."""
        self._name, self._manifest = name, Path(self._folder.name, "manifest")
        self._manifest.write_bytes(manifest)

    def send(self, number: int, parcel: bytes) -> None:
        """Have the parcel carried out; returns at once."""
        future = submit(self._workers, self._name, self._manifest.read_bytes, parcel)
        self._under_way[future] = number

    def receive(self) -> tuple[int, bytes | Exception]:
        """Wait for any parcel; an exception stands for one whose process died."""
        future = wait(self._under_way, return_when=FIRST_COMPLETED).done.pop()
        number = self._under_way.pop(future)
        try:
            return number, future.result()
        except Exception as error:
            return number, error

    def close(self) -> None:
        """Take back what has not begun; what runs is finished, and nobody waits for it."""
        for future in self._under_way:
            future.cancel()
        self._folder.cleanup()


def submit(workers: int, *parcel: Any) -> Future[bytes]:
    """Give a parcel to the pool of so many processes; one that broke is replaced."""
    # a forked child cannot use the pool of its parent
    place = os.getpid(), workers
    with _lock:
        try:
            return _pools[place].submit(carry_out, *parcel)
        except (KeyError, BrokenExecutor):
            spawn = multiprocessing.get_context("spawn")
            _pools[place] = ProcessPoolExecutor(workers, spawn, begin)
            return _pools[place].submit(carry_out, *parcel)


def begin() -> None:
    """Leave interrupts to the driver, and end with it: the first thing a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    driver = multiprocessing.parent_process()
    threading.Thread(target=_end_after, args=[driver], daemon=True).start()


def _end_after(driver: Any) -> None:
    driver.join()
    os._exit(1)
