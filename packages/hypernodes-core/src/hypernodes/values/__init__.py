"""Values that HyperNodes treats specially, and the expansion of maps into items."""

from hypernodes.values._expand import expand_columns, stream_column
from hypernodes.values._file import File
from hypernodes.values._recipe import release_stateful
from hypernodes.values._sentinels import MISSING, UNSET, Missing, Unset
from hypernodes.values._stateful import StatefulHandle, is_stateful, stateful

__all__ = [
    "MISSING",
    "UNSET",
    "File",
    "Missing",
    "StatefulHandle",
    "Unset",
    "expand_columns",
    "is_stateful",
    "release_stateful",
    "stateful",
    "stream_column",
]
