"""Edits after which nothing, or only what they concern, runs again, between processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = """from a import h
N = 1
@node
def f(x):
    total = h(x) + N
    return [total * v for v in range(3)]
# a.py
def k(x):
    return x + 1
def h(x):
    return k(x) * 2
def unused(x):
    return x
"""

#: Per case a project, what is replaced in it, by what, and which nodes run again.
CASES = {
    "comment": (BASE, "N = 1\n", "N = 1  # one\n"),
    "comment in the body": (BASE, "+ N\n", "+ N  # plus\n    # then\n"),
    "blank lines": (BASE, "+ N\n", "+ N\n\n\n"),
    "lines above": (BASE, "N = 1", "import os\n\n\nM = 2\nN = 1"),
    "lines above a helper": (BASE, "def k", "import os\n\n\nM = 2\ndef k"),
    "docstring": (BASE, "(x):\n", '(x):\n    "Say it."\n'),
    "docstring of a module": (BASE, "# a.py\n", '# a.py\n"""Say it."""\n'),
    "spaces and brackets": (BASE, "h(x) + N", "( h( x )+N )"),
    "line breaks": (
        BASE,
        "h(x) + N",
        "(\n        h(\n            x,\n        )\n        + N\n    )",
    ),
    "how a constant is written": (BASE, "N = 1", "N = 3 - 2"),
    "moved within the file": (
        BASE,
        "def k(x):\n    return x + 1\ndef h(x):\n    return k(x) * 2\n",
        "def h(x):\n    return k(x) * 2\ndef k(x):\n    return x + 1\n",
    ),
    "order of constants": (BASE, "N = 1\n@node", "M = [9]\nN = 1\n@node"),
    "unused helper edited": (BASE, "return x\n", "return x + 9\n"),
    "unused helper renamed": (BASE, "def unused", "def not_used"),
    "unused helper deleted": (BASE, "def unused(x):\n    return x\n", ""),
    "unused import": (BASE, "from a import h", "import sys\nfrom a import h, unused"),
    "renamed output": (BASE, "@node", "@node(output_name='other')"),
    "type of another module's constant": (BASE, "# a.py", "# a.py\nN = '1'"),
    "another node edited": (
        "@node\ndef f(x): return x\n@node\ndef g(x): return x + 1",
        "x + 1",
        "x + 2",
        ["g"],
    ),
    "node added": (
        "@node\ndef f(x): return x\n",
        "return x\n",
        "return x\n@node\ndef g(f): return f\n",
        ["g"],
    ),
    "same result upstream": (
        "@node\ndef f(x): return x + 2\n@node\ndef g(f): return f * 2",
        "x + 2",
        "2 + x",
        ["f"],
    ),
    "same result of a helper upstream": (
        "def h(x): return {'a': [x]}\n@node\ndef f(x): return h(x)\n@node\ndef g(f): return f['a']",
        "return {'a': [x]}",
        "return dict(a=[x])",
        ["f"],
    ),
    "helper of another node": (
        "from a import h, k\n@node\ndef f(x): return h(x)\n@node\ndef g(x): return k(x)\n"
        "# a.py\ndef h(x): return x\ndef k(x): return x + 1",
        "x + 1",
        "x + 2",
        ["g"],
    ),
    "attribute of a module that is not used": (
        "import a\n@node\ndef f(x): return a.h(x)\n# a.py\nN = 1\ndef h(x): return x",
        "N = 1",
        "N = 2",
    ),
    "attribute of a module that is imported in the body": (
        "\n@node\ndef f(x):\n    import a\n    return a.h(x)\n# a.py\nN = 1\ndef h(x): return x",
        "N = 1",
        "N = 2",
    ),
    "name beside one imported in the body": (
        "\n@node\ndef f(x):\n    from a import h\n    return h(x)\n"
        "# a.py\nN = 1\ndef h(x): return x",
        "N = 1",
        "N = 2",
    ),
    "attribute of a function that is not read": (
        "def h(x): return x\nh.n = 1\n@node\ndef f(x): return h(x)",
        "h.n = 1",
        "h.n = 2",
    ),
    "calls that a function counts in an attribute": (
        "def h(x):\n    h.n += 1\n    return x\nh.n = 0\nh(1)\n@node\ndef f(x): return h(x)",
        "h(1)\n",
        "h(1)\nh(1)\n",
    ),
    "annotation that is not read": (
        "T = int\ndef h(x: T): return x\n@node\ndef f(x): return h(x)",
        "T = int",
        "T = str",
    ),
    "docstring of an input's class": (
        "class A: 'one'\n@node\ndef f(g): return 1\ninputs = {'g': A()}",
        "'one'",
        "'two'",
    ),
    "another class": (
        "from a import A\n@node\ndef f(x): return A().n\n# a.py\n"
        "class A:\n    n = 1\nclass B:\n    n = 2",
        "n = 2",
        "n = 3",
    ),
    "docstring and comments of a class": (
        "class A:\n    n = 1\n    def h(self): return self.n\n@node\ndef f(x): return A().h()",
        "    n = 1\n",
        '    "Say it."\n\n    # one\n    n = 1\n',
    ),
    "order of methods": (
        "class A:\n    def h(self): return 1\n    def k(self): return 2\n"
        "@node\ndef f(x): return A().h()",
        "    def h(self): return 1\n    def k(self): return 2\n",
        "    def k(self): return 2\n    def h(self): return 1\n",
    ),
    "version holds": (
        "def h(x): return x + 1\n@node(version=1)\ndef f(x): return h(x)",
        "x + 1",
        "x + 2",
    ),
    "version of a node that is called": (
        "N = 1\n@node(version=1)\ndef f(x, y=2): return x + y + N",
        "+ N",
        "- N",
    ),
    "ignored name": (
        "N = 1\n@node(ignore=['N'])\ndef f(x): return x and N",
        "N = 1",
        "N = 2",
    ),
    "ignored name of a module": (
        "import a\n@node(ignore=['a.N'])\ndef f(x): return x and a.N.real\n# a.py\nN = 1",
        "N = 1",
        "N = 2",
    ),
    "ignored name of a helper": (
        "from a import h\n@node(ignore=['a.N'])\ndef f(x): return h(x)\n"
        "# a.py\nN = 1\ndef h(x): return x and N",
        "N = 1",
        "N = 2",
    ),
    "ignored cell": (
        "def make(n):\n    @node(ignore=['n'])\n    def f(x): return x and n\n    return f\n"
        "f = make(1)",
        "make(1)",
        "make(2)",
    ),
    "version of a library that is not used": (
        "import lib20\n@node\ndef f(x): return x\n"
        "# site-packages/lib20.py\ndef h(x): return x\n"
        "# site-packages/lib20-1.dist-info/METADATA\nName: lib20\nVersion: 1.0\n",
        "1.0",
        "1.1",
    ),
    "text of a library of the same version": (
        "import lib21\n@node\ndef f(x): return lib21.h(x)\n"
        "# site-packages/lib21.py\ndef h(x): return x\n"
        "# site-packages/lib21-1.dist-info/METADATA\nName: lib21\nVersion: 1.0\n",
        "h(x): return x\n",
        "h(x): return +x\n",
    ),
    "lock, logger and pool": (
        "import logging, threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "L, G, P = threading.RLock(), logging.getLogger('a'), ThreadPoolExecutor(1)\n"
        "@node\ndef f(x):\n    with L:\n        G.info('%s', P)\n    return x",
        "ThreadPoolExecutor(1)",
        "ThreadPoolExecutor(2)",
    ),
    "items of a set": (
        "N = {'a', 'b', 'c', 'd'}\n@node\ndef f(x): return x and sorted(N)",
        "'a', 'b', 'c', 'd'",
        "'d', 'c', 'b', 'a'",
    ),
    "instances in a set": (
        "class A:\n    n = 1\nclass B(A):\n    n = 2\nN = {A(), B()}\n"
        "@node\ndef f(x): return x and sorted(each.n for each in N)",
        "{A(), B()}",
        "{B(), A()}",
    ),
}


@pytest.fixture(scope="module")
def played(play_edits: Callable[..., Any]) -> Any:
    """Run every project, its edited version, and itself again."""
    return play_edits("hits", {name: case[:3] for name, case in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_an_edit_runs_nothing_that_it_does_not_concern(
    played: tuple[dict[str, Any], ...], name: str
) -> None:
    """After the edit only those nodes run that it concerns."""
    new, again = ([*CASES[name], []][3], [])
    assert [each[name].executed for each in played[1:]] == [new, again]


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_said_of_code_that_is_understood(
    played: tuple[dict[str, Any], ...], name: str
) -> None:
    """Ordinary code causes no warnings."""
    assert [each[name].said for each in played] == [[], [], []]
