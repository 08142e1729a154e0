"""Edits of what code asks functions, classes and modules for, after which a node must run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DOC = ("'one'", "'two'")
HINT = ("T = int", "T = str")
VERSION = ("Version: 1.0", "Version: 1.1")
LIBRARY = (
    "# site-packages/{0}.py\ndef k(): return __import__('importlib.metadata').metadata"
    ".version('{0}')\nclass A:\n    h = staticmethod(k)\n"
    "# site-packages/{0}-1.dist-info/METADATA\nName: {0}\nVersion: 1.0\n"
)

#: Per case a project, what is replaced in it, and by what.
CASES = {
    "docstring that is read": (
        "def h(x): 'one'\n@node\ndef f(x): return h.__doc__",
        *DOC,
    ),
    "docstring that a helper reads": (
        "def show(g): return g.__doc__\ndef h(x): 'one'\n@node\ndef f(x): return show(h)",
        *DOC,
    ),
    "docstring that the standard library reads": (
        "import inspect\ndef h(x): 'one'\n@node\ndef f(x): return inspect.getdoc(h)",
        *DOC,
    ),
    "docstring of a class": (
        "class A: 'one'\n@node\ndef f(x): return A.__doc__",
        *DOC,
    ),
    "docstring of a function as an input": (
        "def h(x): 'one'\n@node\ndef f(g): return g[0].__doc__\ninputs = {'g': [h]}",
        *DOC,
    ),
    "docstring of a class as an input": (
        "class A: 'one'\n@node\ndef f(g): return g.__doc__\ninputs = {'g': A}",
        *DOC,
    ),
    "annotation that is read": (
        "T = int\ndef h(x: T): pass\n@node\ndef f(x): return str(h.__annotations__)",
        *HINT,
    ),
    "annotation that the standard library reads": (
        "import inspect\nT = int\ndef h(x: T): pass\n"
        "@node\ndef f(x): return str(inspect.signature(h))",
        *HINT,
    ),
    "annotation of a function as an input": (
        "T = int\ndef h(x: T): pass\n@node\ndef f(g): return str(g.__annotations__)\n"
        "inputs = {'g': h}",
        *HINT,
    ),
    "attribute of a function in a variable": (
        "def h(x): pass\nh.n = 1\n@node\ndef f(x):\n    g = h\n    return g.n",
        "h.n = 1",
        "h.n = 2",
    ),
    "attribute of a function in a list": (
        "def h(x): pass\nh.n = 1\nL = [h]\n@node\ndef f(x): return L[0].n",
        "h.n = 1",
        "h.n = 2",
    ),
    "attribute of a function in a cell": (
        "def h(x): pass\nh.n = 1\ndef make(g): return lambda x: g.n\n"
        "f = node(make(h), output_name='y')",
        "h.n = 1",
        "h.n = 2",
    ),
    "attribute of a function as an argument": (
        "def h(x): pass\nh.n = 1\ndef k(g): return g.n\n@node\ndef f(x): return k(h)",
        "h.n = 1",
        "h.n = 2",
    ),
    "attribute of a function as an input": (
        "def h(x): pass\nh.n = 1\n@node\ndef f(g): return g.n\ninputs = {'g': h}",
        "h.n = 1",
        "h.n = 2",
    ),
    "attribute of a method": (
        "class A:\n    def h(self): pass\n    h.n = 1\n@node\ndef f(x): return A.h.n",
        "h.n = 1",
        "h.n = 2",
    ),
    "what is found by unwrapping": (
        "import functools, inspect\ndef d(g): return functools.wraps(g)(lambda x: 0)\n"
        "@d\ndef h(x): return x + 1\n@node\ndef f(x): return inspect.unwrap(h)(x)",
        "x + 1",
        "x + 2",
    ),
    "constant of a class between underscores": (
        "class A:\n    __rate__ = 1\n@node\ndef f(x): return A.__rate__",
        "= 1",
        "= 2",
    ),
    "method of a class set to None": (
        "class A:\n    __iter__ = None\n    def __getitem__(self, n): return 'ab'[n]\n"
        "@node\ndef f(x):\n    try: return list(A())\n    except TypeError: return 0",
        "    __iter__ = None\n",
        "",
    ),
    "argument of a generic base": (
        "from typing import *\nT = TypeVar('T')\nclass A(Generic[T]): pass\nclass B(A[int]): pass\n"
        "@node\ndef f(x): return str(get_args(B.__orig_bases__[0]))",
        "A[int]",
        "A[str]",
    ),
    "totality of a typed dict": (
        "from typing import TypedDict\nclass A(TypedDict, total=True):\n    a: int\n"
        "@node\ndef f(x): return A.__total__",
        "=True",
        "=False",
    ),
    "version of a module in a variable": (
        "import a\n@node\ndef f(x):\n    m = a\n    return m.__version__\n# a.py\n__version__ = 1",
        "= 1",
        "= 2",
    ),
    "module as an input": (
        "import a\n@node\ndef f(g): return g.h(1)\ninputs = {'g': a}\n"
        "# a.py\ndef k(x): return x + 1\ndef h(x): return k(x)",
        "x + 1",
        "x + 2",
    ),
    "structure of bytes": (
        "import struct\nS = struct.Struct('i')\n@node\ndef f(x): return S.size",
        "'i'",
        "'q'",
    ),
    "version of a library that a function as an input uses": (
        "import lib13\ndef h(): return lib13.k()\n@node\ndef f(g): return g()\ninputs = {'g': h}\n"
        + LIBRARY.format("lib13"),
        *VERSION,
    ),
    "version of a library that an input's method uses": (
        "import lib14\nclass A:\n    def h(self): return lib14.k()\n"
        "@node\ndef f(g): return g.h()\ninputs = {'g': A()}\n" + LIBRARY.format("lib14"),
        *VERSION,
    ),
    "version of a library in depends_on": (
        "import lib15\n@node(depends_on=[lib15])\ndef f(g): return g.h()\n"
        "inputs = {'g': lib15.A()}\n" + LIBRARY.format("lib15"),
        *VERSION,
    ),
    "version of a library that is a default": (
        "import lib16\n@node\ndef f(x, m=lib16): return m.k()\n" + LIBRARY.format("lib16"),
        *VERSION,
    ),
    "version of a library in a list": (
        "import lib17\nL = [lib17]\n@node\ndef f(x): return L[0].k()\n" + LIBRARY.format("lib17"),
        *VERSION,
    ),
    "version of a library in a class": (
        "import lib18\nclass A:\n    m = lib18\n@node\ndef f(x): return A.m.k()\n"
        + LIBRARY.format("lib18"),
        *VERSION,
    ),
    "version of a library as an input": (
        "import lib19\n@node\ndef f(g): return g.k()\ninputs = {'g': lib19}\n"
        + LIBRARY.format("lib19"),
        *VERSION,
    ),
    "version of a library whose function is an input": (
        "import lib22\n@node\ndef f(g): return g()\ninputs = {'g': lib22.k}\n"
        + LIBRARY.format("lib22"),
        *VERSION,
    ),
}


@pytest.fixture(scope="module")
def played(play_edits: Callable[..., Any]) -> Any:
    """Run every project, its edited version, and itself again."""
    return play_edits("faces", CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_edit_runs_the_node_again(played: tuple[dict[str, Any], ...], name: str) -> None:
    """After the edit the node runs, says why, and gives what it gives without a cache."""
    old, new, _ = (each[name] for each in played)
    assert (new.executed, new.result, new.said) == (old.executed, new.plain, [])
    assert new.names_a_cause
    assert new.result != old.result


@pytest.mark.parametrize("name", CASES)
def test_undoing_the_edit_hits(played: tuple[dict[str, Any], ...], name: str) -> None:
    """The text as it was, in another folder and another process, hits."""
    old, _, copy = (each[name] for each in played)
    assert (copy.executed, copy.result, copy.said) == ([], old.result, [])
