"""What HyperNodes promises of every engine, of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypernodes_pool_engine.engine import PoolEngine

from hypernodes.testing import EngineContract

if TYPE_CHECKING:
    from collections.abc import Callable


class TestPoolEngine(EngineContract):
    """Two processes, shared by all tests."""

    runs_here = False
    script = "from hypernodes.engines import PoolEngine\nengine = PoolEngine(workers=2)"

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        return lambda **options: PoolEngine(workers=2, **options)
