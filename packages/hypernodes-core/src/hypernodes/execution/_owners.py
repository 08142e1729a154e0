"""Who is making what, where the chunks of a run are carried out by several threads.

A key is *owned* from before its function is called until its result is
stored.  Who comes second waits and is then answered from the cache, so that
equal items execute once, as they would one after another.  Waiting cannot go
round in a circle: who owns a key only ever waits for what lies upstream of it.

A chunk looks its keys up when it begins.  So what others have stored since
then is remembered here until that chunk has ended.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from hypernodes.cache import Entry
from hypernodes.hashing import Signature


class Owners:
    """The keys that the threads of one run make, and what they made lately."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owners: dict[Signature, int] = {}
        self._made: OrderedDict[Signature, tuple[int, Entry]] = OrderedDict()
        self._moments = itertools.count()
        self._begun: dict[int, int] = {}

    def begin(self) -> int:
        """Note that a chunk begins; return its number."""
        with self._changed:
            moment = next(self._moments)
            self._begun[moment] = moment
            return moment

    def end(self, chunk: int) -> None:
        """Note that *chunk* ended; forget what no other one may have missed."""
        with self._changed:
            self._begun.pop(chunk, None)
            oldest = min(self._begun.values(), default=None)
            while self._made:
                key, (moment, _) = next(iter(self._made.items()))
                if oldest is not None and moment > oldest:
                    return
                del self._made[key]

    def note(self, entry: Entry) -> None:
        """Note that a result was stored."""
        with self._changed:
            self._made[entry.signature] = (next(self._moments), entry)
            self._made.move_to_end(entry.signature)

    def find(self, key: Signature) -> Entry | None:
        """Return what was stored under *key* since the oldest chunk began."""
        found = self._made.get(key)
        return None if found is None else found[1]

    @contextlib.contextmanager
    def owning(self, key: Signature) -> Iterator[None]:
        """Own *key*, once nobody else does."""
        me = threading.get_ident()
        with self._changed:
            is_mine = self._owners.get(key) == me
            while not is_mine and key in self._owners:
                self._changed.wait()
            self._owners[key] = me
        try:
            yield
        finally:
            if not is_mine:
                self._let_go([key])

    @contextlib.contextmanager
    def owning_free(self, keys: Sequence[Signature | None]) -> Iterator[list[bool]]:
        """Own those of *keys* that nobody owns; say for each whether it may be made here."""
        me = threading.get_ident()
        taken: list[Signature] = []
        with self._changed:
            free = [key is None or self._owners.get(key, me) == me for key in keys]
            for key, is_free in zip(keys, free, strict=True):
                if is_free and key is not None and key not in self._owners:
                    self._owners[key] = me
                    taken.append(key)
        try:
            yield free
        finally:
            self._let_go(taken)

    def _let_go(self, keys: Sequence[Signature]) -> None:
        with self._changed:
            for key in keys:
                self._owners.pop(key, None)
            self._changed.notify_all()
