"""Names to specs to objects, for every kind of thing a plugin can register.

Decides who owns a name: exactly one plugin, or nobody.  Two that claim it are
both kept and both refused, so nobody shadows anybody and every other name
goes on working.  Refuses to know how plugins are found or loaded.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from hypernodes.errors import PluginConflictError, PluginLoadError
from hypernodes.plugins._discovery import DISABLE_VARIABLE

if TYPE_CHECKING:
    from hypernodes.hookspecs import (
        CacheSpec,
        CallbackSpec,
        EngineSpec,
        FingerprintSpec,
        SerializerSpec,
        VisualizerSpec,
    )

    Spec = EngineSpec | CacheSpec | SerializerSpec | CallbackSpec | FingerprintSpec | VisualizerSpec

_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@attrs.frozen
class Kind:
    """A kind of thing that plugins register.

    Attributes:
        label: What messages call one of them.
        spec: The name of its spec class in `hypernodes.hookspecs`.
        key: The attribute of the spec that holds the name.
        by_class: Whether the class name of the target is a name too.
    """

    label: str
    spec: str
    key: str = "name"
    by_class: bool = False

    @property
    def plural(self) -> str:
        """What messages call several of them."""
        return f"{self.label}s"

    @property
    def hook(self) -> str:
        """The hook that registers them."""
        return f"hypernodes_register_{self.plural}"


ENGINE = Kind("engine", "EngineSpec", by_class=True)
CACHE = Kind("cache", "CacheSpec", key="scheme")
SERIALIZER = Kind("serializer", "SerializerSpec")
CALLBACK = Kind("callback", "CallbackSpec", by_class=True)
FINGERPRINT = Kind("fingerprint", "FingerprintSpec", key="type")
VISUALIZER = Kind("visualizer", "VisualizerSpec")
KINDS = (ENGINE, CACHE, SERIALIZER, CALLBACK, FINGERPRINT, VISUALIZER)


@attrs.frozen
class Registration:
    """A spec, stamped with who registered it.

    Attributes:
        kind: What it is.
        spec: What the plugin returned.
        plugin: The name of the plugin.
        distribution: The distribution and version it came from.
    """

    kind: Kind
    spec: Spec
    plugin: str
    distribution: str

    @property
    def name(self) -> str:
        """The name that it claims."""
        name: str = getattr(self.spec, self.kind.key)
        return name

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that finds it: its own, and that of its class."""
        class_name = self.spec.target.rpartition(":")[2]
        if self.kind.by_class and class_name != self.name:
            return (self.name, class_name)
        return (self.name,)

    @property
    def owner(self) -> str:
        """Who registered it, for messages."""
        return f"plugin {self.plugin!r} of {self.distribution}"

    def resolve(self) -> Any:
        """Import the target and return it.

        Raises:
            PluginLoadError: The module cannot be imported, or has no such name.
        """
        module, _, path = self.spec.target.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in path.split("."):
                found = getattr(found, part)
        except Exception as error:
            msg = (
                f"{self.kind.label} {self.name!r} of {self.owner} cannot be imported from "
                f"{self.spec.target!r}: {type(error).__name__}: {error}; repair or "
                f"reinstall {self.distribution}"
            )
            raise PluginLoadError(msg) from error
        return found


@attrs.frozen
class Registry:
    """Who claims which name; written while plugins load, read ever after."""

    _claims: dict[tuple[Kind, str], list[Registration]] = attrs.field(factory=dict)

    def add(self, registrations: Iterable[Registration]) -> None:
        """Record *registrations*; a clash is recorded, and raised by `find`."""
        for registration in registrations:
            for name in registration.names:
                self._claims.setdefault((registration.kind, name), []).append(registration)

    def discard(self, plugin: str) -> None:
        """Forget everything that the plugin of that name registered."""
        for key, claims in list(self._claims.items()):
            claims[:] = [claim for claim in claims if claim.plugin != plugin]
            if not claims:
                del self._claims[key]

    def find(self, kind: Kind, name: str) -> Registration | None:
        """Return who owns *name*, or None if nobody claims it.

        Raises:
            PluginConflictError: Several plugins claim it.
        """
        claims = self._claims.get((kind, name), [])
        if _is_clash(claims):
            raise conflict_error(kind, name, claims)
        return claims[0] if claims else None

    def owned(self, kind: Kind) -> Mapping[str, Registration]:
        """Return who owns what of *kind*, by its own names, clashing ones left out."""
        return {
            name: claims[0]
            for name, claims in self._of(kind)
            if claims[0].name == name and not _is_clash(claims)
        }

    def conflicts(self, kind: Kind) -> Mapping[str, list[Registration]]:
        """Return the names of *kind* that several plugins claim."""
        return {name: claims for name, claims in self._of(kind) if _is_clash(claims)}

    def known(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of *kind*, sorted, clashing ones included."""
        own = (name for name, claims in self._of(kind) if any(each.name == name for each in claims))
        return tuple(sorted(own))

    def _of(self, kind: Kind) -> Iterator[tuple[str, list[Registration]]]:
        return ((name, claims) for (each, name), claims in self._claims.items() if each == kind)


def _is_clash(claims: Iterable[Registration]) -> bool:
    # one plugin may offer one class under several names
    return len({(claim.plugin, claim.spec.target) for claim in claims}) > 1


def conflict_error(kind: Kind, name: str, claims: Iterable[Registration]) -> PluginConflictError:
    """Return the error for *name* that names all its *claims*."""
    owners = sorted(claim.owner for claim in claims)
    msg = (
        f"{kind.label} {name!r} is claimed by {' and by '.join(owners)}; uninstall one of them, "
        f"or disable it with {DISABLE_VARIABLE}=<plugin>"
    )
    return PluginConflictError(msg)


def check_spec(kind: Kind, spec: object) -> None:
    """Refuse *spec* unless it is a complete spec of *kind*.

    Raises:
        PluginLoadError: It is of another class, nameless, or its target is
            not ``"module:name"``.
    """
    # deferred: imports pluggy, which naming a kind must not need
    from hypernodes import hookspecs

    if not isinstance(spec, getattr(hookspecs, kind.spec)):
        msg = f"{kind.hook} must return {kind.spec} objects, not {spec!r}"
        raise PluginLoadError(msg)
    name, target = getattr(spec, kind.key), spec.target
    if not isinstance(name, str) or not name:
        msg = f"{kind.hook} returned {spec!r}, whose {kind.key} must be a non-empty text"
        raise PluginLoadError(msg)
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        msg = f"{kind.hook} returned {spec!r}, whose target must read 'module:name'"
        raise PluginLoadError(msg)
