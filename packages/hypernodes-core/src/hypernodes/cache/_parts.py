"""What a key was made of, kept so that a miss can be explained.

A key is a digest and says nothing about itself.  So a record keeps, per
argument, a short digest and a few words, and each node of a step keeps, once,
what its code reaches.  Comparing them with what is asked for now gives one
sentence per difference.  Words are only ever shown: nothing is compared by
them.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import attrs

from hypernodes.values import is_stateful

#: The words for a value that nobody has read.
UNREAD: Final = "not read"

_KINDS_OF_CODE: Final[Mapping[type, str]] = {
    FunctionType: "function",
    BuiltinFunctionType: "function",
    MethodType: "method",
    ModuleType: "module",
}

_words: Final = reprlib.Repr()
_words.maxstring = _words.maxother = 40


class ReasonKind(Enum):
    """Why a step is executed though a cache is there."""

    NEW = "new"
    CODE = "code"
    HELPER = "helper"
    CONSTANT = "constant"
    CLOSURE = "closure"
    DEFAULT = "default"
    ENVIRONMENT = "environment"
    INPUT = "input"
    UPSTREAM = "upstream"
    UNCACHEABLE = "uncacheable"
    EXPIRED = "expired"
    GONE = "gone"


@attrs.frozen
class Reason:
    """One difference between what is asked for and what is there.

    Attributes:
        kind: What differs.
        text: The same in words.
    """

    kind: ReasonKind
    text: str


@attrs.frozen
class Argument:
    """One argument of a recorded call.

    Attributes:
        name: The parameter.
        digest: The beginning of its fingerprint, as hex.
        words: What it was, in a few words.
    """

    name: str
    digest: str
    words: str


@attrs.frozen
class NodeParts:
    """What the node half of a key was made of.

    Attributes:
        step: The path of the step: ``"outer/inner/node"``.
        own: The name of its own function among the symbols.
        symbols: Function or class to the digest of its own text and its place.
        constants: What else it reaches, ``"constant main.N"`` or ``"default of
            y in main.f"``, to the digest and the words of what it held.
        environment: Distribution to version.
        created: When it was first stored, in seconds since the epoch.
    """

    step: str
    own: str
    symbols: Mapping[str, Sequence[str]]
    constants: Mapping[str, Sequence[str]]
    environment: Mapping[str, str]
    created: float

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(attrs.asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> NodeParts:
        """Return what `to_json` wrote."""
        return cls(**json.loads(text))


def describe_value(value: Any) -> str:
    """Return a few words about *value*: small ones themselves, others by type and size."""
    if value is None or type(value) in (bool, int, float, complex, str, bytes):
        return _words.repr(value)
    kind = _KINDS_OF_CODE.get(type(value), "class" if isinstance(value, type) else "")
    if kind:
        return f"{kind} {getattr(value, '__qualname__', value.__name__)}"
    name = type(value).__qualname__
    if isinstance(value, Enum):
        return f"{name}.{value.name}"
    # asking a resource for an attribute would load it
    shape: Any = None if is_stateful(value) else getattr(value, "shape", None)
    if isinstance(shape, tuple):
        kind = f" {value.dtype}" if hasattr(value, "dtype") else ""
        return f"{name}{kind} {' x '.join(map(str, shape))}"
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"{name} of {len(value)}"
    return name


def compare_nodes(old: NodeParts, new: NodeParts) -> Iterator[Reason]:
    """Yield what differs between two states of a node's code and environment."""
    for name in sorted({*old.symbols, *new.symbols}):
        before, after = old.symbols.get(name), new.symbols.get(name)
        if before is None or after is None or before[0] != after[0]:
            is_own = name == new.own
            place = f" ({(after or before or ('', ''))[1]})"
            what = "its code" if is_own else f"helper {name}"
            verb = "changed" if before and after else "is new" if after else "is no longer used"
            kind = ReasonKind.CODE if is_own else ReasonKind.HELPER
            yield Reason(kind, f"{what} {verb}{place}")
    for name in sorted(old.constants.keys() & new.constants.keys()):
        before, after = old.constants[name], new.constants[name]
        if before[0] != after[0]:
            yield Reason(_kind_of(name), f"{name} {_change(before[1], after[1])}")
    for name in sorted({*old.environment, *new.environment}):
        versions = old.environment.get(name, "none"), new.environment.get(name, "none")
        if versions[0] != versions[1]:
            yield Reason(ReasonKind.ENVIRONMENT, f"{name} {versions[0]} -> {versions[1]}")


def _kind_of(name: str) -> ReasonKind:
    """Return the kind of a difference in what code reaches, by what it is called."""
    if name.startswith("default of "):
        return ReasonKind.DEFAULT
    if name == "version":
        return ReasonKind.CODE
    return ReasonKind.CLOSURE if " captured by " in name else ReasonKind.CONSTANT


def compare_arguments(
    old: Sequence[Argument], new: Sequence[Argument], upstream: Mapping[str, str]
) -> Iterator[Reason]:
    """Yield what differs between two calls; *upstream* names the makers of arguments."""
    before = {each.name: each for each in old}
    for each in new:
        former = before.get(each.name)
        if former is None:
            yield Reason(ReasonKind.INPUT, f"parameter {each.name} is given")
        elif former.digest != each.digest:
            change = _change(former.words, each.words)
            maker = upstream.get(each.name)
            if maker is None:
                yield Reason(ReasonKind.INPUT, f"parameter {each.name} {change}")
            else:
                yield Reason(ReasonKind.UPSTREAM, f"{each.name} from {maker} {change}")
    for name in before.keys() - {each.name for each in new}:
        yield Reason(ReasonKind.INPUT, f"parameter {name} is no longer given")


def nearest(candidates: Sequence[Sequence[Argument]], new: Sequence[Argument]) -> int | None:
    """Return the position of the call that shares most arguments; the first of equals."""
    wanted = {(each.name, each.digest) for each in new}
    shared = [len(wanted.intersection((a.name, a.digest) for a in each)) for each in candidates]
    return max(range(len(shared)), key=lambda position: shared[position], default=None)


def _change(before: str, after: str) -> str:
    known = [words for words in (before, after) if words != UNREAD]
    if len(known) == 2 and before != after:
        return f"{before} -> {after}"
    return f"changed ({known[-1]})" if known else "changed"
