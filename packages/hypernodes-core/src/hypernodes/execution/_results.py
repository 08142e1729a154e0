"""What a map returns where failures are collected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class FailedItem:
    """An item of a map that failed, in the place of its outputs.

    Attributes:
        item: Its number.
        error: The exception, with a note where it was raised.
        path: The path of the node that raised it, ``"outer/inner/node"``.
        inputs: The values of the item by name, those that all items share
            included.
    """

    item: int
    error: BaseException
    path: str
    inputs: Mapping[str, Any] = attrs.field(repr=False)


class MapResults(list[Any]):
    """The results of a map in item order: a dict for each, a `FailedItem` for each that failed.

    Example:
        >>> from hypernodes import Pipeline, node
        >>> @node(output_name="inverse")
        ... def invert(x: float) -> float:
        ...     return 1 / x
        >>> results = Pipeline([invert]).map({"x": [1, 0, 4]}, map_over="x", on_error="collect")
        >>> results[0], results[2]
        ({'inverse': 1.0}, {'inverse': 0.25})
        >>> [(each.item, each.path, each.inputs) for each in results.failed]
        [(1, 'invert', {'x': 0})]
        >>> len(results.finished)
        2
    """

    @property
    def finished(self) -> list[dict[str, Any]]:
        """The outputs of the items that did not fail, in item order."""
        return [each for each in self if not isinstance(each, FailedItem)]

    @property
    def failed(self) -> list[FailedItem]:
        """The items that failed, in item order."""
        return [each for each in self if isinstance(each, FailedItem)]

    def exception_group(self) -> BaseExceptionGroup[BaseException] | None:
        """Return all failures as one exception; None where nothing failed."""
        failed = self.failed
        if not failed:
            return None
        words = f"{len(failed)} of {len(self)} items failed"
        return BaseExceptionGroup(words, [each.error for each in failed])

    def raise_failures(self) -> None:
        """Raise all failures as one exception; does nothing where nothing failed.

        Raises:
            ExceptionGroup: Something failed.
        """
        group = self.exception_group()
        if group is not None:
            raise group
