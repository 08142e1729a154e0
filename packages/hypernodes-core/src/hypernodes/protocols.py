"""The shapes that extensions have; the one file a plugin author reads first.

Nothing here is inherited from: an object that has the methods is one.  The
conformance kit in `hypernodes.testing` says whether it also keeps the
promises written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from hypernodes.cache import Entry, Result
    from hypernodes.execution import Chunk, ChunkResult, Context
    from hypernodes.hashing import Signature
    from hypernodes.pipeline import Pipeline
    from hypernodes.plan import Plan
    from hypernodes.values import Missing, Unset


@runtime_checkable
class HyperNode(Protocol):
    """What every node offers: functions, dual nodes and nested pipelines alike.

    Attributes:
        cache: Whether its results may be cached; read when a run starts.
    """

    cache: bool

    @property
    def name(self) -> str | None:
        """What observers call it."""
        ...

    @property
    def output_name(self) -> str | tuple[str, ...]:
        """The name of its output, or a tuple of names."""
        ...

    @property
    def root_args(self) -> tuple[str, ...]:
        """The names of its parameters."""
        ...

    @property
    def code_hash(self) -> str:
        """64 hex digits that change when its code does."""
        ...


class Engine(Protocol):
    """Decides where and how chunks of work travel, and nothing else.

    ``run`` and ``map`` are one line each: they call
    `hypernodes.execution.run_pipeline` and `map_pipeline` with the engine
    itself, which plan the work and hand it to ``submit``.  An engine keeps no
    state of a run on itself, so one object serves many runs at once.

    A method ``pace(items)`` that returns a `hypernodes.execution.Pace` is
    optional: it says how many items of a nested map travel together.

    Attributes:
        cache: The cache, None for none, or ``UNSET`` to inherit.
        callbacks: The observers, None for none, or ``UNSET`` to inherit.
    """

    cache: Cache | Unset | None
    callbacks: Sequence[Any] | Unset | None

    def run(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Run *pipeline* once and return its outputs by name."""
        ...

    def map(
        self,
        pipeline: Pipeline,
        inputs: Mapping[str, Any] | None,
        map_over: str | Sequence[str],
        map_mode: Literal["zip", "product"] = "zip",
        output_name: str | Sequence[str] | None = None,
        *,
        on_error: str = "raise",
    ) -> list[Any]:
        """Run *pipeline* once per item and return the outputs in item order."""
        ...

    def submit(
        self, plan: Plan, chunks: Iterable[Chunk], context: Context
    ) -> Iterator[ChunkResult]:
        """Carry out every chunk and yield every result, in any order.

        The work itself is `hypernodes.execution.run_chunk`, here or elsewhere.
        """
        ...


class Cache(Protocol):
    """Remembers results: values under signatures, singly and in bulk.

    The bulk methods are what engines use.  *lookup* answers from records and
    reads no value; *load* reads values.  "Not there" is ``MISSING``, never
    None.  A damaged or unreadable entry is "not there".  Any thread may call
    any method at any time.
    """

    def get(self, signature: Signature | str, default: Any = ...) -> Any:
        """Return the value under *signature*, else *default* (``MISSING``)."""
        ...

    def put(self, signature: Signature | str, value: Any) -> None:
        """Store *value* under *signature*, replacing what was there."""
        ...

    def has(self, signature: Signature | str) -> bool:
        """Say whether *signature* is there, without reading its value."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def lookup_many(self, signatures: Sequence[Signature]) -> list[Entry | Missing]:
        """Return one record per signature, in order."""
        ...

    def load_many(self, wanted: Sequence[tuple[Entry, int]]) -> list[Any]:
        """Return one value per (entry, output position), or ``MISSING``."""
        ...

    def store_many(self, results: Sequence[Result]) -> None:
        """Encode and keep *results*; values are not referenced afterwards.

        Raises:
            SerializationError: Some values cannot be encoded; all others are
                kept, and the error's ``failed`` maps positions to causes.
        """
        ...

    def flush(self) -> None:
        """Make everything stored so far durable; called at the end of a run."""
        ...


class ByteStore(Protocol):
    """Keeps bytes under text keys; five methods make a cache of it.

    `hypernodes.cache.BackendCache` does the rest: encoding, signing, checking,
    bulk work.  Keys are printable ASCII without spaces, at most 80 characters,
    with slashes as separators.  A key is written again with other bytes now
    and then, and must hold the old or the new ones at any time, never a mixture.

    The bulk forms ``get_many(keys) -> Mapping[str, bytes]`` (without those that
    are not there), ``put_many(Mapping[str, bytes])`` and
    ``has_many(keys) -> Sequence[bool]`` are used where the store has them.
    """

    def get(self, key: str, /) -> bytes | None:
        """Return the bytes under *key*, None where there are none."""
        ...

    def put(self, key: str, data: bytes, /) -> None:
        """Keep *data* under *key*; durable when it returns."""
        ...

    def has(self, key: str, /) -> bool:
        """Say whether something is kept under *key*."""
        ...

    def delete(self, key: str, /) -> None:
        """Forget *key*, which is there."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...


class Serializer(Protocol):
    """Turns values into bytes and back, under a name and a version."""

    @property
    def name(self) -> str:
        """Written beside every value it encodes."""
        ...

    @property
    def version(self) -> int:
        """Raised when old bytes can no longer be decoded."""
        ...

    @property
    def is_pickle(self) -> bool:
        """Whether decoding may run code that the bytes name."""
        ...

    def can_encode(self, value: Any) -> bool:
        """Say whether *value* comes back equal in type and state."""
        ...

    def encode(self, value: Any) -> bytes:
        """Return the bytes of *value*."""
        ...

    def decode(self, data: bytes | memoryview, version: int) -> Any:
        """Return the value of *data*, which that *version* encoded."""
        ...
