"""What this store promises beyond the contract."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import Pipeline, SeqEngine, node, open_cache
from hypernodes.errors import CacheWarning


@node(output_name="double")
def double(x: int) -> int:
    """Return twice *x*."""
    return 2 * x


def test_a_service_that_is_down_costs_a_warning() -> None:
    """The run goes on without it."""
    pipeline = Pipeline(nodes=[double], engine=SeqEngine(cache="globex://127.0.0.1:9/drawer"))
    with pytest.warns(CacheWarning, match="ConnectionRefusedError"):
        assert pipeline.run(inputs={"x": 2}) == {"double": 4}


def test_drawers_are_apart(service: Any) -> None:
    """Clearing one leaves the other."""
    first, second = open_cache(service.url), open_cache(service.url + "2")
    first.put("a", 1)
    second.put("a", 2)
    first.clear()
    assert (first.has("a"), second.get("a")) == (False, 2)


def test_a_url_without_a_drawer_is_refused() -> None:
    """The message says how to write one."""
    with pytest.raises(ValueError, match="write globex://host:port/drawer"):
        open_cache("globex://host")
