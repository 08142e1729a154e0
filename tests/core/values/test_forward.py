"""Facts about how a handle behaves as the object it stands for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from typing import Any

import cloudpickle
import pytest

from hypernodes.values import StatefulHandle, stateful


@stateful
class Everything:
    """Has one of each kind of special method."""

    def __init__(self, items: list[int]) -> None:
        self.items = items
        self.log: list[str] = []

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> int:
        return self.items[index]

    def __setitem__(self, index: int, value: int) -> None:
        self.items[index] = value

    def __delitem__(self, index: int) -> None:
        del self.items[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self.items)

    def __contains__(self, value: int) -> bool:
        return value in self.items

    def __enter__(self) -> Everything:
        self.log.append("enter")
        return self

    def __exit__(self, *details: object) -> None:
        self.log.append("exit")

    def __call__(self, factor: int) -> list[int]:
        return [factor * item for item in self.items]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Everything) and self.items == other.items

    def __hash__(self) -> int:
        return hash(tuple(self.items))

    def __lt__(self, other: Everything) -> bool:
        return self.items < other.items

    def __add__(self, other: int) -> list[int]:
        return [item + other for item in self.items]

    def __radd__(self, other: int) -> list[int]:
        return self + other

    def __iadd__(self, other: int) -> Everything:
        self.items = self + other
        return self

    async def __aenter__(self) -> Everything:
        self.log.append("aenter")
        return self

    async def __aexit__(self, *details: object) -> None:
        self.log.append("aexit")

    async def __aiter__(self) -> AsyncIterator[int]:
        for item in self.items:
            yield item

    async def total(self) -> int:
        return sum(self.items)

    def itself(self) -> Everything:
        return self


@pytest.fixture
def handle() -> Any:
    """A handle of 1, 2, 3 that is not loaded."""
    return Everything([1, 2, 3])


def _with_item(handle: Any, index: int, value: int | None) -> list[int]:
    if value is None:
        del handle[index]
    else:
        handle[index] = value
    return list(handle)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (len, 3),
        (bool, True),
        (list, [1, 2, 3]),
        (lambda handle: handle[1], 2),
        (lambda handle: _with_item(handle, 0, 9), [9, 2, 3]),
        (lambda handle: _with_item(handle, 0, None), [2, 3]),
        (lambda handle: 2 in handle, True),
        (lambda handle: handle(10), [10, 20, 30]),
        (lambda handle: handle + 1, [2, 3, 4]),
        (lambda handle: 1 + handle, [2, 3, 4]),
        (lambda handle: handle < Everything([2]), True),
        (lambda handle: handle == Everything([1, 2, 3]), True),
        (lambda handle: handle != Everything([1, 2, 3]), False),
        (lambda handle: hash(handle) == hash((1, 2, 3)), True),
    ],
)
def test_operators_reach_the_object(handle: Any, use: Callable[[Any], Any], expected: Any) -> None:
    """Whatever Python looks up on a type works on a handle."""
    assert use(handle) == expected


def test_a_context_manager_that_returns_itself_gives_the_handle(handle: Any) -> None:
    """``with handle as model`` binds the handle where the object returns itself."""
    with handle as entered:
        pass
    assert (entered is handle, handle.log) == (True, ["enter", "exit"])


def test_an_operator_in_place_keeps_the_handle(handle: Any) -> None:
    """``handle += 1`` changes the object and leaves the name a handle."""
    before = handle
    handle += 1
    assert (handle is before, list(handle)) == (True, [2, 3, 4])


def test_a_method_that_returns_self_returns_the_handle(handle: Any) -> None:
    """A fluent method gives the handle back, so that chains stay stateful."""
    assert handle.itself().itself() is handle


def test_async_methods_stay_coroutine_functions(handle: Any) -> None:
    """An ``async def`` method is a coroutine function on the handle, too."""
    assert inspect.iscoroutinefunction(handle.total)
    assert asyncio.run(handle.total()) == 6


def test_async_protocols_reach_the_object(handle: Any) -> None:
    """``async with`` and ``async for`` work on a handle."""

    async def use() -> tuple[bool, list[int]]:
        async with handle as entered:
            return entered is handle, [item async for item in handle]

    assert asyncio.run(use()) == (True, [1, 2, 3])
    assert handle.log == ["aenter", "aexit"]


def test_signatures_are_those_of_the_methods(handle: Any) -> None:
    """``inspect.signature`` of a forwarded method shows the real parameters."""
    assert list(inspect.signature(handle.itself).parameters) == []
    assert list(inspect.signature(handle).parameters) == ["factor"]


def test_equality_is_identity_by_default() -> None:
    """Without ``__eq__`` handles are equal and hashed by identity, unloaded."""

    @stateful
    class Model:
        def __init__(self) -> None:
            raise AssertionError

    first, second = Model(), Model()
    assert (first == first, first == second, len({first, second})) == (True, False, 2)  # the fact


def test_a_blocked_operator_stays_blocked() -> None:
    """A class with ``__eq__`` and no ``__hash__`` has unhashable handles."""

    @stateful
    class Model:  # noqa: PLW1641 - the missing __hash__ is the fact
        def __eq__(self, other: object) -> bool:
            return True

    with pytest.raises(TypeError, match="unhashable"):
        hash(Model())


@pytest.mark.parametrize("protocol", [Iterator, Callable, Hashable])
def test_a_plain_class_gets_no_operator_it_lacks(protocol: Any) -> None:
    """A handle is callable, iterable, ... only where its class is."""

    @stateful
    class Model: ...

    assert isinstance(Model(), protocol) == isinstance(Model.__wrapped__(), protocol)


def test_built_in_parents_are_forwarded() -> None:
    """A subclass of ``dict`` behaves as the dictionary it builds."""

    @stateful
    class Table(dict[str, int]):
        def __init__(self, n: int) -> None:
            super().__init__({str(i): i for i in range(n)})

    table: Any = Table(2)
    assert (len(table), table["1"], sorted(table.keys())) == (2, 1, ["0", "1"])
    assert table == Table(2)
    assert table | {"x": 5} == {"0": 0, "1": 1, "x": 5}


def test_assignment_before_loading_is_applied_after_init() -> None:
    """What is assigned to an unloaded handle overrides what ``__init__`` sets."""
    handle: Any = Everything([1])
    handle.items = [5, 6]
    del handle.log
    assert (list(handle), hasattr(handle, "log")) == ([5, 6], False)


def test_assignment_after_loading_reaches_the_object(handle: Any) -> None:
    """What is assigned to a loaded handle is seen by the object's methods."""
    assert len(handle) == 3
    handle.items = []
    assert len(handle) == 0


def test_a_refused_assignment_is_not_remembered() -> None:
    """An assignment that the loaded object refuses raises and leaves no trace."""

    @stateful
    class Model:
        __slots__ = ("x",)

        def __init__(self) -> None:
            self.x = 1

    handle: Any = Model()
    assert handle.x == 1
    with pytest.raises(AttributeError):
        handle.y = 2
    assert handle.__hypernodes_key__()[3] == ()


def test_bound_methods_travel() -> None:
    """A pickled bound method of a local class works, on a handle."""

    @stateful
    class Model:
        def double(self, x: int) -> int:
            return 2 * x

    method = cloudpickle.loads(cloudpickle.dumps(Model().double))
    assert (method(4), isinstance(method.__self__, StatefulHandle)) == (8, True)
