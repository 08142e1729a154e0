"""What goes to workers: the manifest of a run, and who is making what.

One packer serves one run.  It knows which keys are under way, so that two
chunks do not ask for the same work, and gives parcels their numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from hypernodes.cache import Entry
from hypernodes.errors import FingerprintError, TransferError
from hypernodes.execution._context import Context, Level, engine_option
from hypernodes.execution._packing import is_picklable, pack
from hypernodes.execution._records import Chunk
from hypernodes.execution._rows import Row
from hypernodes.execution._step import load
from hypernodes.execution._worker import CacheStub, Manifest, Parcel, Stored
from hypernodes.hashing import Signature
from hypernodes.plan import Plan, Settings, Step


class Packer:
    """Packs the parcels of one run.

    Args:
        plan: What is done.
        chunk: Any chunk of the run: they share their constants.
        context: The run.

    Attributes:
        under_way: Key, or what identifies an item, to the number of the
            parcel that makes its results.
        is_announced: Whether the manifest was asked for.
    """

    def __init__(self, plan: Plan, chunk: Chunk, context: Context) -> None:
        self.under_way: dict[Signature | bytes, int] = {}
        self.is_announced = False
        self._plan = plan
        self._constants = chunk.constants
        self._context = context
        self._level = context.root_level(plan, chunk.constants)
        self._caches: list[Any] = []
        self._numbers = itertools.count()
        self._keys: dict[int, list[Signature | bytes]] = {}
        self._makers: dict[bytes, tuple[Level, Step]] = {}

    def manifest(self) -> bytes:
        """Return the manifest of the run, packed.

        Raises:
            TransferError: A function or constant cannot be sent.
        """
        self.is_announced = True
        context = self._context
        self._identify(self._level)
        manifest = Manifest(
            plan=self._plan,
            settings=self._stubbed(context.settings),
            constants=self._constants,
            identities=context.identities,
            run=context.run if context.hears_steps else None,
            rules=context.rules,
        )
        try:
            return pack(manifest)
        except Exception as error:
            raise _unpicklable(self._plan, self._constants, error) from error

    def maker(self, node: bytes) -> tuple[Level, Step] | None:
        """Return which step makes results of *node*."""
        return self._makers.get(node)

    def parcel(
        self, chunk: Chunk, rows: Sequence[Row], made: Mapping[int, Sequence[Stored]] | None = None
    ) -> Parcel:
        """Return a parcel for those items of *chunk* that *rows* stand for; all without rows."""
        number = next(self._numbers)
        bare = attrs.evolve(chunk, constants={})
        if not rows:
            return Parcel(number, bare, {}, {})
        self._keys[number] = [key for row in rows for key in missing_keys(row)]
        for key in self._keys[number]:
            self.under_way.setdefault(key, number)
        entries = [entry for row in rows for entry in row.found.values()]
        known = {self._number_of(self._level): entries} if entries else {}
        picked = bare.only([(row.item or 0) - (chunk.first or 0) for row in rows])
        return Parcel(number, picked, known, _values(rows), made or {})

    def let_go(self, number: int) -> None:
        """Note that a parcel came back: what it made can be looked up."""
        for key in self._keys.pop(number, ()):
            if self.under_way.get(key) == number:
                del self.under_way[key]

    def cache_of(self, number: int) -> Any:
        """Return the cache that *number* stands for in deliveries."""
        return self._caches[number]

    def _identify(self, level: Level) -> None:
        """Find the fingerprints that workers cannot find: of nodes, and of what all items share."""
        for step in level.plan.steps:
            if step.nested is not None:
                self._identify(level.inside(step, step.nested))
            elif level.is_cached(step):
                digest = level.node_digest(step)
                if digest is not None:
                    self._makers[digest] = (level, step)
        if level.cache is not None:
            row = Row(level, {})
            for name in level.constants:
                row.digest(name)

    def _number_of(self, level: Level) -> int:
        return self._stub(level.settings.cache).number

    def _stub(self, cache: Any) -> CacheStub:
        for number, known in enumerate(self._caches):
            if known is cache:
                return CacheStub(number, None)
        self._caches.append(cache)
        return CacheStub(len(self._caches) - 1, None)

    def _stubbed(self, settings: Settings) -> Settings:
        """Return *settings* as workers need them."""
        cache = None
        if settings.cache is not None and _is_used(settings):
            nodes = {digest for digest in self._context.identities.nodes.values() if digest}
            show = getattr(settings.cache, "for_worker", lambda _nodes: None)
            cache = attrs.evolve(self._stub(settings.cache), near=show(nodes))
        nested = {index: self._stubbed(each) for index, each in settings.nested.items()}
        engine = settings.engine
        if engine is self._context.settings.engine or engine_option(engine, "is_inline", False):
            engine = None
        return attrs.evolve(settings, engine=engine, cache=cache, callbacks=(), nested=nested)


def _is_used(settings: Settings) -> bool:
    return any(settings.cached)


def _unpicklable(plan: Plan, constants: Mapping[str, Any], cause: Exception) -> TransferError:
    """Return an error that names what cannot be sent."""
    bad = [f"input {name!r}" for name, value in constants.items() if not is_picklable(value)]
    bad += [f"node {step.path!r}" for step in plan.steps if not is_picklable(step)]
    what = ", ".join(bad) or "the pipeline"
    msg = (
        f"{what} cannot be sent to workers: {type(cause).__name__}: {cause}; "
        "make it at module level, wrap resources in @stateful, or use an engine of this process"
    )
    return TransferError(msg)


def missing_keys(row: Row) -> Iterator[Signature | bytes]:
    """Yield what stands for the work that *row* needs: keys, and the item itself.

    Inside nested pipelines and below uncached steps keys are not known yet;
    there, equal items will need the same work.
    """
    for index, key in row.keys.items():
        if key is not None and index not in row.found:
            yield key
    names = sorted(name for name in row.level.plan.reads if name not in row.level.constants)
    digests = [row.digest(name) for name in names]
    if not any(isinstance(digest, FingerprintError) for digest in digests):
        yield b"".join(digest for digest in digests if isinstance(digest, bytes))


def _values(rows: Sequence[Row]) -> Mapping[tuple[Signature, int], bytes]:
    """Return, pickled, the recorded values that a missing step or the caller needs."""
    wanted: list[tuple[Row, str, Entry, int]] = []
    for row in rows:
        plan = row.level.plan
        needed = set(plan.outputs)
        needed.update(n for step in plan.steps if step.index not in row.found for n in step.reads)
        for step in plan.steps:
            if step.index in row.found:
                wanted.extend(
                    (row, name, row.found[step.index], position)
                    for position, name in enumerate(step.writes)
                    if name in needed
                )
    load([(row, name) for row, name, _, _ in wanted if name not in row.values])
    return {(e.signature, position): pack(row.values[name]) for row, name, e, position in wanted}
