"""Facts about what a callable reaches."""

from __future__ import annotations

import threading
from typing import Any

from hypernodes.hashing import code_fingerprint


def test_globals_are_followed() -> None:
    """What a function reaches by a global name counts by its value."""
    text = "N = {0}\ndef f(): return N"
    scopes: list[dict[str, Any]] = [{"__name__": "made"}, {"__name__": "made"}]
    for number, scope in enumerate(scopes):
        exec(text.format(number), scope)
    assert code_fingerprint(scopes[0]["f"]) != code_fingerprint(scopes[1]["f"])


def test_a_captured_lock_counts_by_its_type() -> None:
    """Nobody computes with a lock: two functions that hold one each are the same."""

    def make() -> Any:
        lock = threading.Lock()

        def guarded() -> object:
            return lock

        return guarded

    assert code_fingerprint(make()) == code_fingerprint(make())
