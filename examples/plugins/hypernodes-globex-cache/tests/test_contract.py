"""What HyperNodes promises of every store and of every cache, of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypernodes_globex_cache.store import GlobexStore, open_store

from hypernodes import open_cache
from hypernodes.testing import ByteStoreContract, CacheContract

if TYPE_CHECKING:
    from collections.abc import Callable


class TestGlobexStore(ByteStoreContract):
    """The store."""

    @pytest.fixture
    def store(self, service: Any) -> GlobexStore:
        """An empty store."""
        return open_store(service.url)


class TestGlobexCache(CacheContract):
    """What HyperNodes makes of it, found by its URL."""

    @pytest.fixture
    def open_cache(self, service: Any) -> Callable[[], Any]:
        """Opens the store."""
        return lambda: open_cache(service.url)

    @pytest.fixture
    def objects(self, service: Any) -> Callable[[], dict[str, bytes]]:
        """The back door: what lies in the service."""
        return lambda: service.values
