"""Edits of constants, captured values and inputs after which a node must run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

#: Per case a project, what is replaced in it, and by what.
CASES = {
    "constant": ("N = 1\n@node\ndef f(x): return x + N", "N = 1", "N = 2"),
    "int to bool": ("N = 1\n@node\ndef f(x): return repr(N)", "N = 1", "N = True"),
    "int to float": ("N = 1\n@node\ndef f(x): return repr(N)", "N = 1", "N = 1.0"),
    "int to text": ("N = 1\n@node\ndef f(x): return repr(N)", "N = 1", "N = '1'"),
    "text to bytes": ("N = 'a'\n@node\ndef f(x): return repr(N)", "'a'", "b'a'"),
    "list to tuple": ("N = [1, 2]\n@node\ndef f(x): return repr(N)", "[1, 2]", "(1, 2)"),
    "set to frozenset": ("N = {1}\n@node\ndef f(x): return repr(N)", "{1}", "frozenset({1})"),
    "zero to minus zero": ("N = 0.0\n@node\ndef f(x): return repr(N)", "0.0", "-0.0"),
    "None to missing": ("N = None\n@node\ndef f(x): return 'N' in dir() or N", "None", "0"),
    "order of a dict": (
        "N = {'a': 1, 'b': 2}\n@node\ndef f(x): return list(N)",
        "{'a': 1, 'b': 2}",
        "{'b': 2, 'a': 1}",
    ),
    "inside a nested constant": (
        "N = {'a': [(1, {'b': 2})]}\n@node\ndef f(x): return repr(N)",
        "'b': 2",
        "'b': 3",
    ),
    "constant of another module": (
        "from a import N\n@node\ndef f(x): return x + N\n# a.py\nN = 1",
        "N = 1",
        "N = 2",
    ),
    "constant two modules away": (
        "import a\n@node\ndef f(x): return x + a.b.c.N\n# a.py\nimport b\n# b.py\nimport c\n"
        "# c.py\nN = 1",
        "N = 1",
        "N = 2",
    ),
    "constant of a helper in another module": (
        "from a import h\n@node\ndef f(x): return h(x)\n# a.py\nfrom b import N\n"
        "def h(x): return x + N\n# b.py\nN = 1",
        "N = 1",
        "N = 2",
    ),
    "attribute of a module": (
        "import a\n@node\ndef f(x): return x + a.N\n# a.py\nN = 1",
        "N = 1",
        "N = 2",
    ),
    "constant that a constant is made of": (
        "from a import M\n@node\ndef f(x): return x + M\n# a.py\nfrom b import N\nM = N * 2\n"
        "# b.py\nN = 1",
        "N = 1",
        "N = 2",
    ),
    "default": ("\n@node\ndef f(x, y=1): return x + y", "y=1", "y=2"),
    "default by a constant": ("N = 1\n@node\ndef f(x, y=N): return x + y", "N = 1", "N = 2"),
    "keyword default": ("\n@node\ndef f(x, *, y=1): return x + y", "y=1", "y=2"),
    "default of a helper": (
        "def h(x, y=1): return x + y\n@node\ndef f(x): return h(x)",
        "y=1",
        "y=2",
    ),
    "keyword default of a helper": (
        "def h(x, *, y=1): return x + y\n@node\ndef f(x): return h(x)",
        "y=1",
        "y=2",
    ),
    "function as a default": (
        "def h(x): return x + 1\n@node\ndef f(x, g=h): return g(x)",
        "x + 1",
        "x + 2",
    ),
    "cell": (
        "def make(n):\n    def f(x): return x + n\n    return f\nf = node(make(1))",
        "make(1)",
        "make(2)",
    ),
    "cell of a cell": (
        "def make(n):\n    def h(): return n\n    def f(x): return x + h()\n    return f\n"
        "f = node(make(1))",
        "make(1)",
        "make(2)",
    ),
    "partial by position": (
        "from functools import partial\ndef h(n, x): return x + n\n"
        "f = node(partial(h, 1), output_name='y')",
        "(h, 1)",
        "(h, 2)",
    ),
    "partial by name": (
        "from functools import partial\ndef h(x, n): return x + n\n"
        "f = node(partial(h, n=1), output_name='y')",
        "n=1",
        "n=2",
    ),
    "function of a partial": (
        "from functools import partial\ndef h(x, n): return x + n\n"
        "f = node(partial(h, n=1), output_name='y')",
        "x + n",
        "x - n",
    ),
    "partial as a helper": (
        "from functools import partial\ndef h(x, n): return x + n\ng = partial(h, n=1)\n"
        "@node\ndef f(x): return g(x)",
        "x + n",
        "x - n",
    ),
    "function as an input": (
        "def h(x): return x + 1\n@node\ndef f(g): return g(1)\ninputs = {'g': h}",
        "x + 1",
        "x + 2",
    ),
    "helper of a function as an input": (
        "from a import h\n@node\ndef f(g): return g(1)\ninputs = {'g': [lambda x: h(x)][0]}\n"
        "# a.py\ndef h(x): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "constant of a function as an input": (
        "N = 1\n@node\ndef f(g): return g(1)\ninputs = {'g': lambda x: x + N}",
        "N = 1",
        "N = 2",
    ),
    "function in a list as an input": (
        "def h(x): return x + 1\n@node\ndef f(g): return g[0]['a'](1)\ninputs = {'g': [{'a': h}]}",
        "x + 1",
        "x + 2",
    ),
    "partial as an input": (
        "from functools import partial\ndef h(x, n): return x + n\n@node\ndef f(g): return g(1)\n"
        "inputs = {'g': partial(h, n=1)}",
        "x + n",
        "x - n",
    ),
    "bound method as an input": (
        "class A:\n    def h(self, x): return x + 1\n@node\ndef f(g): return g(1)\n"
        "inputs = {'g': A().h}",
        "x + 1",
        "x + 2",
    ),
    "class as an input": (
        "class A:\n    def h(self, x): return x + 1\n@node\ndef f(g): return g().h(1)\n"
        "inputs = {'g': A}",
        "x + 1",
        "x + 2",
    ),
    "method of an input": (
        "from a import A\n@node\ndef f(g): return g.h(1)\ninputs = {'g': A()}\n"
        "# a.py\nclass A:\n    def h(self, x): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "helper of a method of an input": (
        "from a import A\n@node\ndef f(g): return g[0].h(1)\ninputs = {'g': [A()]}\n"
        "# a.py\ndef k(x): return x + 1\nclass A:\n    def h(self, x): return k(x)",
        "x + 1",
        "x + 2",
    ),
    "node as an input": (
        "@node\ndef h(x): return x + 1\n@node\ndef f(g): return g(1)\n"
        "inputs = {'g': h}\nnodes = [f]",
        "x + 1",
        "x + 2",
    ),
    "function in a dict": (
        "table = {'h': lambda x: x + 1}\n@node\ndef f(x): return table['h'](x)",
        "x + 1",
        "x + 2",
    ),
    "helper of a function in a list": (
        "def h(x): return x + 1\ntable = [lambda x: h(x)]\n@node\ndef f(x): return table[0](x)",
        "x + 1",
        "x + 2",
    ),
    "two lambdas on one line swapped": (
        "table = [lambda x: x + 1, lambda x: x - 1]\n@node\ndef f(x): return table[0](x)",
        "lambda x: x + 1, lambda x: x - 1",
        "lambda x: x - 1, lambda x: x + 1",
    ),
    "function registered by a decorator": (
        "table = {}\ndef keep(g):\n    table[g.__name__] = g\n    return g\n"
        "@keep\ndef h(x): return x + 1\n@node\ndef f(x): return table['h'](x)",
        "x + 1",
        "x + 2",
    ),
    "constant in a nested function": (
        "N = 1\n@node\ndef f(x):\n    def g():\n        return lambda: N\n    return x + g()()",
        "N = 1",
        "N = 2",
    ),
    "constant in a comprehension": (
        "N = 1\n@node\ndef f(x): return [v + N for v in range(x)]",
        "N = 1",
        "N = 2",
    ),
    "attribute of a function": (
        "def h(x): return x + h.n\nh.n = 1\n@node\ndef f(x): return h(x)",
        "h.n = 1",
        "h.n = 2",
    ),
    "state of a captured object": (
        "class A:\n    def __init__(self, n): self.n = n\na = A(1)\n"
        "@node\ndef f(x): return x + a.n",
        "A(1)",
        "A(2)",
    ),
    "private state of a captured object": (
        "from types import SimpleNamespace as S\na = S(_n=S(m=[1]))\n"
        "@node\ndef f(x): return x + a._n.m[0]",
        "m=[1]",
        "m=[2]",
    ),
    "captured array": (
        "import array\nA = array.array('i', [1, 2])\n@node\ndef f(x): return A.typecode",
        "'i'",
        "'q'",
    ),
    "regular expression": (
        "import re\nP = re.compile('a')\n@node\ndef f(x): return bool(P.match('A'))",
        "'a')",
        "'a', re.IGNORECASE)",
    ),
    "depends_on": (
        "import a\n@node(depends_on=[a])\ndef f(x): return x\n# a.py\nN = 1",
        "N = 1",
        "N = 2",
    ),
    "helper in depends_on": (
        "import a\n@node(depends_on=[a.h])\ndef f(x): return x\n# a.py\n"
        "def k(x): return x + 1\ndef h(x): return k(x)",
        "x + 1",
        "x + 2",
    ),
    "tracked name": (
        "N = [1]\n@node(track=['N'])\ndef f(x): return x + N[0]",
        "[1]",
        "[2]",
    ),
    "version": (
        "\n@node(version=1)\ndef f(x): return x + 1",
        "(version=1)\ndef f(x): return x + 1",
        "(version=2)\ndef f(x): return x + 2",
    ),
}


@pytest.fixture(scope="module")
def played(play_edits: Callable[..., Any]) -> Any:
    """Run every project, its edited version, and itself again."""
    return play_edits("values", CASES)


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
