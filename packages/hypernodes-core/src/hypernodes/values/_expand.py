"""The items of a map, as columns: one list per mapped name, all of one length.

Decides what counts as items and in which order they come.  What is not mapped
never passes through here, and nothing here imports an array library: numpy,
pandas and polars columns are walked, Arrow arrays say their own Python values.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    Awaitable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Sized,
)
from typing import Any

from hypernodes.errors import MapLengthError, PlanError


def expand_columns(
    inputs: Mapping[str, Any], over: str | Sequence[str], mode: str = "zip"
) -> tuple[int, dict[str, list[Any]]]:
    """Return the number of items and, for each name in *over*, its value per item.

    Items come in a fixed order: input order for ``"zip"``, and for
    ``"product"`` the last name in *over* varies fastest.  Only the columns
    are made, never one record per item, so memory is one reference per item
    and name.  Values are passed by reference; the lists are new.

    Any sized iterable holds items: lists, tuples, ranges, dictionary views,
    arrays, columns of data frames.  Arrow values become Python values; all
    others come as iteration gives them.

    Args:
        inputs: Values by name; names that are not in *over* are not looked at.
        over: The mapped names, or one name.
        mode: ``"zip"`` walks the names together and needs equal lengths;
            ``"product"`` takes every combination.

    Raises:
        MapLengthError: The lengths differ under ``"zip"``.
        PlanError: *mode* is unknown; *over* is empty, repeats a name or names
            something that is not in *inputs*; or a value holds no items in a
            fixed order (text, mappings, sets, tables, iterators, scalars).

    Example:
        >>> expand_columns({"x": [1, 2], "y": "ab".split()}, ["x"])
        (2, {'x': [1, 2]})
        >>> expand_columns({"x": [1, 2], "y": [7, 8]}, ["x", "y"], "product")
        (4, {'x': [1, 1, 2, 2], 'y': [7, 8, 7, 8]})
    """
    names = [over] if isinstance(over, str) else list(over)
    _check_request(inputs, names, mode)
    columns = {name: _items(name, inputs[name]) for name in names}
    if mode == "product":
        return _product(columns)
    return _common_length(columns), columns


def _check_request(inputs: Mapping[str, Any], names: list[str], mode: str) -> None:
    if mode not in ("zip", "product"):
        msg = f"unknown map_mode {mode!r}: use 'zip' or 'product'"
        raise PlanError(msg)
    if not names:
        msg = "cannot map over nothing: name at least one input in map_over"
        raise PlanError(msg)
    for name in names:
        if name not in inputs:
            msg = f"cannot map over {name!r}: not an input{_suggestion(name, inputs)}"
            raise PlanError(msg)
        if names.count(name) > 1:
            msg = f"cannot map over {name!r} twice: name each input once in map_over"
            raise PlanError(msg)


def _items(name: str, value: Any) -> list[Any]:
    obstacle = _obstacle(value)
    if obstacle is not None:
        msg = f"cannot map over {name!r}: {obstacle}"
        raise PlanError(msg)
    if type(value).__module__.partition(".")[0] == "pyarrow":
        items: list[Any] = value.to_pylist()
        return items
    if isinstance(value, Iterable):
        return list(value)
    # Sized and indexable without __iter__, as map-style data sets are.
    return [value[index] for index in range(len(value))]


def _obstacle(value: Any) -> str | None:
    """Say why *value* holds no items in a fixed order, and what to do; else None."""
    kind = type(value).__name__
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return f"its value is a {kind}, which is one item; put it in a list"
    if isinstance(value, Mapping):
        return f"its value is a {kind}; pass list(value.items()) or list(value.values())"
    if isinstance(value, (set, frozenset)):
        return f"its value is a {kind}, which has no fixed order; pass sorted(value)"
    if hasattr(type(value), "columns"):
        return f"its value is a {kind}, which is a table; pass one column, or its rows as a list"
    has_items = isinstance(value, Iterable) or hasattr(type(value), "__getitem__")
    if isinstance(value, Iterator | AsyncIterable | Awaitable):
        return f"its value is a {kind}, {_remedy(value)}"
    if not (has_items and _is_sized(value)):
        return (
            f"its value is a {kind}, which is no sized collection of items; pass a list, "
            "or leave the name out of map_over so that every item gets the value"
        )
    return None


def _remedy(value: Any) -> str:
    """Say how to get at items that are yet to come."""
    if isinstance(value, AsyncIterable):
        return "whose items have to be awaited; read them first: [item async for item in value]"
    if isinstance(value, Awaitable):
        return "which has to be awaited; await it first"
    return (
        "which is no sized collection of items; pass a list, "
        "or read the items as they come with map_iter"
    )


def _is_sized(value: Any) -> bool:
    if not isinstance(value, Sized):
        return False
    try:
        len(value)
    except TypeError:
        # Arrays of no dimension have the method and no length.
        return False
    return True


def _common_length(columns: dict[str, list[Any]]) -> int:
    lengths = {name: len(items) for name, items in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        msg = (
            f"mapped inputs must have equal lengths in 'zip' mode: {found}; "
            "use map_mode='product' for every combination"
        )
        raise MapLengthError(msg)
    return next(iter(lengths.values()))


def _product(columns: dict[str, list[Any]]) -> tuple[int, dict[str, list[Any]]]:
    count = 1
    for items in columns.values():
        count *= len(items)
    expanded: dict[str, list[Any]] = {}
    repeats = count
    for name, items in columns.items():
        if not count:
            expanded[name] = []
            continue
        # Each value stays while all later names run through their combinations.
        repeats //= len(items)
        block = [item for item in items for _ in range(repeats)]
        expanded[name] = block * (count // len(block))
    return count, expanded


def _suggestion(name: str, inputs: Mapping[str, Any]) -> str:
    # Deferred: only needed on the way to an error.
    from difflib import get_close_matches

    close = get_close_matches(name, [key for key in inputs if isinstance(key, str)], n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; inputs are {sorted(inputs)}"


def stream_column(name: str, value: Any) -> Iterator[Any]:
    """Return an iterator over the items of *value*, of which nothing is taken yet.

    Args:
        name: The mapped name, for messages.
        value: Any iterable of items: an iterator, a generator, a file, or
            whatever `expand_columns` takes.

    Raises:
        PlanError: It is one item rather than many, or has no fixed order.
    """
    if isinstance(value, Iterator):
        return value
    if _is_sized(value) or not isinstance(value, Iterable):
        return iter(_items(name, value))
    return iter(value)
