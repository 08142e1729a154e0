"""The same work on several engines: does it come out the same, and which one is fastest?

Every engine carries out a sample of the items without a cache, which is timed,
and once more with the results that `SeqEngine` has cached: what it executes
then, its keys did not find.  Engines that cannot be used are listed with the
reason and stop nothing.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from hypernodes.cache import MemoryCache
from hypernodes.callbacks import Recorder
from hypernodes.errors import FingerprintError, HyperNodesError
from hypernodes.execution import Request
from hypernodes.hashing import fingerprint
from hypernodes.plugins import get_engine

#: A faster engine must be this much faster to be worth its dependencies.
_GAIN: Final = 1.2
_REFERENCE: Final = "seq"


@attrs.frozen
class Twin:
    """What one engine made of the sample.

    Attributes:
        engine: Its name.
        start: The seconds until one item was through, workers started.
        seconds: What the sample took then.
        is_equal: Whether values and types are those of `SeqEngine`.
        has_same_keys: Whether it found what `SeqEngine` had cached.
        problem: Why there is nothing to compare; empty where there is.
    """

    engine: str
    start: float = 0.0
    seconds: float = 0.0
    is_equal: bool = False
    has_same_keys: bool = False
    problem: str = ""

    @property
    def is_true(self) -> bool:
        """Whether it may stand for `SeqEngine`."""
        return self.is_equal and self.has_same_keys and not self.problem


@attrs.frozen
class Twins:
    """The outcome of a comparison.

    Attributes:
        rows: One per engine, `SeqEngine` first.
        items: How many items there are; None for a single run.
        sample: How many of them were carried out.
    """

    rows: tuple[Twin, ...]
    items: int | None
    sample: int

    @property
    def are_true(self) -> bool:
        """Whether every engine that could be used gives the same results and keys."""
        return all(row.is_true for row in self.rows if not row.problem)

    def expected(self, row: Twin) -> float:
        """Return what all items should take on an engine, its start included."""
        return row.start + row.seconds * (self.items or 1) / max(1, self.sample)

    @property
    def best(self) -> Twin:
        """The engine to use: the fastest, unless `SeqEngine` is nearly as fast."""
        true = [row for row in self.rows if row.is_true]
        found = min(true, key=self.expected, default=self.rows[0])
        return found if self._gain(found) >= _GAIN else self.rows[0]

    @property
    def advice(self) -> str:
        """Which engine to use and why, in a sentence."""
        best = self.best
        if best is self.rows[0]:
            return f"use {best.engine}: no other engine would be much faster"
        return f"use {best.engine}: {self._gain(best):.1f} times as fast as {self.rows[0].engine}"

    def _gain(self, row: Twin) -> float:
        return self.expected(self.rows[0]) / max(self.expected(row), 1e-9)


def compare_engines(
    pipeline: Any, request: Request, map_mode: str, engines: Sequence[str], sample: int = 100
) -> Twins:
    """Carry out a sample of *request* on each of *engines* and compare.

    Functions are called for every item of the sample once per engine, and once
    more for the first item.

    Args:
        pipeline: The pipeline.
        request: What is asked of it.
        map_mode: How mapped inputs combine.
        engines: Their names; ``"seq"`` is always the first.
        sample: How many items are taken, from the beginning.

    Raises:
        Exception: Whatever a function raised on `SeqEngine`.
    """
    few = _Work(pipeline, request, map_mode, sample)
    reference = few.observe(get_engine(_REFERENCE))
    cache = MemoryCache()
    few.call(get_engine(_REFERENCE, cache=cache, callbacks=None))
    left = few.count_executed(_REFERENCE, cache)
    first = Twin(_REFERENCE, reference.start, reference.seconds, True, True)
    others = (_compare(n, few, reference, cache, left) for n in engines if n != _REFERENCE)
    return Twins((first, *others), request.count, few.count)


def _compare(
    name: str, work: _Work, reference: _Observed, cache: MemoryCache, left: Counter[str]
) -> Twin:
    try:
        with contextlib.closing(_Closing(get_engine(name, cache=None, callbacks=None))) as engine:
            seen = work.observe(engine.engine)
        executed = work.count_executed(name, cache)
    except HyperNodesError as error:
        # an engine that is not there must not hide what the others do
        return Twin(name, problem=str(error))
    except Exception as error:
        return Twin(name, problem=f"{type(error).__name__}: {error}")
    is_equal = seen.values == reference.values
    return Twin(name, seen.start, seen.seconds, is_equal, executed == left)


@attrs.frozen
class _Closing:
    """An engine that is closed where it can be."""

    engine: Any

    def close(self) -> None:
        getattr(self.engine, "close", lambda: None)()


@attrs.frozen
class _Observed:
    """What an engine gave, and what it took."""

    values: list[Any]
    start: float
    seconds: float


class _Work:
    """The part of a request that is carried out again and again."""

    def __init__(self, pipeline: Any, request: Request, map_mode: str, sample: int) -> None:
        self._pipeline = pipeline
        self._outputs = list(request.plan.outputs)
        self._mode = map_mode
        self._over = list(request.columns)
        self._inputs = _first(request.inputs, self._over, sample, map_mode)
        self.count = _count(self._inputs, self._over, map_mode)

    def call(self, engine: Any, inputs: Mapping[str, Any] | None = None) -> list[Any]:
        """Return the rows that *engine* gives."""
        given = self._inputs if inputs is None else inputs
        if not self._over:
            return [engine.run(self._pipeline, given, self._outputs)]
        rows: list[Any] = engine.map(self._pipeline, given, self._over, self._mode, self._outputs)
        return rows

    def observe(self, engine: Any) -> _Observed:
        """Carry out one item, to have workers started, then all of them."""
        one = _first(self._inputs, self._over, 1, self._mode)
        start = _time(lambda: self.call(engine, one))
        rows: list[Any] = []
        seconds = _time(lambda: rows.extend(self.call(engine)))
        return _Observed([_identify(row) for row in rows], start, seconds)

    def count_executed(self, name: str, cache: MemoryCache) -> Counter[str]:
        """Return what engine *name* executes where *cache* holds the results."""
        recorder = Recorder()
        engine = get_engine(name, cache=cache, callbacks=[recorder])
        with contextlib.closing(_Closing(engine)):
            self.call(engine)
        return Counter(recorder.executed)


def _first(
    inputs: Mapping[str, Any], over: Sequence[str], count: int, map_mode: str
) -> dict[str, Any]:
    """Return *inputs* with so many items; of a product, about so many."""
    each = math.ceil(count ** (1 / max(1, len(over)))) if map_mode == "product" else count
    return {
        name: [value for value, _ in zip(values, range(each), strict=False)]
        if name in over
        else values
        for name, values in inputs.items()
    }


def _count(inputs: Mapping[str, Any], over: Sequence[str], map_mode: str) -> int:
    sizes = [len(inputs[name]) for name in over]
    return math.prod(sizes) if map_mode == "product" else max(sizes, default=1)


def _identify(row: Mapping[str, Any]) -> list[Any]:
    """Return what two equal rows have in common, types included."""
    return [(name, type(value), _fingerprint(value)) for name, value in row.items()]


def _fingerprint(value: Any) -> Any:
    try:
        return fingerprint(value)
    except FingerprintError:
        # what has no fingerprint is compared by itself
        return value


def _time(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
