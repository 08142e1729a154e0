"""The identity of a callable over time, and what users say about it."""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import pytest

from hypernodes.errors import FingerprintError
from hypernodes.hashing import CodeOptions, start_epoch, track_code

if TYPE_CHECKING:
    from collections.abc import Callable


def module(text: str) -> Any:
    """Return a new module that *text* makes."""
    made = types.ModuleType("made")
    exec(text, vars(made))
    return made


def digest(function: Any, **options: Any) -> bytes:
    """Return the digest of *function* with *options*."""
    return track_code(function, CodeOptions(**options)).current().digest


@dataclasses.dataclass
class Point:
    x: int = 0


@attrs.frozen(order=True)
class Frozen:
    x: int = 0


class Colour(enum.Flag):
    RED = 1
    BLUE = 2


class Pair(NamedTuple):
    x: int = 0


class Plain:
    rate = 2

    @functools.cached_property
    def twice(self) -> int:
        return self.rate * 2

    @classmethod
    def make(cls) -> Plain:
        return cls()

    @staticmethod
    def one() -> int:
        return 1


def uses_all(x: int) -> Any:
    return Point(x), Frozen(x), Colour(x), Pair(x), Plain.make().twice, Plain.one()


def test_a_check_finds_nothing_where_nothing_changed() -> None:
    """In a later epoch the identity is the same object: nothing was read again."""
    tracked = track_code(uses_all)
    before = tracked.current()
    start_epoch()
    assert tracked.current() is before


def test_using_a_class_does_not_change_it() -> None:
    """What an enum or a cached property remembers while it is used does not count."""
    before = digest(uses_all)
    uses_all(3)
    assert (Colour.RED | Colour.BLUE, digest(uses_all)) == (Colour(3), before)


def test_within_an_epoch_a_callable_means_one_thing() -> None:
    """A change counts from the next epoch on."""
    made = module("N = 1\ndef f(): return N")
    tracked = track_code(made.f)
    before = tracked.current().digest
    made.N = 2
    assert tracked.current().digest == before
    start_epoch()
    assert tracked.current().digest != before


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("N = 1\ndef f(): return N", lambda made: setattr(made, "N", 2)),
        ("def f(): return N", lambda made: setattr(made, "N", 2)),
        ("N = 1\ndef f(): return N", lambda made: delattr(made, "N")),
        ("def f(): return len([1])", lambda made: setattr(made, "len", min)),
        ("def f(x=1): return x", lambda made: setattr(made.f, "__defaults__", (2,))),
        ("def f(*, x=1): return x", lambda made: setattr(made.f, "__kwdefaults__", {"x": 2})),
        ("def h(): return 1\ndef f(): return h()", lambda made: setattr(made, "h", min)),
        ("class A:\n    n = 1\ndef f(): return A.n", lambda made: setattr(made.A, "n", 2)),
        ("class A:\n    n = 1\ndef f(): return A", lambda made: setattr(made.A, "n", 2)),
        (
            "class B:\n    n = 1\nclass A(B): pass\na = A()\ndef f(): return a.n",
            lambda made: setattr(made.B, "n", 2),
        ),
        (
            "def make(n):\n    def put(m):\n        nonlocal n\n        n = m\n"
            "    return put, lambda: n\nput, f = make(1)",
            lambda made: made.put(2),
        ),
    ],
    ids=range(11),
)
def test_a_name_bound_to_another_object_counts(text: str, change: Callable[[Any], None]) -> None:
    """Every name that was followed is compared in each epoch."""
    made = module(text)
    tracked = track_code(made.f)
    before = tracked.current().digest
    change(made)
    start_epoch()
    assert tracked.current().digest != before


@pytest.mark.parametrize(
    "text",
    [
        "N = 0\ndef f():\n    global N\n    N += 1\n    return N",
        "N = 0\ndef h():\n    global N\n    N += 1\ndef f():\n    h()\n    return N",
        "def make():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n    return f\n"
        "f = make()",
        "def make():\n    n = 0\n    def h():\n        nonlocal n\n        n += 1\n"
        "    def f():\n        h()\n        return n\n    return f\nf = make()",
        "class A:\n    n = 0\ndef f():\n    A.n += 1\n    return A.n",
        "class A:\n    n = 0\n    @classmethod\n    def h(cls): cls.n += 1\ndef f(): A.h()",
        "L = []\ndef f(): L.append(1)",
    ],
    ids=range(7),
)
def test_what_the_code_itself_assigns_does_not_count(text: str) -> None:
    """Counters and logs of the code that was reached are not looked at again."""
    made = module(text)
    tracked = track_code(made.f)
    before = tracked.current()
    made.f()
    start_epoch()
    assert tracked.current() is before


