"""Names to things: what the rest of HyperNodes asks of its plugins.

Decides what each kind of thing is made into: a class, an object, a function
that imports itself at its first call.  Keeps nothing; the process's `manager`
does.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from hypernodes.cache import BackendCache, is_byte_store, open_disk_cache
from hypernodes.errors import CacheUnavailableError, PluginError, PluginLoadError, PluginWarning
from hypernodes.plugins._manager import OWN_NAME, manager
from hypernodes.plugins._records import PluginInfo
from hypernodes.plugins._registry import (
    CACHE,
    CALLBACK,
    ENGINE,
    FINGERPRINT,
    SERIALIZER,
    VISUALIZER,
    Registration,
)

if TYPE_CHECKING:
    from hypernodes.hookspecs import SerializerSpec
    from hypernodes.protocols import Cache, Engine, Serializer

CALLBACKS_VARIABLE = "HYPERNODES_CALLBACKS"


def get_engine_class(name: str) -> type[Engine]:
    """Return the engine class called *name*, a short name or a class name.

    Loads every installed plugin at the first call in a process, and imports
    the engine's own module.

    Args:
        name: ``"dask"`` and ``"DaskEngine"`` mean the same.

    Raises:
        UnknownPluginError: No plugin has such an engine.
        EngineNotInstalledError: It is one of ours, in a distribution that is
            not installed; the message holds the install line.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    registration = manager().find(ENGINE, name)
    found = registration.resolve()
    _check_shape(registration, found, ("run", "map"))
    return cast("type[Engine]", found)


def get_engine(name: str, **options: Any) -> Engine:
    """Make the engine called *name*; *options* go to its class.

    Raises:
        UnknownPluginError: No plugin has such an engine.
        EngineNotInstalledError: Its distribution is not installed.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    return get_engine_class(name)(**options)


def open_cache(url: str | os.PathLike[str]) -> Cache:
    """Open the cache at *url*: a folder, or the URL of any registered scheme.

    Text without ``://`` is a folder, and so is ``C://...``: schemes have two
    letters or more, and upper case does not matter.  Opening a folder loads no
    plugin.  A scheme may stand for a byte store, which becomes a `BackendCache`.

    Args:
        url: ``".cache"``, a `pathlib.Path`, ``"memory://"``, ``"s3://bucket/prefix"``,
            ``"acme://..."``.  Options of a remote cache and of its filesystem
            follow a question mark: ``"s3://bucket?endpoint_url=..."``.

    Raises:
        CacheUnavailableError: The text is empty, or the cache cannot be opened.
        UnknownPluginError: No plugin claims the scheme.
        EngineNotInstalledError: The scheme needs an extra.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the scheme.
    """
    text = os.fspath(url)
    if not text.strip():
        msg = "cannot open a cache at '': give a folder, '.' for this one, or a URL"
        raise CacheUnavailableError(msg)
    scheme, separator, _ = text.partition("://")
    if not isinstance(url, str) or not separator or len(scheme) < 2:  # C://
        return open_disk_cache(text)
    opened = manager().find(CACHE, scheme.lower()).resolve()(text)
    if is_byte_store(opened):
        return BackendCache(opened)
    return cast("Cache", opened)


def get_callback_class(name: str) -> type[Any]:
    """Return the callback class called *name*, a short name or a class name.

    Raises:
        UnknownPluginError: No plugin has such a callback.
        EngineNotInstalledError: Its distribution is not installed.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    found: type[Any] = manager().find(CALLBACK, name).resolve()
    return found


def get_callback(name: str, **options: Any) -> Any:
    """Make the callback called *name*; *options* go to its class.

    Raises:
        UnknownPluginError: No plugin has such a callback.
        EngineNotInstalledError: Its distribution is not installed.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    return get_callback_class(name)(**options)


def resolve_callbacks(callbacks: Iterable[object]) -> list[Any]:
    """Return *callbacks* in order, each name replaced by a new callback.

    Objects stay themselves; without a name in *callbacks* no plugin is loaded.

    Raises:
        UnknownPluginError: No plugin has a callback of one of the names.
        EngineNotInstalledError: Its distribution is not installed.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    return [get_callback(each) if isinstance(each, str) else each for each in callbacks]


