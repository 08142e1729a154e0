"""Workers that are kept: for nodes with graphics cards, or with a pool of declared size.

What a task's process has loaded is only kept as long as Ray keeps the
process, and processes are not bounded by graphics cards.  So such chunks go to
actors, which hold their resources and their stateful objects from one run to
the next.  Idle actors are shared by all engines of this process, because two
engines may want the same cards; idle ones of another kind give theirs back.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import ray

from hypernodes_ray.tasks import TaskTransport
from hypernodes_ray.work import Keeper

#: What an actor was made with, so that only an equal wish gets it.
_Kind = tuple[Any, ...]


class ActorTransport(TaskTransport):
    """Takes the parcels of one run to actors, one parcel to each at a time.

    Args:
        options: Of each actor.
        count: How many there are.
    """

    def __init__(self, options: Mapping[str, Any], count: int) -> None:
        super().__init__(options, count)
        self._free: list[Any] = []
        self._busy: dict[Any, Any] = {}
        self._waiting: deque[tuple[int, bytes]] = deque()

    def send(self, number: int, parcel: bytes) -> None:
        """Give the parcel to an idle actor, or let it wait for one."""
        self._waiting.append((number, parcel))
        self._dispatch()

    def receive(self) -> tuple[int, bytes | Exception]:
        """Wait for any actor; an exception stands for one that died."""
        number, answered = super().receive()
        self._dispatch()
        return number, answered

    def close(self) -> None:
        """Keep idle actors; end those that are at work."""
        self._waiting.clear()
        for actor in self._busy.values():
            _end(actor)
        self._numbers.clear()
        _keep(self._options, self._free)
        self._free, self._busy, self._manifest = [], {}, ()

    def _took(self, reference: Any, answered: Any) -> None:
        actor = self._busy.pop(reference)
        if isinstance(answered, Exception):
            _end(actor)
        else:
            self._free.append(actor)

    def _dispatch(self) -> None:
        while self._waiting and (self._free or len(self._busy) < self._count):
            actor = self._free.pop() if self._free else _borrow(self._options)
            number, parcel = self._waiting.popleft()
            reference = actor.answer.remote(self._name, self._manifest, parcel)
            self._busy[reference] = actor
            self._numbers[reference] = number


_lock: Final = threading.Lock()
_idle: dict[_Kind, list[Any]] = {}


def _kind(options: Mapping[str, Any]) -> _Kind:
    # actors do not outlive the Ray that they were made in
    session = ray.get_runtime_context().get_job_id()
    return (session, *sorted((name, repr(value)) for name, value in options.items()))


def _borrow(options: Mapping[str, Any]) -> Any:
    """Return an idle actor of that kind, else a new one."""
    kind = _kind(options)
    with _lock:
        if _idle.get(kind):
            return _idle[kind].pop()
        for other in [each for each in _idle if each != kind]:
            for actor in _idle.pop(other):
                _end(actor)
    return ray.remote(Keeper).options(max_restarts=0, max_task_retries=0, **options).remote()


def _keep(options: Mapping[str, Any], actors: Sequence[Any]) -> None:
    if actors and ray.is_initialized():
        with _lock:
            _idle.setdefault(_kind(options), []).extend(actors)


def _end(actor: Any) -> None:
    # a Ray that is gone has taken its actors along
    with contextlib.suppress(Exception):
        ray.kill(actor)
