"""Everything of acme that is not an engine."""

from __future__ import annotations

from acme import Opaque
from hypernodes.cache import DiskCache
from hypernodes.callbacks import CallbackContext, PipelineCallback


class AcmeCache(DiskCache):
    """A disk cache under another name."""


def open_acme_cache(url: str) -> AcmeCache:
    """Open the cache of ``acme://<folder>``."""
    return AcmeCache(url.removeprefix("acme://"))


class AcmeCallback(PipelineCallback):
    """Prints the name of each node that ran."""

    def on_node_start(self, node_id: str, inputs: object, ctx: CallbackContext) -> None:
        """Print one line."""
        print(f"acme saw {node_id}")  # noqa: T201  # printing is all it does


class OpaqueSerializer:
    """Turns an `Opaque` into the digits of its number."""

    name = "acme-opaque"
    version = 1
    is_pickle = False

    def can_encode(self, value: object) -> bool:
        """Say yes to an `Opaque`."""
        return type(value) is Opaque

    def encode(self, value: Opaque) -> bytes:
        """Return the digits."""
        return str(value.number).encode()

    def decode(self, data: bytes | memoryview, version: int) -> Opaque:
        """Return an equal `Opaque`."""
        return Opaque(int(bytes(data)))


opaque_serializer = OpaqueSerializer()


def opaque_state(value: Opaque) -> int:
    """Return what counts of an `Opaque`."""
    return value.number


def render_nothing(*_: object, **__: object) -> str:
    """Return an empty picture."""
    return ""
