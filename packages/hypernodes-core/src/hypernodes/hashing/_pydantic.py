"""What stands for objects of pydantic whose attributes say where they were made.

A schema that has been built names classes with their addresses, and its maker
keeps the names of the whole module around it.  So what it was built from stands
for it.
"""

from __future__ import annotations

import typing
from typing import Any


def adapter_state(adapter: Any) -> Any:
    """Return the type that is validated, and how."""
    state = vars(adapter)
    return state["_type"], state["_config"]


def checked_call_state(wrapper: Any) -> Any:
    """Return the function that is called, and what its arguments are checked for."""
    function = wrapper.function
    hints = function.__annotations__
    if any(isinstance(hint, str) for hint in hints.values()):
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except NameError:
            # a name that comes later, or only exists for type checkers
            hints = dict(hints)
    return function, hints, wrapper.config_wrapper.config_dict, wrapper.validate_return
