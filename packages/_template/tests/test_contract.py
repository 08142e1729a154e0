"""What HyperNodes promises of every engine, of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from acme_engine.engine import AcmeEngine
from hypernodes.engines import get_engine
from hypernodes.testing import EngineContract

if TYPE_CHECKING:
    from collections.abc import Callable


class TestAcmeEngine(EngineContract):
    """Functions are called in this process."""

    script = "from hypernodes.engines import AcmeEngine\nengine = AcmeEngine()"

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        return AcmeEngine


def test_it_is_found_by_name() -> None:
    """The entry point leads to the class."""
    assert type(get_engine("acme-engine")) is AcmeEngine
