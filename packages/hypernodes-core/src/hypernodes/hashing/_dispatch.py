"""Which fingerprint for which type.

Decides, once per class, how its instances are taken apart, in this order:
built-in containers and callables; a ``@stateful`` handle's own account;
``__cache_key__``; a registered fingerprint; fields and attributes;
``__getstate__``; ``__reduce_ex__``.  Whatever is left has no fingerprint: an
object is never guessed at by its ``repr``, its address or a pickle of it.

It refuses to know how children become tokens, and imports nothing for a type
that it has not met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from types import GenericAlias, MappingProxyType, UnionType
from typing import Any, Final

from hypernodes.hashing._callables import CALLABLE_EXPANDERS, expand_class
from hypernodes.hashing._expansion import (
    MAPPING,
    SEQUENCE,
    SET,
    Expansion,
    NotFingerprintableError,
)
from hypernodes.hashing._identity import class_identity, type_name
from hypernodes.hashing._objects import expander_of_object

Expander = Callable[[Any], Expansion]
Registered = Mapping[str, Callable[[Any], Any]]

_MAX_CLASSES: Final = 10_000
_STDLIB: Final = "hypernodes.hashing._stdlib"
_ARRAYS: Final = "hypernodes.hashing._arrays"
_FRAMES: Final = "hypernodes.hashing._frames"
_ARROW: Final = "hypernodes.hashing._arrow"
_PYDANTIC: Final = "hypernodes.hashing._pydantic"

#: Fingerprints of our own, by type name; the target is imported when met.
BUILTIN_FINGERPRINTS: Final[Mapping[str, str]] = {
    "_struct.Struct": f"{_STDLIB}:struct_state",
    "array.array": f"{_STDLIB}:array_state",
    "logging.Logger": f"{_STDLIB}:logger_state",
    "pathlib.PurePath": f"{_STDLIB}:path_state",
    "pathlib._local.PurePath": f"{_STDLIB}:path_state",
    "re.Pattern": f"{_STDLIB}:pattern_state",
    "typing.TypeVar": f"{_STDLIB}:typing_state",
    "typing.ParamSpec": f"{_STDLIB}:typing_state",
    "typing.ForwardRef": f"{_STDLIB}:typing_state",
    "typing._Final": f"{_STDLIB}:typing_state",
    "numpy.ndarray": f"{_ARRAYS}:array_state",
    "numpy.generic": f"{_ARRAYS}:scalar_state",
    "numpy.dtype": f"{_ARRAYS}:dtype_state",
    "numpy.ma.MaskedArray": f"{_ARRAYS}:masked_state",
    "numpy.ma.core.MaskedArray": f"{_ARRAYS}:masked_state",
    "numpy.random._generator.Generator": f"{_ARRAYS}:generator_state",
    "numpy.random.mtrand.RandomState": f"{_ARRAYS}:random_state",
    "numpy.random.bit_generator.BitGenerator": f"{_ARRAYS}:bit_generator_state",
    "numpy.ufunc": f"{_ARRAYS}:ufunc_state",
    "pandas.DataFrame": f"{_FRAMES}:pandas_frame_state",
    "pandas.core.frame.DataFrame": f"{_FRAMES}:pandas_frame_state",
    "pandas.Series": f"{_FRAMES}:pandas_series_state",
    "pandas.core.series.Series": f"{_FRAMES}:pandas_series_state",
    "pandas.Index": f"{_FRAMES}:pandas_index_state",
    "pandas.core.indexes.base.Index": f"{_FRAMES}:pandas_index_state",
    "pandas.api.extensions.ExtensionArray": f"{_FRAMES}:pandas_array_state",
    "pandas.core.arrays.base.ExtensionArray": f"{_FRAMES}:pandas_array_state",
    "polars.dataframe.frame.DataFrame": f"{_FRAMES}:polars_frame_state",
    "polars.series.series.Series": f"{_FRAMES}:polars_series_state",
    "polars.lazyframe.frame.LazyFrame": f"{_FRAMES}:polars_lazy_state",
    "pyarrow.lib._Tabular": f"{_ARROW}:arrow_table_state",
    "pyarrow.lib.ChunkedArray": f"{_ARROW}:arrow_column_state",
    "pyarrow.lib.Array": f"{_ARROW}:arrow_column_state",
    "pyarrow.lib.Scalar": f"{_ARROW}:arrow_scalar_state",
    "pyarrow.lib.Schema": f"{_ARROW}:arrow_schema_state",
    "pyarrow.lib.DataType": f"{_ARROW}:arrow_type_state",
    "pyarrow.lib.Field": f"{_ARROW}:arrow_field_state",
    "pydantic.type_adapter.TypeAdapter": f"{_PYDANTIC}:adapter_state",
    "pydantic._internal._validate_call.ValidateCallWrapper": f"{_PYDANTIC}:checked_call_state",
}


def _expand_mapping(head: bytes, value: dict[Any, Any]) -> Expansion:
    return Expansion(head, ([*value], [*value.values()]), MAPPING)


_BUILTIN_EXPANDERS: Final[Mapping[type, Expander]] = {
    list: lambda value: Expansion(b"l", (value,), SEQUENCE),
    tuple: lambda value: Expansion(b"t", (value,), SEQUENCE),
    dict: partial(_expand_mapping, b"d"),
    MappingProxyType: lambda value: _expand_mapping(b"M", dict(value)),
    set: lambda value: Expansion(b"S", (list(value),), SET),
    frozenset: lambda value: Expansion(b"Z", (list(value),), SET),
    type({}.keys()): lambda value: Expansion(b"Vk", ([*value],), SEQUENCE),
    type({}.values()): lambda value: Expansion(b"Vv", ([*value],), SEQUENCE),
    type({}.items()): lambda value: Expansion(b"Vi", ([*value],), SEQUENCE),
    slice: lambda value: Expansion(
        b"k", ((value.start, value.stop, value.step),), steps=(".start", ".stop", ".step")
    ),
    GenericAlias: lambda value: Expansion(
        b"g", ((value.__origin__, value.__args__),), steps=("", ".__args__")
    ),
    UnionType: lambda value: Expansion(b"U", (value.__args__,), SET),
    **CALLABLE_EXPANDERS,
}


class Dispatch:
    """Takes values apart; remembers how for each class that it has met."""

    def __init__(self, registered: Registered) -> None:
        self._registered = dict(registered)
        self._expanders: dict[type, Expander] = dict(_BUILTIN_EXPANDERS)

    def expand(self, value: Any) -> Expansion:
        """Return what *value* consists of.

        Raises:
            NotFingerprintableError: Nobody can say.
        """
        cls = type(value)
        expander = self._expanders.get(cls)
        if expander is None:
            if len(self._expanders) > _MAX_CLASSES:
                # classes made in functions would pile up in a long-lived worker
                self._expanders = dict(_BUILTIN_EXPANDERS)
            expander = self._expanders[cls] = self._resolve(cls)
        return expander(value)

    def _resolve(self, cls: type) -> Expander:
        if issubclass(cls, type):
            return expand_class
        if _defines(cls, "__hypernodes_key__"):
            return _stand_in(cls, b"h", _method(cls, "__hypernodes_key__"))
        if _defines(cls, "__cache_key__"):
            return _stand_in(cls, b"K", partial(_cache_key, cls))
        function = self._find_registered(cls)
        if function is not None:
            return _stand_in(cls, b"R", function)
        return expander_of_object(cls)

    def _find_registered(self, cls: type) -> Callable[[Any], Any] | None:
        for base in cls.__mro__[:-1]:
            name = type_name(base)
            if name in self._registered:
                return self._registered[name]
            if name in BUILTIN_FINGERPRINTS:
                return _load(BUILTIN_FINGERPRINTS[name])
        return None


def _load(target: str) -> Callable[[Any], Any]:
    module, _, name = target.partition(":")
    function: Callable[[Any], Any] = getattr(import_module(module), name)
    return function


def _defines(cls: type, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__)


def _method(cls: type, name: str) -> Callable[[Any], Any]:
    method: Callable[[Any], Any] = getattr(cls, name)
    return method


def _cache_key(cls: Any, value: Any) -> str:
    key = cls.__cache_key__(value)
    if not isinstance(key, str):
        reason = f"__cache_key__ returned {type_name(type(key))}, not str"
        raise NotFingerprintableError(type_name(cls), reason, is_answered=True)
    return key


def _stand_in(cls: type, method: bytes, account: Callable[[Any], Any]) -> Expander:
    """Return an expander for values that *account* turns into plain data."""
    head = b"o" + method + class_identity(cls)

    def expand(value: Any) -> Expansion:
        try:
            data = account(value)
        except NotFingerprintableError:
            raise
        except Exception as error:
            reason = f"its fingerprint failed with {type(error).__name__}: {error}"
            raise NotFingerprintableError(type_name(cls), reason, is_answered=True) from error
        return Expansion(head, ((data,),), steps=("",))

    return expand