def environment_callbacks(environ: Mapping[str, str] = os.environ) -> list[Any]:
    """Make the callbacks that ``HYPERNODES_CALLBACKS`` names, separated by commas.

    Raises:
        UnknownPluginError: No plugin has a callback of one of the names.
        EngineNotInstalledError: Its distribution is not installed.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    names = environ.get(CALLBACKS_VARIABLE, "").split(",")
    return resolve_callbacks(name.strip() for name in names if name.strip())


def get_visualizer(name: str) -> Callable[..., Any]:
    """Return the function that draws pictures under *name*.

    Raises:
        UnknownPluginError: No plugin has such a visualizer; a `ValueError`.
        PluginLoadError: Its plugin or its module cannot be imported.
        PluginConflictError: Several plugins claim the name.
    """
    found: Callable[..., Any] = manager().find(VISUALIZER, name).resolve()
    return found


def registered_fingerprints() -> Mapping[str, Callable[[Any], Any]]:
    """Return type names to functions, each importing itself at its first call.

    A type that several plugins claim has a function that raises the
    `PluginConflictError`.  The same mapping is returned until a plugin comes
    or goes.
    """
    return manager().remember("fingerprints", _fingerprints)


def registered_serializers() -> list[Serializer]:
    """Return the serializers of plugins, highest priority first, ties by name.

    One that cannot be imported, lacks something, or shares its name is left
    out with one `PluginWarning`; values that need it are then not cached.
    """
    return list(manager().remember("serializers", _serializers))


def list_plugins() -> list[PluginInfo]:
    """Return every plugin, ours first: working, disabled and broken ones."""
    return manager().infos()


def _fingerprints() -> Mapping[str, Callable[[Any], Any]]:
    plugins = manager()
    if not plugins.has_guests:
        return {}
    functions: dict[str, Callable[[Any], Any]] = {
        name: _deferred(registration)
        for name, registration in plugins.registrations(FINGERPRINT).items()
        # ours only claim their types here; hashing knows them by itself
        if registration.plugin != OWN_NAME
    }
    for name, error in plugins.conflicts(FINGERPRINT).items():
        functions[name] = _refusing(error)
    return functions


def _deferred(registration: Registration) -> Callable[[Any], Any]:
    found: list[Callable[[Any], Any]] = []

    def fingerprint(value: Any) -> Any:
        if not found:
            found.append(registration.resolve())
        return found[0](value)

    return fingerprint


def _refusing(error: PluginError) -> Callable[[Any], Any]:
    def fingerprint(_value: Any) -> Any:
        raise error

    return fingerprint


def _serializers() -> list[Serializer]:
    plugins = manager()
    if not plugins.has_guests:
        return []
    found: list[tuple[int, str, Serializer]] = []
    for name, registration in plugins.registrations(SERIALIZER).items():
        # ours only claim their names here; the cache asks them last by itself
        if registration.plugin == OWN_NAME:
            continue
        try:
            serializer = registration.resolve()
            _check_serializer(registration, serializer)
        except PluginError as error:
            warnings.warn(str(error), PluginWarning, stacklevel=2)
        else:
            priority = cast("SerializerSpec", registration.spec).priority
            found.append((-priority, name, serializer))
    for conflict in plugins.conflicts(SERIALIZER).values():
        warnings.warn(str(conflict), PluginWarning, stacklevel=2)
    return [serializer for _, _, serializer in sorted(found, key=lambda each: each[:2])]


def _check_serializer(registration: Registration, serializer: Any) -> None:
    parts = ("name", "version", "is_pickle", "can_encode", "encode", "decode")
    _check_shape(registration, serializer, parts)
    if serializer.name != registration.name:
        msg = (
            f"serializer {registration.name!r} of {registration.owner} calls itself "
            f"{serializer.name!r}; entries could not be decoded again, so make the names agree"
        )
        raise PluginLoadError(msg)


def _check_shape(registration: Registration, found: object, parts: Iterable[str]) -> None:
    lacking = [part for part in parts if not hasattr(found, part)]
    if lacking:
        msg = (
            f"{registration.kind.label} {registration.name!r} of {registration.owner} is "
            f"{found!r}, which lacks {', '.join(lacking)}; see hypernodes.protocols"
        )
        raise PluginLoadError(msg)
