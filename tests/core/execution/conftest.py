"""Functions that fail as often as they are told to, and policies around them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from hypernodes.execution._policy import apply_policy
from hypernodes.graph import read_policy

Prepare = Callable[..., Callable[..., Any]]


class Failing:
    """Raises the given exceptions, one per call, and then returns its argument."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.times: list[float] = []

    def __call__(self, x: Any = None) -> Any:
        self.times.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return x

    @property
    def calls(self) -> int:
        return len(self.times)


@pytest.fixture(params=["sync", "async"])
def prepare(request: pytest.FixtureRequest) -> Prepare:
    """Give what applies a policy to a function, plain or as a coroutine function."""

    def sync(call: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        return apply_policy(call, read_policy(**options), is_async=False, name="fetch")

    def as_coroutine(call: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        async def fetch(*args: Any, **kwargs: Any) -> Any:
            return call(*args, **kwargs)

        wrapped = apply_policy(fetch, read_policy(**options), is_async=True, name="fetch")
        return lambda *args, **kwargs: asyncio.run(wrapped(*args, **kwargs))

    return sync if request.param == "sync" else as_coroutine


@pytest.fixture
def failing() -> type[Failing]:
    """Give what makes a function that raises the given exceptions first."""
    return Failing
