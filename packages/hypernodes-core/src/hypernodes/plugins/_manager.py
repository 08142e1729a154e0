"""The plugins of a process: found, loaded one by one, and remembered.

Decides when loading happens (at the first question that needs it, once) and
what a failure means (that one plugin is left out, recorded, and warned of).
Refuses to know what the registered things are for.

Loading goes in three steps, and a process that needs less stops earlier::

    nothing        import hypernodes.plugins
    candidates     is there any plugin besides our own?    30 ms
    loaded         pluggy, every plugin module             24 ms, and theirs

A run that names nothing and meets no plugin stops at the candidates.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import attrs

from hypernodes.errors import PluginConflictError, PluginLoadError, PluginWarning
from hypernodes.plugins._discovery import (
    DISABLE_VARIABLE,
    Candidate,
    find_candidates,
    is_disabled,
)
from hypernodes.plugins._missing import missing_error
from hypernodes.plugins._records import Implementation, PluginInfo
from hypernodes.plugins._registry import KINDS, Kind, Registration, Registry, conflict_error

if TYPE_CHECKING:
    from pluggy import HookCaller, PluginManager

T = TypeVar("T")

OWN_NAME = "hypernodes"
IN_CODE = "code"


class Plugins:
    """Every plugin of one process, and what they registered.

    Any thread may ask at any time; the first question loads, the others wait
    for it.  A plugin that asks while it is being loaded sees what came before.

    Args:
        find: Lists the installed plugins; called once.
    """

    def __init__(self, find: Callable[[], Sequence[Candidate]] = find_candidates) -> None:
        self._find = find
        self._lock = threading.RLock()
        self._candidates: Sequence[Candidate] | None = None
        self._hooks: PluginManager | None = None
        self._is_loaded = False
        self._infos: list[PluginInfo] = []
        self._registry = Registry()
        self._memo: dict[str, Any] = {}

    @property
    def has_guests(self) -> bool:
        """Whether any plugin besides our own is in use; imports none."""
        if any(info.name != OWN_NAME for info in self._infos):
            return True
        return any(not is_disabled(each.name) for each in self._list_candidates())

    def find(self, kind: Kind, name: str) -> Registration:
        """Return who registered *name*.

        Raises:
            PluginConflictError: Several plugins claim the name.
            PluginLoadError: Its plugin is broken.
            EngineNotInstalledError: Its distribution is not installed.
            UnknownPluginError: Nobody registers it.
        """
        self._load()
        found = self._registry.find(kind, name)
        if found is None:
            raise missing_error(kind, name, self._registry.known(kind), self._infos)
        return found

    def registrations(self, kind: Kind) -> Mapping[str, Registration]:
        """Return who registered what of *kind*, by name, clashing ones left out."""
        self._load()
        return self._registry.owned(kind)

    def conflicts(self, kind: Kind) -> Mapping[str, PluginConflictError]:
        """Return the error of each name of *kind* that several plugins claim."""
        self._load()
        found = self._registry.conflicts(kind)
        return {name: conflict_error(kind, name, claims) for name, claims in found.items()}

    def infos(self) -> list[PluginInfo]:
        """Return every plugin: ours first, then in the order of loading."""
        self._load()
        return [attrs.evolve(info, conflicts=self._conflicts_of(info)) for info in self._infos]

    def hook(self, name: str) -> HookCaller | None:
        """Return the caller of hook *name*, or None if nobody implements it."""
        if not self.has_guests:
            return None
        self._load()
        caller: HookCaller = getattr(cast("PluginManager", self._hooks).hook, name)
        return caller if caller.get_hookimpls() else None

    def implementations(self, hook: str) -> tuple[Implementation, ...]:
        """Return who implements *hook*, in call order: last registered first.

        ``tryfirst`` and ``trylast`` of `hookimpl` change that order.
        """
        caller = self.hook(hook)
        return tuple(
            Implementation(each.plugin_name, each.function, tuple(each.argnames))
            for each in reversed(caller.get_hookimpls() if caller else [])
        )

    def remember(self, key: str, build: Callable[[], T]) -> T:
        """Return what *build* returned first, until a plugin comes or goes."""
        if key not in self._memo:
            with self._lock:
                self._memo[key] = build()
        return cast("T", self._memo[key])

    def register(self, plugin: object, name: str) -> None:
        """Add *plugin*, an object with hook implementations, under *name*.

        Takes effect at once, in this process only: workers do not know it.

        Raises:
            PluginConflictError: A plugin of that name is there; unregister it.
            PluginLoadError: It is not a valid plugin; holds the cause.
        """
        self._load()
        with self._lock:
            info = self._admit(Candidate(name, IN_CODE, "0", lambda: plugin))
            if info.status == "ok":
                self._infos.append(info)
        if isinstance(info.cause, PluginConflictError):
            raise info.cause
        if info.cause is not None:
            msg = f"plugin {name!r} cannot be registered: {info.reason}"
            raise PluginLoadError(msg) from info.cause
        _announce()

    def unregister(self, name: str) -> None:
        """Remove the plugin of that name and all it registered; our own stays."""
        self._load()
        with self._lock:
            if self._hooks is None or name == OWN_NAME or not self._hooks.has_plugin(name):
                msg = f"no plugin {name!r} to unregister"
                raise PluginLoadError(msg)
            self._hooks.unregister(name=name)
            self._registry.discard(name)
            # a refused plugin of the same name is not the one that leaves
            self._infos = [each for each in self._infos if (each.name, each.status) != (name, "ok")]
            self._memo.clear()
        _announce()

    def _list_candidates(self) -> Sequence[Candidate]:
        if self._candidates is None:
            with self._lock:
                if self._candidates is None:
                    self._candidates = self._find()
        return self._candidates

    def _load(self) -> None:
        if self._is_loaded:
            return
        candidates = self._list_candidates()
        with self._lock:
            # not None: this thread is loading already, further up its stack
            if self._is_loaded or self._hooks is not None:
                return
            try:
                self._admit_all(candidates)
            except BaseException:
                # an interrupt must not leave half of the plugins in use for good
                self._hooks, self._infos, self._registry = None, [], Registry()
                raise
            self._is_loaded = True
            broken = [info for info in self._infos if info.status == "broken"]
        # last, because a filter may turn a warning into an error
        for info in broken:
            _warn_of(info)

    def _admit_all(self, candidates: Sequence[Candidate]) -> None:
        self._hooks = _make_hooks()
        self._infos.append(self._admit(_own_candidate()))
        for each in candidates:
            self._infos.append(self._admit_installed(each))

    def _admit_installed(self, candidate: Candidate) -> PluginInfo:
        if is_disabled(candidate.name):
            return _info(candidate, status="disabled")
        return self._admit(candidate)

    def _admit(self, candidate: Candidate) -> PluginInfo:
        """Load one plugin and record what it registers; a failure is in the info."""
        # deferred: needs pluggy, which a process without plugins does without
        from hypernodes.plugins._checks import check_hooks, gather

        hooks = cast("PluginManager", self._hooks)
        if hooks.has_plugin(candidate.name):
            return _info(candidate, status="broken", cause=self._name_conflict(candidate))
        found: list[Registration] = []
        stamp = (candidate.name, f"{candidate.distribution} {candidate.version}")
        try:
            plugin = candidate.load()
            _check_object(hooks, plugin)
            hooks.register(plugin, candidate.name)
            implemented = check_hooks(hooks, plugin)
            gather(hooks, plugin, stamp, found)
        # a plugin may do anything; a module that is a script calls sys.exit when imported
        except (Exception, SystemExit) as error:
            if hooks.has_plugin(candidate.name):
                hooks.unregister(name=candidate.name)
            return _info(candidate, status="broken", cause=error, registers=_names(found))
        self._registry.add(found)
        self._memo.clear()
        return _info(candidate, registers=_names(found), hooks=implemented)

    def _name_conflict(self, candidate: Candidate) -> PluginConflictError:
        other = next(info for info in self._infos if info.name == candidate.name)
        msg = (
            f"two plugins are named {candidate.name!r}: one of {other.distribution} "
            f"{other.version} and one of {candidate.distribution} {candidate.version}; "
            "uninstall or rename one"
        )
        return PluginConflictError(msg)

    def _conflicts_of(self, info: PluginInfo) -> tuple[str, ...]:
        return tuple(
            str(conflict_error(kind, name, claims))
            for kind in KINDS
            for name, claims in self._registry.conflicts(kind).items()
            if info.status == "ok" and any(claim.plugin == info.name for claim in claims)
        )


def _make_hooks() -> PluginManager:
    # deferred: 24 ms that a process without plugins does without
    import pluggy

    # deferred, because the marks of the hooks need pluggy
    from hypernodes import hookspecs

    hooks = pluggy.PluginManager("hypernodes")
    hooks.add_hookspecs(hookspecs)
    return hooks


def _check_object(hooks: PluginManager, plugin: object) -> None:
    if plugin is None:
        msg = "the entry point yields None, which is no plugin"
        raise PluginLoadError(msg)
    if other := hooks.get_name(plugin):
        msg = f"it is the same object as plugin {other!r}; register it under one name"
        raise PluginConflictError(msg)


def _own_candidate() -> Candidate:
    # deferred: 25 ms that a process without plugins does without
    from importlib.metadata import PackageNotFoundError, version

    # deferred: what we bring is written with the hook marks, which need pluggy
    from hypernodes.plugins import _builtins

    try:
        own_version = version("hypernodes")
    except PackageNotFoundError:
        own_version = "unknown"
    return Candidate(OWN_NAME, "hypernodes", own_version, lambda: _builtins)


def _info(candidate: Candidate, **attributes: Any) -> PluginInfo:
    return PluginInfo(candidate.name, candidate.distribution, candidate.version, **attributes)


def _names(registrations: Sequence[Registration]) -> Mapping[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for each in registrations:
        names[each.kind.plural] = (*names.get(each.kind.plural, ()), each.name)
    return names


def _warn_of(info: PluginInfo) -> None:
    warnings.warn(
        f"plugin {info.name!r} of {info.distribution} {info.version} was left out: {info.reason}; "
        f"repair or uninstall it, or set {DISABLE_VARIABLE}={info.name}",
        PluginWarning,
        stacklevel=2,
    )


class _Process:
    """Holds the plugins of this process; made at import, so that no lock is needed."""

    plugins: ClassVar[Plugins] = Plugins()
    watchers: ClassVar[list[Callable[[], None]]] = []


def manager() -> Plugins:
    """Return the plugins of this process."""
    return _Process.plugins


def reset_plugins(plugins: Plugins | None = None) -> None:
    """Forget all plugins and start over, with *plugins* or with the installed ones."""
    _Process.plugins = Plugins() if plugins is None else plugins
    _announce()


def on_change(watcher: Callable[[], None]) -> None:
    """Call *watcher* now, and again whenever a plugin comes or goes after loading."""
    _Process.watchers.append(watcher)
    watcher()


def _announce() -> None:
    for watcher in _Process.watchers:
        watcher()
