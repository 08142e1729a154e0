"""What is said of a function's code that has changed."""

from __future__ import annotations

import linecache
import types
from typing import Any

import pytest

from hypernodes import MemoryCache, Node, Pipeline, SeqEngine, node

#: Per case the text of a module with the function f, what is replaced, by what, and the sentence.
CASES = {
    "default": ("def f(x, y=1): return x + y", "1", "2", "default of y in made.f 1 -> 2"),
    "keyword default": (
        "def h(x, *, y=1): return x + y\ndef f(x): return h(x)",
        "1",
        "2",
        "default of y in made.h 1 -> 2",
    ),
    "captured variable": (
        "def make(n):\n    def f(x): return x + n\n    return f\nf = make(1)",
        "(1)",
        "(2)",
        "n captured by made.make.<locals>.f 1 -> 2",
    ),
    "attribute of a class": (
        "class A:\n    n = 1\ndef f(x): return A.n",
        "1",
        "2",
        "attribute made.A.n 1 -> 2",
    ),
    "attribute of a function": (
        "def h(): pass\nh.n = 1\ndef f(x): return h.n",
        "1",
        "2",
        "attribute made.h.n 1 -> 2",
    ),
    "docstring": (
        "def h(): 'one'\ndef f(x): return h.__doc__",
        "one",
        "two",
        "__doc__ of made.h 'one' -> 'two'",
    ),
    "decorator": (
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x) + 1\n"
        "    return w\n@d\ndef f(x): return x",
        "1",
        "2",
        "helper made.d.<locals>.w changed (<made>:3)",
    ),
    "method": (
        "class A:\n    def h(self): return 1\ndef f(x): return A().h()",
        "1",
        "2",
        "helper made.A.h changed (<made>:2)",
    ),
    "base class": (
        "class A:\n    n = 1\nclass B:\n    n = 2\nclass C(A, B): pass\ndef f(x): return C().n",
        "A, B",
        "B, A",
        "helper made.C changed (made)",
    ),
    "which function": (
        "from math import sin as g\ndef f(x): return g(x)",
        "sin",
        "cos",
        "constant made.g function sin -> function cos",
    ),
    "enum": (
        "import enum\nclass A(enum.Enum):\n    B = 1\n    C = 2\nN = A.B\ndef f(x): return N.value",
        "A.B",
        "A.C",
        "constant made.N A.B -> A.C",
    ),
}


def load(text: str) -> Any:
    """Return the function f of a module that *text* makes."""
    lines = text.splitlines(keepends=True)
    linecache.cache["<made>"] = (len(text), None, lines, "<made>")
    made = types.ModuleType("made")
    exec(compile(text, "<made>", "exec"), vars(made))
    return made.f


@pytest.mark.parametrize("name", CASES)
def test_the_sentence_names_what_changed(name: str) -> None:
    """It says which part of the code changed, and where or from what to what."""
    text, old, new, sentence = CASES[name]
    cache = MemoryCache()
    Pipeline([Node(load(text), "z")], engine=SeqEngine(cache)).run({"x": 1})
    edited = Pipeline([Node(load(text.replace(old, new)), "z")], engine=SeqEngine(cache))
    assert edited.explain({"x": 1}) == f"f runs: {sentence}"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (({"version": 1}, {"version": 2}), "version 1 -> 2"),
        (({"depends_on": ["a"]}, {"depends_on": ["b"]}), "what depends_on names 'a' -> 'b'"),
    ],
    ids=["version", "depends_on"],
)
def test_what_the_user_says_of_the_code_is_named(
    options: tuple[dict[str, Any], dict[str, Any]], sentence: str
) -> None:
    """Versions and dependencies are compared like what is found."""

    def f(x: int) -> int:
        return x

    cache = MemoryCache()
    first, second = (Pipeline([node("z", **each)(f)], engine=SeqEngine(cache)) for each in options)
    first.run({"x": 1})
    assert second.explain({"x": 1}) == f"f runs: {sentence}"


def test_tracked_names_are_named() -> None:
    """What a tracked name holds is shown as it was and as it is."""
    held = [1]

    def f(x: int) -> int:
        return x + held[0]

    pipeline = Pipeline([node("z", track=["held"])(f)], engine=SeqEngine(MemoryCache()))
    pipeline.run({"x": 1})
    held.append(2)
    assert pipeline.explain({"x": 1}) == "f runs: tracked held list of 1 -> list of 2"
