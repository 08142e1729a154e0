"""What is put on functions, classes and modules between the runs of one process counts."""

from __future__ import annotations

import copy
import types
from typing import Any

import pytest

from hypernodes import MemoryCache, Node, Pipeline, Recorder, SeqEngine
from hypernodes.hashing import code_fingerprint

#: Per case the text of a module with the function f, and a statement that changes what it gives.
CASES = {
    "attribute of a function": ("def h(): pass\ndef f(x): return getattr(h, 'n', 0)", "h.n = 1"),
    "docstring": ("def h(): 'one'\ndef f(x): return h.__doc__", "h.__doc__ = 'two'"),
    "annotations": (
        "def h(x: int): pass\ndef f(x): return str(h.__annotations__)",
        "h.__annotations__ = {'x': str}",
    ),
    "attribute of a class": ("class A: pass\ndef f(x): return getattr(A, 'n', 0)", "A.n = 1"),
    "docstring of a class": ("class A: 'one'\ndef f(x): return A.__doc__", "A.__doc__ = 'two'"),
    "method that hides one of a base class": (
        "class A:\n    def h(self): return 1\nclass B(A): pass\ndef f(x): return B().h()",
        "B.h = lambda self: 2",
    ),
    "base classes": (
        "class A:\n    n = 1\nclass B:\n    n = 2\nclass C(A): pass\ndef f(x): return C.n, B.n",
        "C.__bases__ = (B,)",
    ),
    "name in a module": (
        "import types\nm = types.ModuleType('m')\ndef f(x): return getattr(m, 'n', 0)",
        "m.n = 1",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_appears_counts_at_the_next_run(name: str) -> None:
    """The node runs again, once, and gives what it gives without a cache."""
    text, statement = CASES[name]
    made = types.ModuleType("patched")
    exec(text, vars(made))
    recorder = Recorder()
    engine = SeqEngine(MemoryCache(), [recorder])
    pipeline = Pipeline([Node(made.f, "y")])
    first = pipeline.run({"x": 1}, engine=engine)
    exec(statement, vars(made))
    second = [pipeline.run({"x": 1}, engine=engine) for _ in range(2)]
    assert second == [pipeline.run({"x": 1})] * 2
    assert (second[0] == first, recorder.executed) == (False, ["f", "f"])


def test_what_pickle_notes_in_a_class_does_not_count() -> None:
    """A class whose instances were pickled or copied is the class that it was."""
    scope: dict[str, Any] = {"__name__": "patched"}
    exec("class A: pass\ndef f(x): return bool(A)", scope)
    before = code_fingerprint(scope["f"])
    copy.copy(scope["A"]())
    assert "__slotnames__" in vars(scope["A"])
    assert code_fingerprint(scope["f"]) == before


def test_what_the_code_itself_puts_there_does_not_count() -> None:
    """A class that is given an attribute by the function, at its first call, is the same one."""
    scope: dict[str, Any] = {"__name__": "patched"}
    exec("class A: pass\ndef f(x):\n    A.last = x\n    return x", scope)
    recorder = Recorder()
    pipeline = Pipeline([Node(scope["f"], "y")], engine=SeqEngine(MemoryCache(), [recorder]))
    for _ in range(3):
        pipeline.run({"x": 1})
    assert recorder.executed == ["f"]
