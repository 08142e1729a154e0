"""The value formats that every cache knows by itself, most preferred first.

``npy`` for one numpy array, ``data`` for whatever is only data, ``pickle`` for
the rest.  The first two never run code that stored bytes name.
"""

from hypernodes.cache.formats._compression import LEAST_BYTES, compress, decompress
from hypernodes.cache.formats._data import SCALARS, DataSerializer
from hypernodes.cache.formats._npy import NpySerializer
from hypernodes.cache.formats._pickled import PickleSerializer
from hypernodes.cache.formats._refusal import NotDataError

__all__ = [
    "LEAST_BYTES",
    "SCALARS",
    "DataSerializer",
    "NotDataError",
    "NpySerializer",
    "PickleSerializer",
    "compress",
    "decompress",
]
