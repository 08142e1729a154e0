"""Why a name has no owner, and what to do about it.

Decides between five reasons: its plugin is broken, its plugin is disabled,
its distribution is not installed, it is a typing error, or nobody knows it.
Holds the one list of our own distributions; refuses to load anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import attrs

from hypernodes.errors import (
    EngineNotInstalledError,
    PluginError,
    PluginLoadError,
    UnknownPluginError,
)
from hypernodes.plugins._discovery import DISABLE_VARIABLE
from hypernodes.plugins._records import PluginInfo
from hypernodes.plugins._registry import CACHE, CALLBACK, ENGINE, Kind


@attrs.frozen
class Extra:
    """Something of ours that the core's distribution does not hold.

    Attributes:
        name: What users write.
        shown: What messages call it.
        extra: What to install; the name of its plugin too.
        module: What installing it makes importable.
    """

    name: str
    shown: str
    extra: str
    module: str


EXTRAS = {
    ENGINE: (
        Extra("daft", "DaftEngine", "daft", "hypernodes_daft"),
        Extra("dask", "DaskEngine", "dask", "hypernodes_dask"),
        Extra("ray", "RayEngine", "ray", "hypernodes_ray"),
    ),
    CALLBACK: (Extra("otel", "TelemetryCallback", "otel", "hypernodes_otel"),),
    CACHE: (
        Extra("s3", "the s3:// cache", "s3", "s3fs"),
        Extra("s3a", "the s3a:// cache", "s3", "s3fs"),
        Extra("gs", "the gs:// cache", "gcs", "gcsfs"),
        Extra("gcs", "the gcs:// cache", "gcs", "gcsfs"),
    ),
}


def missing_error(
    kind: Kind, name: str, known: Sequence[str], plugins: Sequence[PluginInfo]
) -> PluginError:
    """Return the error for *name*, which no working plugin registers.

    Args:
        kind: What was asked for.
        name: The name that was asked for.
        known: The names of *kind* that do have an owner.
        plugins: Every plugin, broken and disabled ones included.
    """
    extra = _extra(kind, name)
    suspects = {name, extra.extra if extra else name}
    for info in plugins:
        if info.name in suspects or name in info.registers.get(kind.plural, ()):
            if info.status == "broken":
                return broken_error(kind, name, info)
            if info.status == "disabled":
                return _disabled_error(kind, name, info)
    if extra:
        return _not_installed_error(extra)
    names = sorted({*known, *(each.name for each in EXTRAS.get(kind, ()))})
    close = difflib.get_close_matches(name, names, n=1)
    broken = [info for info in plugins if info.status == "broken"]
    # nobody can say what a plugin that does not import would have registered
    if broken and not close:
        return broken_error(kind, name, broken[0])
    return _unknown_error(kind, name, close, names)


def broken_error(kind: Kind, name: str, info: PluginInfo) -> PluginLoadError:
    """Return the error for *name* that leads to why the plugin *info* is broken."""
    msg = (
        f"no {kind.label} {name!r}: plugin {info.name!r} of {info.distribution} could not be "
        f"loaded: {info.reason}; repair or uninstall {info.distribution}"
    )
    error = PluginLoadError(msg)
    error.__cause__ = info.cause
    return error


def _extra(kind: Kind, name: str) -> Extra | None:
    for each in EXTRAS.get(kind, ()):
        if name in (each.name, each.shown):
            return each
    return None


def _disabled_error(kind: Kind, name: str, info: PluginInfo) -> UnknownPluginError:
    msg = (
        f"no {kind.label} {name!r}: plugin {info.name!r} is disabled; "
        f"take it out of {DISABLE_VARIABLE}"
    )
    return UnknownPluginError(msg)


def _not_installed_error(extra: Extra) -> EngineNotInstalledError:
    msg = (
        f"{extra.shown} lives in a separate distribution; "
        f"run: pip install 'hypernodes[{extra.extra}]'"
    )
    return EngineNotInstalledError(msg, name=extra.module)


def _unknown_error(
    kind: Kind, name: str, close: Sequence[str], names: Iterable[str]
) -> UnknownPluginError:
    guess = f"did you mean {close[0]!r}? " if close else ""
    known = ", ".join(sorted(names)) or "none"
    msg = f"unknown {kind.label} {name!r}; {guess}known {kind.plural}: {known}"
    return UnknownPluginError(msg)
