"""What a run holds while it lasts: its caches, its event loop, its observers.

A `Context` belongs to one call of ``run`` or ``map``; engines and pipelines
keep nothing of it.  A `Level` is one pipeline of that run, the root or a
nested one, with everything that is the same for all of its items.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from hypernodes.callbacks import Ear
from hypernodes.errors import FingerprintError
from hypernodes.events import Event, MapProgress, Run, StepInfo
from hypernodes.execution._calling import CoroutineRunner
from hypernodes.execution._guard import GuardedCache
from hypernodes.execution._owners import Owners
from hypernodes.execution._pace import Pace
from hypernodes.graph import DualNode, Node
from hypernodes.hashing import node_digest
from hypernodes.plan import Nested, Plan, Settings, Step
from hypernodes.values import UNSET

if TYPE_CHECKING:
    from hypernodes.execution._beside import LoopRunner
    from hypernodes.execution._rows import Row

Tell = Callable[[Event], None]
H = TypeVar("H")
#: How often who only hears of progress should hear of it.
_PROGRESS_SECONDS: Final = 0.1
_RUNS_OF_A_CHUNK: Final = 1_000_000


@attrs.define
class Identities:
    """The fingerprints of what all items of a run share, wherever they are carried out.

    Attributes:
        nodes: Step path to the digest of its node; None where it has none.
        constants: Pipeline path to name to the digest of a value, or why
            there is none.
    """

    nodes: dict[str, bytes | None] = attrs.field(factory=dict)
    constants: dict[str, dict[str, bytes | FingerprintError]] = attrs.field(factory=dict)


@attrs.frozen
class Rules:
    """What holds in all of one run, wherever it is carried out; picklable.

    Attributes:
        strict: Whether what a cache warns of is an error.
        salt: Whatever else is to tell keys apart.
        check_mutation: ``"auto"``, ``"always"`` or ``"never"``.
        hooks: Which of the hooks for steps some plugin implements.
        collects: Whether a failing item is kept and the others carried on.
        explains: Whether somebody wants to know why steps are executed.
    """

    strict: bool = False
    salt: str = ""
    check_mutation: str = "auto"
    hooks: frozenset[str] = frozenset()
    collects: bool = False
    explains: bool = True


class Context:
    """The circumstances of one run.

    Args:
        settings: How its pipelines are carried out.
        run: Its record for observers; None where nobody observes.
        tell: Where events go while they happen.
        rules: What holds in all of it, wherever it is carried out.

    Attributes:
        hears_steps: Whether somebody listens to items and steps; otherwise
            observers hear of the run, and how far it is.
        identities: Fingerprints that are found once per run.
        is_remote: Whether this is a worker's part of a run, whose driver
            keeps the notes that explain keys.
        worker: What observers call this process, if it is a worker's.
        said: What caches had to say there: (message, topic).
        listen: Gives who listens to a run that has begun, to be called directly.
        told: A plan, and the loop that was written for it and this run's observers.
        owners: Who makes what, where several threads take part; else None.
    """

    def __init__(
        self,
        settings: Settings,
        run: Run | None = None,
        tell: Tell | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.settings = settings
        self.run = run
        self.tell = tell
        self.rules: Rules = rules or Rules()
        self.hears_steps: bool = run is not None
        self.coroutines: CoroutineRunner | LoopRunner = CoroutineRunner()
        self.identities: Identities = Identities()
        self.is_remote: bool = False
        self.worker: str | None = None
        self.listen: Callable[[Run], Ear] | None = None
        self.told: tuple[Plan, Any] | None = None
        self.said: list[tuple[str, str]] = []
        self.owners: Owners | None = None
        self._sharing = threading.Lock()
        self._chunk: int | None = None
        self._caches: dict[int, tuple[Any, GuardedCache]] = {}
        self._root: Level | None = None
        self._numbers = itertools.count()
        self._progress: dict[str, list[int]] = {}

    @property
    def is_observed(self) -> bool:
        """Whether somebody wants to know of events."""
        return self.run is not None

    def pace(self, plan: Plan, pace: Pace) -> Pace:
        """Return how many items of *plan* travel together."""
        if pace.is_fixed:
            return pace
        if plan.needs_columns:
            # a batch function is promised whole chunks
            return Pace()
        overlaps = pace.overlaps is not None and pace.overlaps(plan)
        # what nothing waits in would hold up the event loop
        holds_up = pace.overlaps is not None and not overlaps
        if holds_up or (self.is_observed and not self.hears_steps and not overlaps):
            return Pace(1, _PROGRESS_SECONDS)
        return pace

    def become_remote(self, identities: Identities, chunk: int) -> None:
        """Take part in a run of another process, which found *identities*."""
        self.identities = identities
        self.is_remote = True
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.hears_steps = self.run is not None
        # numbers of nested runs must not meet those of other chunks
        self._numbers = itertools.count(1 + (chunk + 1) * _RUNS_OF_A_CHUNK)

    def root_level(self, plan: Plan, constants: Mapping[str, Any]) -> Level:
        """Return the level of *plan*; built once, so constants are hashed once."""
        if self._root is None:
            self._root = Level(self, plan, self.settings, constants, self.rules.collects)
        return self._root

    def inside(self, settings: Settings, run: Run | None) -> Context:
        """Return a context for chunks that a nested pipeline sends to its own engine."""
        # a failing item inside fails the item around it
        context = Context(settings, run, None, attrs.evolve(self.rules, collects=False))
        context.coroutines = self.coroutines
        context._take_part(self)
        return context

    def beside(self) -> Context:
        """Return a context for one chunk of the same run in another thread; to be closed there."""
        with self._sharing:
            # the threads of one run agree on one
            self.owners = self.owners or Owners()
        context = Context(self.settings, self.run, None, self.rules)
        context.hears_steps = self.hears_steps
        context.identities = self.identities
        context._take_part(self)
        context._chunk = self.owners.begin()
        for _, guard in list(self._caches.values()):
            # what was stored before it begins is found by its lookups
            guard.settle()
        return context

    def _take_part(self, other: Context) -> None:
        """Share what the contexts of one run have in common."""
        self.is_remote, self.worker = other.is_remote, other.worker
        self.said, self.owners = other.said, other.owners
        self._caches = other._caches
        self._numbers = other._numbers

    def nested_run(
        self, level: Level, parent: Run, item: int | None, step: Step, total: int | None
    ) -> Run:
        """Return the record of one nested run inside *item* of *parent*."""
        identity = f"{parent.id}.{next(self._numbers)}"
        run = new_run(identity, level.plan, level.settings.engine, total)
        return attrs.evolve(run, parent=parent, parent_step=step.name, parent_item=item)

    def note_progress(self, row: Row) -> None:
        """Count one more item of a run; tell observers how far it is, if they hear live."""
        if row.run is None or row.tell is None or row.tell is not self.tell:
            return
        self._count(row.run, 1, row.failure is None and row.is_hit, row.failure is not None)

    def count(self, done: int = 1, hits: int = 0, failed: int = 0) -> None:
        """Count items of the run itself that ended; observers hear it at once."""
        if self.run is not None:
            self._count(self.run, done, hits, failed)

    def counts(self, run: Run) -> list[int]:
        """Return how many items of *run* are done, were hits, and failed; a list that counts on."""
        return self._progress.setdefault(run.id, [0, 0, 0])

    def _count(self, run: Run, done: int, hits: int, failed: int) -> None:
        counts = self.counts(run)
        counts[0] += done
        counts[1] += hits
        counts[2] += failed
        if self.tell is not None:
            self.tell(MapProgress(run, *counts))

    def flush(self) -> None:
        """Make durable what was stored so far."""
        # other threads may add to them
        for _, guard in list(self._caches.values()):
            guard.flush()

    def close(self) -> None:
        """End the run: store what is left, stop the event loop."""
        try:
            self.flush()
        finally:
            if self.owners is not None and self._chunk is not None:
                self.owners.end(self._chunk)
            self.coroutines.close()
            # both know this run, so that neither would go away with it
            self._root = self.told = None

    def guard(self, cache: Any) -> GuardedCache | None:
        """Return the one guard of *cache* in this run."""
        if cache is None:
            return None
        # the cache is kept beside its id, so that no id is used twice
        return self._caches.setdefault(id(cache), (cache, self._guarded(cache)))[1]

    def _guarded(self, cache: Any) -> GuardedCache:
        return GuardedCache(cache, self.rules.strict, self.said if self.is_remote else None)


class Level:
    """One pipeline of a run: what is the same for all of its items.

    Attributes:
        context: The run.
        plan: What is done.
        settings: How.
        cache: Where results are remembered; None for nowhere.
        constants: Values that do not vary between items.
        constant_digests: Their fingerprints, or why there is none.
        collects: Whether a failing item is kept and the others carried on.
    """

    def __init__(
        self,
        context: Context,
        plan: Plan,
        settings: Settings,
        constants: Mapping[str, Any],
        collects: bool = False,
    ) -> None:
        self.collects = collects
        self.context = context
        self.plan = plan
        self.settings = settings
        self.constants = constants
        known = context.identities.constants
        self.constant_digests: dict[str, bytes | FingerprintError] = known.setdefault(plan.path, {})
        self.cache: GuardedCache | None = (
            context.guard(settings.cache) if any(settings.cached) else None
        )
        self.infos: tuple[StepInfo, ...] = tuple(map(step_info, plan.steps))
        self._inside: dict[int, Level] = {}
        self._called: set[int] = set()
        self._histories: dict[int, Any] = {}
        self._described: set[int] = set()

    def history(self, step: Step, read: Callable[[Level, Step], H]) -> H:
        """Return what the cache knew of *step*; *read* is called once per run."""
        if step.index not in self._histories:
            self._histories[step.index] = read(self, step)
        found: H = self._histories[step.index]
        return found

    def is_described(self, step: Step) -> bool:
        """Say whether this was asked of *step* before."""
        known = step.index in self._described
        self._described.add(step.index)
        return known

    def note_call(self, step: Step) -> bool:
        """Say whether this is the first call of *step* in this run."""
        is_first = step.index not in self._called
        self._called.add(step.index)
        return is_first

    def inside(self, step: Step, nested: Nested) -> Level:
        """Return the level inside *step*; built once, so what is bound is hashed once."""
        if step.index not in self._inside:
            settings = self.settings.nested[step.index]
            # an item of a map inside fails the item around it
            collects = self.collects and not nested.map_over
            self._inside[step.index] = Level(
                self.context, nested.plan, settings, nested.bound, collects
            )
        return self._inside[step.index]

    def is_cached(self, step: Step) -> bool:
        """Say whether results of *step* are remembered."""
        return self.cache is not None and step.nested is None and self.settings.cached[step.index]

    def node_digest(self, step: Step) -> bytes | None:
        """Return what identifies the node of *step*; None, with a warning, if nothing does."""
        known = self.context.identities.nodes
        if step.path not in known:
            known[step.path] = self._identify(step)
        return known[step.path]

    def _identify(self, step: Step) -> bytes | None:
        node = step.node
        if node is None or self.cache is None:
            return None
        shape = (
            f"{type(node).__name__}/{0 if isinstance(node.output_name, str) else len(node.outputs)}"
        )
        try:
            code = node.code
        except FingerprintError as error:
            hint = "where it is captured, ignore=[...] or track=[...] of the node leave it out"
            self.cache.warn(f"node {step.path!r} runs uncached: {error}; {hint}", error)
            return None
        self._warn_of_doors(step, code.account.doors, self.cache)
        versions = "\n".join(f"{name}=={version}" for name, version in code.environment)
        salt = self.context.rules.salt
        return node_digest(code.digest, shape.encode(), versions.encode(), salt.encode())

    def _warn_of_doors(
        self, step: Step, doors: Mapping[str, frozenset[str]], cache: GuardedCache
    ) -> None:
        """Say once that some code reaches things that nobody can see."""
        for label, names in doors.items():
            calls = ", ".join(sorted(names))
            cache.warn(
                f"node {step.path!r} reaches things by computed names ({calls} in {label}): "
                "a change of those does not count; name them with depends_on=[...]"
            )


def new_run(
    identity: str,
    plan: Plan,
    engine: Any,
    total: int | None,
) -> Run:
    """Return the record of a run for observers."""
    return Run(
        id=identity,
        pipeline_id=plan.pipeline_id,
        pipeline_name=plan.pipeline_name,
        path=plan.path,
        engine=type(engine).__name__,
        total=total,
        node_ids=plan.node_ids,
    )


def is_batch(step: Step) -> bool:
    """Say whether *step* takes a whole batch in a map."""
    return isinstance(step.node, DualNode)


def engine_option(engine: Any, name: str, default: Any) -> Any:
    """Return an attribute of an engine; *default* where it has none or leaves it unset."""
    value = getattr(engine, name, default)
    return default if value is UNSET else value


def step_info(step: Step) -> StepInfo:
    """Return *step* as observers know it."""
    written = tuple(name for name in step.writes if name is not None)
    outputs = written if step.node is None else step.node.outputs
    function = None if step.node is None else _name_function(step.node)
    return StepInfo(
        step.name, step.path, outputs, step.nested is not None, tuple(step.reads), function
    )


def _name_function(node: Node[..., Any] | DualNode) -> str | None:
    function: Any = node.singular if isinstance(node, DualNode) else node.func
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    return f"{module}:{name}" if isinstance(module, str) and isinstance(name, str) else None