def test_a_version_stands_for_the_code() -> None:
    """With a version the body and what it reaches do not count, another version does."""
    one, two = (module(f"N = {n}\ndef f(): return N + {n}") for n in (1, 2))
    assert digest(one.f, version=1) == digest(two.f, version=1)
    assert len({digest(one.f, version=each) for each in (1, 2, "1", True)}) == 4


@pytest.mark.parametrize(
    "two",
    [
        (lambda: [module("def f(): return 1").f, module("def g(): return 1").g]),
        (lambda: [functools.partial(divmod, 1), functools.partial(divmod, 2)]),
        (lambda: [functools.partial(divmod, 1), functools.partial(max, 1)]),
        (lambda: [module(f"def f(x={n}): return x").f for n in (1, 2)]),
        (lambda: [module(f"f = (lambda n: lambda: n)({n})").f for n in (1, 2)]),
        (lambda: [Point(1).__eq__, Point(2).__eq__]),
        (lambda: [Point, Pair]),
        (lambda: list(module("f = [lambda: 1, lambda: 2]").f)),
        (lambda: [functools.partial(Point(1).__eq__, n) for n in (1, 2)]),
    ],
    ids=range(9),
)
def test_callables_of_one_version_are_told_apart(two: Callable[[], list[Any]]) -> None:
    """A version stands for code: names, bound values and captured data still count."""
    assert len({digest(each, version=1) for each in two()}) == 2


def test_modules_tell_callables_of_one_version_apart() -> None:
    """Functions of one name in two modules are two functions."""
    functions = [module("def f(): return 1").f for _ in range(2)]
    functions[1].__module__ = "another"
    assert len({digest(each, version=1) for each in functions}) == 2


def test_what_a_node_depends_on_counts() -> None:
    """Functions, classes, modules and values that the code does not name."""

    def work() -> int:
        return 1

    modules = [module(f"N = {n}") for n in (1, 2)]
    values: list[Any] = [modules[0], modules[1], Point, min, {"a": [1]}, 2]
    assert len({digest(work), *(digest(work, depends_on=(each,)) for each in values)}) == 7


def test_a_module_that_a_node_depends_on_is_looked_at_again() -> None:
    """A constant of it that is bound anew counts in the next epoch."""
    made = module("N = 1")
    tracked = track_code(uses_all, CodeOptions(depends_on=(made,)))
    before = tracked.current().digest
    made.N = 2
    start_epoch()
    assert tracked.current().digest != before


def test_tracked_names_count_by_their_contents_now() -> None:
    """Captured variables, globals and attributes of modules can be tracked."""
    made = module("L = [1]\ndef f(): return L")
    made.m = types.SimpleNamespace(L=made.L)
    for name in ("L", "m.L"):
        tracked = track_code(made.f, CodeOptions(track=(name,)))
        digests = []
        for content in (1, 2, 1):
            made.L[0] = content
            digests.append(tracked.current().digest)
        assert (digests[0] == digests[2], digests[0] == digests[1]) == (True, False)


def test_an_empty_tracked_cell_is_no_error() -> None:
    """A tracked name that is not bound yet is nothing."""

    def make(*, is_bound: bool) -> Any:
        def f() -> object:
            return later

        if is_bound:
            later = None
        return f

    digests = {digest(make(is_bound=each), track=("later",)) for each in (True, False)}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("s = (v for v in [])\ndef f(): return s", "s"),
        ("def make():\n    s = (v for v in [])\n    return lambda: s\nf = make()", "s"),
        ("def h(): return s\ns = (v for v in [])\ndef f(): return h()", "s"),
        ("def h(): return s\ns = (v for v in [])\ndef f(): return h()", "made.s"),
        ("s = (v for v in [])\ndef f(): return [v for v in s]", "s"),
    ],
)
def test_ignored_names_need_no_fingerprint(text: str, name: str) -> None:
    """A name that is ignored may be bound to anything, wherever it is read."""
    made = module(text)
    vars(made)["__name__"] = "made"
    with pytest.raises(FingerprintError):
        digest(made.f)
    assert digest(made.f, ignore=frozenset({name}))
