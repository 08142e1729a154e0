"""The conformance kit: classes of tests that an extension inherits and fills in.

Needs pytest: ``pip install 'hypernodes[testing]'``.  A subclass whose name
begins with ``Test`` is collected like any other::

    from hypernodes.testing import CacheContract

    class TestAcmeCache(CacheContract):
        @pytest.fixture
        def open_cache(self, tmp_path):
            return lambda: AcmeCache(tmp_path)

What a part cannot do is said by a class attribute, and becomes a skip with
that reason.
"""

from hypernodes.testing._bytestores import ByteStoreContract
from hypernodes.testing._caches import CacheContract, Objects
from hypernodes.testing._engine_values import Tally
from hypernodes.testing._engines import EngineContract
from hypernodes.testing._serializers import SerializerContract

__all__ = [
    "ByteStoreContract",
    "CacheContract",
    "EngineContract",
    "Objects",
    "SerializerContract",
    "Tally",
]
