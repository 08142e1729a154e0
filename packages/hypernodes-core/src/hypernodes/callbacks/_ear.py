"""Who listens to the items and steps of one run, to be called without a dispatcher in between.

Making a record for every step and handing it around costs far more than most
callbacks do.  Where no plugin observes, the executor calls the methods of
callbacks itself, in the same order and with the same arguments, and makes
records only for callbacks that take them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from hypernodes.callbacks._base import CallbackContext
    from hypernodes.callbacks._listeners import Listeners


@attrs.frozen
class Ear:
    """The listeners of one run.

    Attributes:
        listeners: Per method, the callbacks that implement it.
        context: What they are given last.
        enter: Told the number of the first item before anybody else is.
        note: Told the number of each item before anybody else is.
        complain: Told (callback, method, exception) when a call raised.
    """

    listeners: Listeners
    context: CallbackContext
    enter: Callable[[int], None]
    note: Callable[[int], None]
    complain: Callable[[object, str, Exception], None]
