"""Edits of classes, decorators and libraries after which a node must run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

#: Per case a project, what is replaced in it, and by what.
CASES = {
    "called method": (
        "class A:\n    def h(self, x): return x + 1\n@node\ndef f(x): return A().h(x)",
        "x + 1",
        "x + 2",
    ),
    "method that a method calls": (
        "class A:\n    def k(self, x): return x + 1\n    def h(self, x): return self.k(x)\n"
        "@node\ndef f(x): return A().h(x)",
        "x + 1",
        "x + 2",
    ),
    "helper of a method": (
        "from a import k\nclass A:\n    def h(self, x): return k(x)\n"
        "@node\ndef f(x): return A().h(x)\n# a.py\ndef k(x): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "method of a captured object": (
        "from a import a\n@node\ndef f(x): return a.h(x)\n# a.py\n"
        "class A:\n    def h(self, x): return x + 1\na = A()",
        "x + 1",
        "x + 2",
    ),
    "method of an object in a list": (
        "class A:\n    def h(self, x): return x + 1\ntable = [A()]\n"
        "@node\ndef f(x): return table[0].h(x)",
        "x + 1",
        "x + 2",
    ),
    "method of a base class": (
        "from a import A\nclass B(A): pass\n@node\ndef f(x): return B().h(x)\n# a.py\n"
        "class A:\n    def h(self, x): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "method reached by super": (
        "class A:\n    def h(self, x): return x + 1\n"
        "class B(A):\n    def h(self, x): return super().h(x)\n@node\ndef f(x): return B().h(x)",
        "x + 1",
        "x + 2",
    ),
    "order of the base classes": (
        "class A:\n    n = 1\nclass B:\n    n = 2\nclass C(A, B): pass\n"
        "@node\ndef f(x): return C.n",
        "(A, B)",
        "(B, A)",
    ),
    "class attribute": (
        "class A:\n    n = 1\n@node\ndef f(x): return x + A.n",
        "n = 1",
        "n = 2",
    ),
    "class attribute set later": (
        "class A: pass\nA.n = 1\n@node\ndef f(x): return x + A.n",
        "n = 1",
        "n = 2",
    ),
    "class attribute by a constant": (
        "N = 1\nclass A:\n    n = [N]\n@node\ndef f(x): return x + A.n[0]",
        "N = 1",
        "N = 2",
    ),
    "property": (
        "class A:\n    @property\n    def n(self): return 1\n@node\ndef f(x): return x + A().n",
        "return 1",
        "return 2",
    ),
    "cached property": (
        "from functools import cached_property\nclass A:\n    @cached_property\n"
        "    def n(self): return 1\n@node\ndef f(x): return x + A().n",
        "return 1",
        "return 2",
    ),
    "class method": (
        "class A:\n    @classmethod\n    def h(cls): return 1\n@node\ndef f(x): return x + A.h()",
        "return 1",
        "return 2",
    ),
    "static method": (
        "class A:\n    @staticmethod\n    def h(): return 1\n@node\ndef f(x): return x + A.h()",
        "return 1",
        "return 2",
    ),
    "special method": (
        "class A:\n    def __len__(self): return 1\n@node\ndef f(x): return x + len(A())",
        "return 1",
        "return 2",
    ),
    "metaclass": (
        "class M(type):\n    def h(cls): return 1\nclass A(metaclass=M): pass\n"
        "@node\ndef f(x): return x + A.h()",
        "return 1",
        "return 2",
    ),
    "descriptor": (
        "class D:\n    def __get__(self, one, cls): return 1\nclass A:\n    n = D()\n"
        "@node\ndef f(x): return x + A.n",
        "return 1",
        "return 2",
    ),
    "nested class": (
        "class A:\n    class B:\n        n = 1\n@node\ndef f(x): return x + A.B.n",
        "n = 1",
        "n = 2",
    ),
    "class made in a function": (
        "def make(n):\n    class A:\n        def h(self): return n\n    return A\nA = make(1)\n"
        "@node\ndef f(x): return x + A().h()",
        "make(1)",
        "make(2)",
    ),
    "class decorator": (
        "def mark(cls):\n    cls.h = lambda self: 1\n    return cls\n@mark\nclass A: pass\n"
        "@node\ndef f(x): return x + A().h()",
        "self: 1",
        "self: 2",
    ),
    "field default of a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int = 1\n"
        "@node\ndef f(x): return x + A().n",
        "int = 1",
        "int = 2",
    ),
    "default factory of a dataclass": (
        "from dataclasses import dataclass, field\n@dataclass\nclass A:\n"
        "    n: list = field(default_factory=lambda: [1])\n@node\ndef f(x): return A().n",
        "[1]",
        "[2]",
    ),
    "order of a dataclass": (
        "from dataclasses import dataclass\n@dataclass(eq=True)\nclass A:\n    n: int = 1\n"
        "@node\ndef f(x): return A() == A()",
        "eq=True",
        "eq=False",
    ),
    "order of fields": (
        "from dataclasses import dataclass, astuple\n@dataclass\nclass A:\n"
        "    m: int = 1\n    n: int = 1\n@node\ndef f(x): return repr(A())",
        "m: int = 1\n    n: int = 1",
        "n: int = 1\n    m: int = 1",
    ),
    "post-init of a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int = 0\n"
        "    def __post_init__(self): self.n += 1\n@node\ndef f(x): return A().n",
        "+= 1",
        "+= 2",
    ),
    "field default of attrs": (
        "import attrs\n@attrs.define\nclass A:\n    n: int = 1\n@node\ndef f(x): return A().n",
        "int = 1",
        "int = 2",
    ),
    "converter of attrs": (
        "import attrs\n@attrs.define\nclass A:\n"
        "    n: int = attrs.field(default=0, converter=lambda n: n + 1)\n"
        "@node\ndef f(x): return A().n",
        "n + 1",
        "n + 2",
    ),
    "default of a named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n    n: int = 1\n"
        "@node\ndef f(x): return A().n",
        "int = 1",
        "int = 2",
    ),
    "method of a named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n    n: int = 1\n"
        "    def h(self): return self.n + 1\n@node\ndef f(x): return A().h()",
        "self.n + 1",
        "self.n + 2",
    ),
    "field of a named tuple": (
        "from collections import namedtuple\nA = namedtuple('A', ['m', 'n'])\n"
        "@node\ndef f(x): return A(1, 2).n",
        "['m', 'n']",
        "['n', 'm']",
    ),
    "value of an enum member": (
        "import enum\nclass A(enum.Enum):\n    B = 1\n@node\ndef f(x): return A.B.value",
        "B = 1",
        "B = 2",
    ),
    "order of enum members": (
        "import enum\nclass A(enum.Enum):\n    B = 1\n    C = 2\n@node\ndef f(x): return str([*A])",
        "B = 1\n    C = 2",
        "C = 2\n    B = 1",
    ),
    "method of an enum": (
        "import enum\nclass A(enum.Enum):\n    B = 1\n    def h(self): return 1\n"
        "@node\ndef f(x): return A.B.h()",
        "return 1",
        "return 2",
    ),
    "enum member as an input": (
        "import enum\nclass A(enum.Enum):\n    B = 1\n    def h(self): return 1\n"
        "@node\ndef f(x): return x.h()\ninputs = {'x': A.B}",
        "return 1",
        "return 2",
    ),
    "boundary of a flag": (
        "import enum\nclass A(enum.Flag, boundary=enum.STRICT):\n    B = 1\n"
        "@node\ndef f(x):\n    try:\n        return str(A(8).value)\n"
        "    except ValueError:\n        return 'no'",
        "STRICT",
        "KEEP",
    ),
    "class of __cache_key__": (
        "class A:\n    def __cache_key__(self): return 'a'\n"
        "@node\ndef f(g): return type(g).__name__\ninputs = {'g': A()}",
        "A",
        "B",
    ),
    "code of a class with __cache_key__": (
        "class A:\n    def __cache_key__(self): return 'a'\n    def h(self): return 1\n"
        "@node\ndef f(g): return g.h()\ninputs = {'g': A()}",
        "return 1",
        "return 2",
    ),
    "class of a callable object": (
        "class A:\n    __name__ = 'a'\n    def __init__(self, n): self.n = n\n"
        "    def __call__(self, x): return x + self.n\nf = node(A(1), output_name='y')",
        "x + self.n",
        "x - self.n",
    ),
    "state of a callable object": (
        "class A:\n    __name__ = 'a'\n    def __init__(self, n): self.n = n\n"
        "    def __call__(self, x): return x + self.n\nf = node(A(1), output_name='y')",
        "A(1)",
        "A(2)",
    ),
    "object of a bound method": (
        "class A:\n    def __init__(self, n): self.n = n\n    def h(self, x): return x + self.n\n"
        "f = node(A(1).h)",
        "A(1)",
        "A(2)",
    ),
    "other method of the object": (
        "class A:\n    def k(self): return 1\n    def h(self, x): return x + self.k()\n"
        "f = node(A().h)",
        "return 1",
        "return 2",
    ),
    "function of a method by name": (
        "class A:\n    def h(self, x): return x + 1\nh = A.h\n@node\ndef f(x): return h(None, x)",
        "x + 1",
        "x + 2",
    ),
}


@pytest.fixture(scope="module")
def played(play_edits: Callable[..., Any]) -> Any:
    """Run every project, its edited version, and itself again."""
    return play_edits("classes", CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_edit_runs_the_node_again(played: tuple[dict[str, Any], ...], name: str) -> None:
    """After the edit the node runs, says why, and gives what it gives without a cache."""
    old, new, _ = (each[name] for each in played)
    assert (new.executed, new.result, new.said) == (old.executed, new.plain, [])
    assert new.names_a_cause


@pytest.mark.parametrize("name", CASES)
def test_undoing_the_edit_hits(played: tuple[dict[str, Any], ...], name: str) -> None:
    """The text as it was, in another folder and another process, hits."""
    old, _, copy = (each[name] for each in played)
    assert (copy.executed, copy.result, copy.said) == ([], old.result, [])
