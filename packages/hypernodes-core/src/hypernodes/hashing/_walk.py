"""The walk over a value: from the leaves to one token, at any depth.

Two walks that write the same text.  `_quick` recurses and is what nearly every
value takes; it gives up on deep values and on whatever cannot be fingerprinted.
`_Descent` then starts again with a stack of its own: it takes lists nested a
hundred thousand deep, visits a shared object once, finds cycles (Tarjan's
algorithm for strongly connected components; ``_cycles.py`` writes them), and
knows the path to the value that has no fingerprint.

What a value consists of is for the *expand* function to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hypernodes.errors import FingerprintError
from hypernodes.hashing._canonical import (
    FOLD_BYTES,
    JOINED_HEADS,
    LEAVES,
    PACK_LENGTH,
    fold,
    joined,
    joined_set,
    packed,
    packed_set,
)
from hypernodes.hashing._cycles import tokens_of_cycle
from hypernodes.hashing._expansion import SET, Expansion, NotFingerprintableError

Expand = Callable[[Any], Expansion]
_Memo = dict[int, tuple[bytes, Any]]

#: Enough for what people pass around, little enough to find a cycle quickly.
_QUICK_DEPTH: Final = 24


#: What makes the token of a value of an exact type that holds no other values.
leaf_of: Final = LEAVES.get


class _GiveUpError(Exception):
    """The quick walk met something that needs the thorough one."""


def token_of(value: Any, expand: Expand, path: str) -> bytes:
    """Return the token of *value*.

    Raises:
        FingerprintError: Something inside has no fingerprint; the error says
            where, beginning with *path*.
    """
    leaf = leaf_of(type(value))
    if leaf is not None:
        return leaf(value)
    try:
        return _quick(value, _QUICK_DEPTH, expand, {})
    except (_GiveUpError, NotFingerprintableError, RecursionError):
        return _Descent(expand).token(value, path)


def _quick(value: Any, depth: int, expand: Expand, memo: _Memo) -> bytes:
    """Return the token of *value*, which is no leaf."""
    if memo and (known := memo.get(id(value))) is not None:
        return known[0]
    if not depth:
        raise _GiveUpError
    cls = type(value)
    # the three that nearly everything is made of are not taken apart by others
    if cls is dict:
        keys = _quick_body([*value], depth, expand, memo)
        token = b"d" + keys + _quick_body([*value.values()], depth, expand, memo)
    elif cls is list or cls is tuple:
        token = (b"l" if cls is list else b"t") + _quick_body(value, depth, expand, memo)
    else:
        head, groups, shape, _, also = expand(value)
        token = head
        for group in groups:
            body = _quick_set if shape == SET else _quick_body
            token += body(group, depth, expand, memo)
        if also:
            token += _quick_body(also, depth, expand, memo)
    if len(token) > FOLD_BYTES:
        token = fold(token)
        # only what was folded can repeat often enough to matter; the value is
        # kept because the id of a dead one would be given away again
        memo[id(value)] = token, value
    return token


def _quick_body(group: Sequence[Any], depth: int, expand: Expand, memo: _Memo) -> bytes:
    count = len(group)
    if count >= PACK_LENGTH and (column := packed(group)) is not None:
        return column
    tokens = [
        leaf(child)
        if (leaf := leaf_of(type(child))) is not None
        else _quick(child, depth - 1, expand, memo)
        for child in group
    ]
    return JOINED_HEADS[count] + b"".join(tokens) if count < PACK_LENGTH else joined(tokens)


def _quick_set(group: Sequence[Any], depth: int, expand: Expand, memo: _Memo) -> bytes:
    column = packed_set(group)
    if column is not None:
        return column
    return joined_set([_quick_any(child, depth - 1, expand, memo) for child in group])


def _quick_any(value: Any, depth: int, expand: Expand, memo: _Memo) -> bytes:
    leaf = leaf_of(type(value))
    return _quick(value, depth, expand, memo) if leaf is None else leaf(value)


class _Frame:
    """A value whose children are being turned into tokens.

    A child inside an unfinished cycle has no token yet: its key stands for it.
    """

    __slots__ = ("children", "expansion", "key", "low", "order", "tokens", "value")

    def __init__(self, value: Any, expansion: Expansion, order: int) -> None:
        self.value = value
        self.key = id(value)
        self.expansion = expansion
        self.children = [child for group in expansion.groups for child in group]
        self.children += expansion.also
        self.tokens: list[bytes | int] = []
        self.order = order
        self.low = order

    def write(self, names: Mapping[int, bytes]) -> bytes:
        """Return the text of this value, with *names* for the members of its cycle."""
        tokens = [token if isinstance(token, bytes) else names[token] for token in self.tokens]
        parts = [self.expansion.head]
        start = 0
        for group in self.expansion.groups:
            part = tokens[start : start + len(group)]
            start += len(group)
            if self.expansion.shape == SET:
                parts.append(packed_set(group) or joined_set(part))
            else:
                parts.append(packed(group) or joined(part))
        if self.expansion.also:
            parts.append(joined(tokens[start:]))
        return b"".join(parts)


class _Descent:
    """One thorough walk; used once."""

    def __init__(self, expand: Expand) -> None:
        self._expand = expand
        self._frames: list[_Frame] = []
        self._unfinished: list[_Frame] = []
        self._open: dict[int, _Frame] = {}
        self._done: dict[int, tuple[bytes, Any]] = {}
        self._entered = 0

    def token(self, root: Any, path: str) -> bytes:
        """Return the token of *root*, visiting every container inside it once."""
        token = self._enter(root, path)
        while self._frames:
            frame = self._frames[-1]
            if token is not None:
                frame.tokens.append(token)
            if len(frame.tokens) < len(frame.children):
                token = self._enter(frame.children[len(frame.tokens)], path)
            else:
                token = self._leave(frame, path)
        # the root leaves last, with every cycle solved
        return token if isinstance(token, bytes) else self._done[token or 0][0]

    def _enter(self, value: Any, path: str) -> bytes | int | None:
        """Return the token or key of *value*, or None after pushing its frame."""
        leaf = LEAVES.get(type(value))
        if leaf is not None:
            return leaf(value)
        key = id(value)
        if key in self._done:
            return self._done[key][0]
        if key in self._open:
            frame = self._frames[-1]
            frame.low = min(frame.low, self._open[key].order)
            return key
        try:
            expansion = self._expand(value)
        except NotFingerprintableError as error:
            raise self._error(error, path) from error.__cause__
        frame = _Frame(value, expansion, self._entered)
        self._entered += 1
        self._frames.append(frame)
        self._unfinished.append(frame)
        self._open[key] = frame
        return None

    def _leave(self, frame: _Frame, path: str) -> bytes | int:
        """Return the token of a finished value, or its key inside a cycle."""
        self._frames.pop()
        if frame.low < frame.order:
            self._frames[-1].low = min(self._frames[-1].low, frame.low)
            return frame.key
        members = self._pop_component(frame)
        if len(members) == 1 and frame.key not in frame.tokens:
            self._done[frame.key] = fold(frame.write({})), frame.value
            return self._done[frame.key][0]
        try:
            tokens = tokens_of_cycle({member.key: member.write for member in members})
        except NotFingerprintableError as error:
            raise self._error(error, path) from None
        for member in members:
            self._done[member.key] = tokens[member.key], member.value
        return tokens[frame.key]

    def _pop_component(self, root: _Frame) -> list[_Frame]:
        """Return the members of the component that *root* was entered by."""
        members = []
        while True:
            member = self._unfinished.pop()
            del self._open[member.key]
            members.append(member)
            if member is root:
                return members

    def _error(self, cause: NotFingerprintableError, path: str) -> FingerprintError:
        steps = [frame.expansion.step(len(frame.tokens)) for frame in self._frames]
        return fingerprint_error(cause, path + "".join(steps))


def fingerprint_error(cause: NotFingerprintableError, path: str) -> FingerprintError:
    """Return the public error for *cause*, found at *path*."""
    # where somebody has said how to fingerprint it, that is what to look at
    hint = "" if cause.is_answered else "; give it __cache_key__ or register a fingerprint"
    reason = f": {cause.reason}" if cause.reason else ""
    msg = f"cannot fingerprint {cause.type_name} at {path}{reason}{hint}"
    error = FingerprintError(msg)
    error.path = path
    error.type_name = cause.type_name
    return error
