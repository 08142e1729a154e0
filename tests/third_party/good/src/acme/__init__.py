"""A company that does everything right."""

from __future__ import annotations

from threading import Lock


class Opaque:
    """Cannot be pickled or fingerprinted without help: it holds a lock."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = Lock()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and other.number == self.number

    __hash__ = None  # type: ignore[assignment]  # mutable, like most of what needs a fingerprint
