"""Facts about objects one by one: what of them counts, and what is refused."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import itertools
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from typing import Any

import pytest

from hypernodes.errors import FingerprintError
from hypernodes.hashing import Fingerprinter, fingerprint


class Plain:
    def __init__(self, value: Any = None) -> None:
        self.value = value


class Private:
    def __init__(self, value: Any = None) -> None:
        self.name = "same"
        self._value = value


class Keyed:
    def __init__(self, key: Any, noise: Any = None) -> None:
        self.key, self.noise = key, noise

    def __cache_key__(self) -> Any:
        return self.key


class Stated:
    def __init__(self, kept: int, dropped: int) -> None:
        self.kept, self.dropped = kept, dropped

    def __getstate__(self) -> dict[str, int]:
        return {"kept": self.kept}


class Handle:
    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.lock = threading.Lock()

    def __hypernodes_key__(self) -> tuple[Any, ...]:
        return (type(self), self.arguments)


def with_attributes(value: Any, **attributes: Any) -> Any:
    """Return *value* after setting *attributes* on it."""
    for name, attribute in attributes.items():
        object.__setattr__(value, name, attribute)
    return value


def test_a_cache_key_stands_for_all_state() -> None:
    """With __cache_key__ nothing else is looked at."""
    assert fingerprint(Keyed("a", threading.Lock())) == fingerprint(Keyed("a"))


@pytest.mark.parametrize("key", [None, 1, b"a", ["a"]])
def test_a_cache_key_must_be_a_string(key: Any) -> None:
    """Any other answer is an error that names the class."""
    with pytest.raises(FingerprintError, match=r"__cache_key__ returned .*, not str"):
        fingerprint(Keyed(key))


def test_a_key_that_raises_is_an_error_with_its_cause() -> None:
    """An exception in a fingerprint of the user's is kept as the cause."""

    class Broken:
        def __cache_key__(self) -> str:
            msg = "no"
            raise LookupError(msg)

    with pytest.raises(FingerprintError, match="LookupError: no") as caught:
        fingerprint([Broken()])
    assert isinstance(caught.value.__cause__, LookupError)


def test_getstate_says_what_counts() -> None:
    """A class that says what its state is is believed."""
    assert fingerprint(Stated(1, 2)) == fingerprint(Stated(1, 3))


def test_stateful_handles_speak_for_themselves() -> None:
    """A handle counts by its own account, arguments included."""
    assert fingerprint(Handle(1)) == fingerprint(Handle(1))


def test_registered_types_count_by_what_is_returned() -> None:
    """A registered function stands for the state of its type and of subclasses."""
    asked = []

    def account(value: Plain) -> Any:
        asked.append(value)
        return {"value": 1}

    class Child(Plain):
        pass

    fingerprinter = Fingerprinter({f"{__name__}.Plain": account})
    assert fingerprinter.digest(Plain(1)) == fingerprinter.digest(Plain(threading.Lock()))
    assert fingerprinter.digest(Plain(1)) != fingerprinter.digest(Child(1))
    assert len(asked) == 4


def test_registered_types_come_before_ours() -> None:
    """A plugin may describe a type that we describe too."""
    fingerprinter = Fingerprinter({"re.Pattern": lambda _value: 1})
    assert fingerprinter.digest(re.compile("a")) == fingerprinter.digest(re.compile("b"))


def test_constructors_without_a_name_count_by_code() -> None:
    """What a reduction returns is believed by name only where the name leads to it."""

    class Odd(collections.deque):  # type: ignore[type-arg]  # of anything
        def __reduce__(self) -> Any:
            label = str(self.label)  # type: ignore[attr-defined]  # set below
            return (lambda: label), ()

        __slots__ = ("label",)

    digests = {fingerprint(with_attributes(Odd(), label=label)) for label in ("a", "b")}
    assert len(digests) == 2


def test_attributes_whose_names_are_no_text_are_refused() -> None:
    """What cannot be an attribute's name is not guessed at."""
    value = Plain()
    vars(value)[3] = 4  # type: ignore[index]  # what the test is about
    with pytest.raises(FingerprintError, match="an attribute's name is not text"):
        fingerprint(value)


def test_the_class_counts_by_its_qualified_name() -> None:
    """Two classes with one name from different modules differ."""

    def make(module: str) -> Any:
        return type("Same", (), {"__module__": module})()

    assert fingerprint(make("one")) != fingerprint(make("two"))
    assert fingerprint(make("one")) == fingerprint(make("one"))


def test_bound_builtin_methods_count_their_object() -> None:
    """A method in C of an object counts with the state of that object."""
    rng = random.Random(1)
    before = fingerprint(rng.random)
    rng.random()
    assert fingerprint(rng.random) != before


@contextlib.contextmanager
def open_things() -> Any:
    """Yield one of each thing that has no value."""
    with tempfile.TemporaryFile() as file, socket.socket() as sock:
        yield {
            "lock": threading.Lock(),
            "event": threading.Event(),
            "file": file,
            "socket": sock,
            "generator": (i for i in ()),
            "pointer": ctypes.pointer(ctypes.c_int(1)),
            "weakref": weakref.ref(Plain),
            "local": threading.local(),
            "frame": sys._getframe(),
            "count": itertools.count(),
            "process": subprocess.PIPE and threading.current_thread(),
        }


def test_what_has_no_value_is_refused() -> None:
    """Locks, files, sockets, generators, pointers and the like are errors, never guesses."""
    with open_things() as things:
        for name, thing in things.items():
            with pytest.raises(FingerprintError) as caught:
                fingerprint({"x": [thing]}, f"inputs[{name!r}]")
            assert caught.value.path.startswith(f"inputs[{name!r}]['x'][0]")


def test_the_error_says_what_where_and_what_now() -> None:
    """Type, path and remedies are in the sentence, and the data on the error."""
    value = {"index": Plain([{3: Private(threading.Lock())}])}
    with pytest.raises(FingerprintError) as caught:
        fingerprint(value, "inputs")
    assert str(caught.value) == (
        "cannot fingerprint _thread.lock at inputs['index'].value[0][3]._value; "
        "give it __cache_key__ or register a fingerprint"
    )
    assert caught.value.path == "inputs['index'].value[0][3]._value"
    assert caught.value.type_name == "_thread.lock"


def test_objects_that_refer_to_each_other_have_a_digest() -> None:
    """Parents that know their children that know their parent are no problem."""

    def tree(leaf: int) -> Plain:
        parent = Plain()
        parent.value = [with_attributes(Plain(n), parent=parent) for n in (1, 2, leaf)]
        return parent

    assert fingerprint(tree(3)) == fingerprint(tree(3))
    assert fingerprint(tree(3)) != fingerprint(tree(4))


def test_objects_nested_deep_have_a_digest() -> None:
    """A chain of ten thousand objects needs no recursion."""
    chain = Plain()
    for _ in range(10_000):
        chain = Plain(chain)
    assert fingerprint(chain) != fingerprint(Plain(chain))


def test_nothing_is_imported_for_unknown_types() -> None:
    """Fingerprints of plain values load neither numpy nor pandas nor blake3."""
    code = (
        "import sys; from hypernodes.hashing import fingerprint\n"
        "class A: pass\n"
        "fingerprint([1, A(), {'a': {1.5}}])\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'polars', 'blake3', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
