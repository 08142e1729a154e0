"""What is remembered about a plugin and about its hooks; frozen, nothing loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import attrs


@attrs.frozen
class PluginInfo:
    """One plugin, as listings show it.

    Attributes:
        name: The name of its entry point, or the one given in code.
        distribution: The distribution that brought it.
        version: The version of that distribution.
        status: ``"ok"``; ``"disabled"`` by the user and not imported; or
            ``"broken"`` and left out.
        cause: Why it is broken.
        registers: Kind to names, ``{"engines": ("acme",)}``; of a broken
            plugin, what it had named before it failed.
        hooks: The names of the hooks that it implements.
        conflicts: One sentence per name that another plugin claims as well.
    """

    name: str
    distribution: str
    version: str
    status: Literal["ok", "disabled", "broken"] = "ok"
    cause: BaseException | None = None
    registers: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    hooks: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why it is broken, in one line."""
        return f"{type(self.cause).__name__}: {self.cause}"


class Implementation(NamedTuple):
    """One plugin's answer to a hook; call it with *arguments* by keyword.

    Attributes:
        plugin: The name of the plugin.
        function: What to call.
        arguments: The arguments of the hook that it takes.
    """

    plugin: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
