"""What code reaches, under the names that people know it by: for explanations alone.

The walk notes what it comes by.  Nothing here is part of a digest, and nothing
is described before somebody asks, so a label may be ambiguous and a value may
have changed meanwhile: at worst a sentence says less than it could.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs

from hypernodes.errors import FingerprintError
from hypernodes.hashing._canonical import LEAVES, names_token
from hypernodes.hashing._code import code_digest
from hypernodes.hashing._expansion import Expansion
from hypernodes.hashing._first_seen import FirstSeen
from hypernodes.hashing._identity import is_user_class, type_name
from hypernodes.hashing._walk import token_of
from hypernodes.hashing._watches import cell_contents

Pairs = dict[str, tuple[str, str]]

_CODE: Final = (types.FunctionType, types.ModuleType, type)


@attrs.frozen
class Account:
    """What one walk came by.

    Attributes:
        symbols: Functions and classes of the user's, by name.
        constants: Everything else that counts, by what it is:
            ``"constant main.N"``, ``"default of y in main.f"``.
        doors: Code that reaches things by computed names, and by what.
    """

    symbols: dict[str, list[Any]] = attrs.field(factory=dict)
    constants: dict[str, Any] = attrs.field(factory=dict)
    doors: dict[str, frozenset[str]] = attrs.field(factory=dict)

    def meet(self, symbol: Any) -> str:
        """Note a function or class; return its name."""
        label = name_of(symbol)
        known = self.symbols.setdefault(label, [])
        if not any(each is symbol for each in known):
            known.append(symbol)
        return label

    def meet_whole(self, function: types.FunctionType) -> None:
        """Note a function that the walk does not go into, with what it captures."""
        label = self.meet(function)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in cells:
            self.note(f"{name} captured by {label}", cell_contents(cell))

    def note(self, label: str, value: Any) -> None:
        """Note what counts beside code; code is a symbol of its own."""
        if not isinstance(value, _CODE):
            self.constants[label] = value

    def joined(self, other: Account) -> Account:
        """Return what either account holds."""
        return Account(
            {**self.symbols, **other.symbols},
            {**self.constants, **other.constants},
            {**self.doors, **other.doors},
        )

    def describe_symbols(self) -> Pairs:
        """Return for each symbol the digest of its own text and where it stands."""
        return {name: _describe_symbol(each) for name, each in self.symbols.items()}

    def describe_constants(
        self, expand: Callable[[Any], Expansion], words: Callable[[Any], str]
    ) -> Pairs:
        """Return for each constant a digest and what *words* says of it."""
        named = _Named(expand)
        described = {}
        for name, value in self.constants.items():
            shown = value.value if isinstance(value, FirstSeen) else value
            described[name] = (named.digest(value), words(shown))
        return described


def name_of(symbol: Any) -> str:
    """Return the name that the text of a function or class has, whatever was put on it."""
    if isinstance(symbol, type):
        return type_name(symbol)
    # a wrapper has the name of what it wraps, except in its code
    module = symbol.__globals__.get("__name__", symbol.__module__)
    return f"{module}.{symbol.__code__.co_qualname}"


def _describe_symbol(same: list[Any]) -> tuple[str, str]:
    digests = b"".join(_own_digest(each) for each in same)
    return sha256(digests).hexdigest()[:16], _place_of(same[0])


def _own_digest(symbol: Any) -> bytes:
    """Return the digest of a symbol's own text: what changes when it alone is edited."""
    if isinstance(symbol, types.FunctionType):
        return code_digest(symbol.__code__, symbol.__globals__)
    bases = [type_name(each) for each in (type(symbol), *symbol.__bases__)]
    return names_token([*bases, *sorted(vars(symbol))])


def _place_of(symbol: Any) -> str:
    if isinstance(symbol, types.FunctionType):
        return f"{Path(symbol.__code__.co_filename).name}:{symbol.__code__.co_firstlineno}"
    file = getattr(sys.modules.get(symbol.__module__), "__file__", None)
    return Path(file).name if file else str(symbol.__module__)


class _Named:
    """Takes values apart as far as code, which only has a name here: it is a symbol."""

    def __init__(self, expand: Callable[[Any], Expansion]) -> None:
        self._expand = expand

    def digest(self, value: Any) -> str:
        """Return a short digest of *value*; of what has none, nothing."""
        if isinstance(value, FirstSeen):
            return value.digest.hex()[:16]
        leaf = LEAVES.get(type(value))
        try:
            token = leaf(value) if leaf else token_of(value, self.expand, "")
        except FingerprintError:
            return ""
        return sha256(token).hexdigest()[:16]

    def expand(self, value: Any) -> Expansion:
        """Return what *value* consists of."""
        if isinstance(value, FirstSeen):
            return Expansion(b"oR" + value.digest, ())
        if isinstance(value, types.FunctionType):
            return Expansion(b"nf", ((name_of(value),),), steps=("",))
        if isinstance(value, types.ModuleType):
            return Expansion(b"nm", ((value.__name__,),), steps=("",))
        if isinstance(value, type) and is_user_class(value):
            return Expansion(b"nc", ((type_name(value),),), steps=("",))
        return self._expand(value)
