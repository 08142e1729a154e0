"""What plugins teach the floors below, which cannot look upward."""

from __future__ import annotations

from hypernodes.cache import set_registered_serializers
from hypernodes.hashing import set_registered_fingerprints
from hypernodes.plugins._lookup import registered_fingerprints, registered_serializers


def connect() -> None:
    """Let hashing and caches ask plugins; hashing forgets what it was told before."""
    set_registered_fingerprints(registered_fingerprints)
    set_registered_serializers(registered_serializers)
