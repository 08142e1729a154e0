"""Which names a code object reaches."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes.hashing._reach import Import, reach_of


def reach(text: str) -> Any:
    """Return what the function ``f`` of *text* reaches."""
    scope: dict[str, Any] = {}
    exec(text, scope)
    return reach_of(scope["f"].__code__)


@pytest.mark.parametrize(
    ("body", "chains"),
    [
        ("x + N", {("N",)}),
        ("a.b.c(x)", {("a", "b", "c")}),
        ("a.b(N).d", {("a", "b"), ("N",)}),
        ("[v * N for v in x]", {("N",)}),
        ("(lambda: (lambda: N)())()", {("N",)}),
        ("{k: a.v for k in b.c if d}", {("a", "v"), ("b", "c"), ("d",)}),
        ("f'{N:>{M}}'", {("N",), ("M",)}),
        ("a[N].b", {("a",), ("N",)}),
    ],
)
def test_globals_are_chains(body: str, chains: set[tuple[str, ...]]) -> None:
    """A global is listed with the attributes that are read from it, wherever it is read."""
    assert set(reach(f"def f(x): return {body}").chains) == chains


def test_globals_of_classes_and_handlers_count() -> None:
    """Class bodies, decorators, exceptions and patterns read names too."""
    text = """
def f(x):
    try:
        @d
        class A(B):
            n = N
    except E:
        match x:
            case P(): return x
"""
    names = {chain[0] for chain in reach(text).chains}
    assert names >= {"d", "B", "N", "E", "P"}


def test_locals_are_no_globals() -> None:
    """Parameters, variables and captured variables are not listed."""
    text = "def f(x):\n    y = x\n    return lambda: x + y\n"
    assert reach(text).chains == ()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("import a", Import("a", 0, None, frozenset({"a"}))),
        ("import a.b", Import("a.b", 0, None, frozenset({"a"}))),
        ("import a.b.c as d", Import("a.b.c", 0, None, frozenset({"d"}))),
        ("from a import b", Import("a", 0, ("b",), frozenset({"b"}))),
        ("from a import b as c, d", Import("a", 0, ("b", "d"), frozenset({"c", "d"}))),
        ("from . import a", Import("", 1, ("a",), frozenset({"a"}))),
        ("from ..a import b", Import("a", 2, ("b",), frozenset({"b"}))),
    ],
)
def test_imports_are_listed(statement: str, found: Import) -> None:
    """An import in a body is listed with what it binds."""
    assert reach(f"def f():\n    {statement}\n").imports == (found,)


def test_imports_behind_many_names_are_read_right() -> None:
    """Instructions with wide arguments do not shift what stands before an import."""
    many = "; ".join(f"v{n}" for n in range(300))
    found = reach(f"def f():\n    {many}\n    from .a import b\n    return c.d.e\n")
    assert found.imports == (Import("a", 1, ("b",), frozenset({"b"})),)
    assert ("c", "d", "e") in found.chains


def test_every_attribute_and_text_is_a_word() -> None:
    """What a module that goes another way may be asked for is all that is written down."""
    assert reach("def f(m): return m.a, getattr(m, 'b'), (lambda: m.c)").words >= {"a", "b", "c"}


@pytest.mark.parametrize(
    ("body", "is_bare"),
    [("m.a", False), ("m.a + m.b", False), ("g(m)", True), ("[m]", True), ("m", True)],
)
def test_variables_that_are_passed_around_are_bare(body: str, is_bare: bool) -> None:
    """A variable of which only attributes are read is not bare."""
    assert ("m" in reach(f"def f():\n    import m\n    return {body}\n").bare) == is_bare


def test_assignments_are_listed() -> None:
    """Globals, captured variables and attributes that the code sets are told apart."""
    text = """
def f(self):
    global a
    a = 1
    b = 1
    def g():
        nonlocal b
        b = 2
    self.c = 1
    A.d = 1
    A.e += 1
    return g
"""
    found = reach(text)
    assert (found.assigned, found.rebound, found.stored) == ({"a"}, {"b"}, {"d", "e"})


@pytest.mark.parametrize(
    ("body", "doors"),
    [
        ("eval(x)", {"eval"}),
        ("globals()[x]", {"globals"}),
        ("importlib.import_module(x)", {"import_module"}),
        ("getattr(x, x)", {"getattr"}),
        ("getattr(x, x, 'default')", {"getattr"}),
        ("getattr(x, 'a')", set()),
        ("getattr(x, 'a', None)", set()),
        ("getattr(x.y[0].z(x), 'a')", set()),
        ("getattr(x, 'a', x.y or str(x + 1))", set()),
        ("getattr(x, 'a', 1 if x else 2)", set()),
        ("getattr(x, 'a' + str(x))", {"getattr"}),
        ("getattr(x, f'a{x}')", {"getattr"}),
        ("getattr(x, 'a{}'.format(x))", {"getattr"}),
        ("getattr(x, x + 'a')", {"getattr"}),
        ("getattr(x, 'a')(x, 'b')", set()),
        ("map(getattr, x, x)", {"getattr"}),
        ("[getattr(x, v) for v in x]", {"getattr"}),
        ("x.evaluate", set()),
    ],
)
def test_computed_names_are_doors(body: str, doors: set[str]) -> None:
    """What reaches things by names that are not written down is named."""
    assert reach(f"def f(x): return {body}").doors == doors


def test_a_code_object_is_read_once() -> None:
    """The same code gives the same record."""
    scope: dict[str, Any] = {}
    exec("def f(): return N", scope)
    assert reach_of(scope["f"].__code__) is reach_of(scope["f"].__code__)
