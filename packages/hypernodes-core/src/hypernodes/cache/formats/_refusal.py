"""How a format says that a value is not for it."""

from __future__ import annotations

from hypernodes.errors import SerializationError


class NotDataError(SerializationError):
    """A value that is more than data; another serializer may take it."""
