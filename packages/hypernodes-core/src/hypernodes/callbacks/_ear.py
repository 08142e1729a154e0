"""Who listens to the items and steps of one run, to be called without a dispatcher in between.

Making a record for every step and handing it around costs far more than most
callbacks do.  So the executor may call the methods of callbacks and the hooks
of plugins itself, in the same order and with the same arguments, and makes
records only for those that take them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from hypernodes.callbacks._base import CallbackContext
    from hypernodes.callbacks._listeners import Listeners, ObserverHook


@attrs.frozen
class Ear:
    """The listeners of one run.

    Attributes:
        listeners: Per method, the callbacks that implement it.
        hooks: Per hook, what plugins implement; called behind callbacks.
        context: What callbacks are given last.
        remembered: What it remembers, by key.
        item_key: The key of the number of the item, noted before anybody is called.
        enter: Told the number of the first item before anybody else is.
        complain: Told (callback, method, exception) when a call raised.
        complain_of_plugin: Told (plugin, hook, exception) when a hook raised.
    """

    listeners: Listeners
    hooks: Mapping[str, Sequence[ObserverHook]]
    context: CallbackContext
    remembered: dict[Hashable, Any]
    item_key: str
    enter: Callable[[int], None]
    complain: Callable[[object, str, Exception], None]
    complain_of_plugin: Callable[[str, str, Exception], None]
