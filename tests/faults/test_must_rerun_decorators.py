"""Edits of decorators and changes of libraries after which a node must run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

#: Per case a project, what is replaced in it, and by what.
CASES = {
    "body of a decorator": (
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x) + 1\n"
        "    return w\n@node\n@d\ndef f(x): return x",
        "g(x) + 1",
        "g(x) + 2",
    ),
    "what is decorated": (
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x)\n"
        "    return w\n@node\n@d\ndef f(x): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "what a decorator closes over": (
        "import functools\ndef d(n):\n    def d(g):\n        @functools.wraps(g)\n"
        "        def w(x): return g(x) + n\n        return w\n    return d\n"
        "@node\n@d(1)\ndef f(x): return x",
        "@d(1)",
        "@d(2)",
    ),
    "helper of a decorator": (
        "from a import d\n@node\n@d\ndef f(x): return x\n# a.py\nimport functools\n"
        "def h(x): return x + 1\ndef d(g):\n    @functools.wraps(g)\n"
        "    def w(x): return h(g(x))\n    return w",
        "x + 1",
        "x + 2",
    ),
    "decorated helper": (
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x)\n"
        "    return w\n@d\ndef h(x): return x + 1\n@node\ndef f(x): return h(x)",
        "x + 1",
        "x + 2",
    ),
    "object that decorates": (
        "class D:\n    def __init__(self, g): self.g = g\n"
        "    def __call__(self, x): return self.g(x) + 1\n@D\ndef h(x): return x\n"
        "@node\ndef f(x): return h(x)",
        "self.g(x) + 1",
        "self.g(x) + 2",
    ),
    "cached helper": (
        "import functools\n@functools.lru_cache\ndef h(x): return x + 1\n"
        "@node\ndef f(x): return h(x)",
        "x + 1",
        "x + 2",
    ),
    "context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef h(): yield 1\n"
        "@node\ndef f(x):\n    with h() as n: return x + n",
        "yield 1",
        "yield 2",
    ),
    "generic function": (
        "import functools\n@functools.singledispatch\ndef h(x): return 0\n"
        "@h.register\ndef _(x: int): return x + 1\n@node\ndef f(x): return h(x)",
        "x + 1",
        "x + 2",
    ),
    "generic method": (
        "import functools\nclass A:\n    @functools.singledispatchmethod\n"
        "    def h(self, x): return 0\n    @h.register\n    def _(self, x: int): return x + 1\n"
        "@node\ndef f(x): return A().h(x)",
        "x + 1",
        "x + 2",
    ),
    "partial method": (
        "import functools\nclass A:\n    def k(self, n, x): return x + n\n"
        "    h = functools.partialmethod(k, 1)\n@node\ndef f(x): return A().h(x)",
        "(k, 1)",
        "(k, 2)",
    ),
    "decorated by a library": (
        "from lib0 import d\n@d\ndef h(x): return x + 1\n@node\ndef f(x): return h(x)\n"
        "# site-packages/lib0.py\nimport functools\ndef d(g):\n    @functools.wraps(g)\n"
        "    def w(x): return g(x)\n    return w",
        "x + 1",
        "x + 2",
    ),
    "which function of a library decorates": (
        "from lib0 import d\n@d\ndef h(x): return x + 1\n@node\ndef f(x): return h(x)\n"
        "# site-packages/lib0.py\nimport functools\ndef d(g):\n    @functools.wraps(g)\n"
        "    def w(x): return g(x)\n    return w\ndef e(g):\n    @functools.wraps(g)\n"
        "    def w(x): return -g(x)\n    return w",
        "import d\n",
        "import e as d\n",
    ),
    "version of a library": (
        "import lib1\n@node\ndef f(x): return lib1.h(x)\n"
        "# site-packages/lib1.py\ndef h(x): return x\n"
        "# site-packages/lib1-1.dist-info/METADATA\nName: lib1\nVersion: 1.0\n",
        "1.0",
        "1.1",
    ),
    "version of a library of another name": (
        "import lib2\n@node\ndef f(x): return lib2.h(x)\n"
        "# site-packages/lib2/__init__.py\ndef h(x): return x\n"
        "# site-packages/dist2-1.dist-info/RECORD\nlib2/__init__.py,,\n"
        "# site-packages/dist2-1.dist-info/METADATA\nName: dist2\nVersion: 1.0\n",
        "1.0",
        "1.1",
    ),
    "version of a library that a helper uses": (
        "from a import h\n@node\ndef f(x): return h(x)\n# a.py\nfrom lib3 import k\n"
        "def h(x): return k(x)\n# site-packages/lib3.py\ndef k(x): return x\n"
        "# site-packages/lib3-1.dist-info/METADATA\nName: lib3\nVersion: 1.0\n",
        "1.0",
        "1.1",
    ),
    "version of a library that the body imports": (
        "\n@node\ndef f(x):\n    import lib4\n    return lib4.h(x)\n"
        "# site-packages/lib4.py\ndef h(x): return x\n"
        "# site-packages/dist4-1.dist-info/RECORD\nlib4.py,,\n"
        "# site-packages/dist4-1.dist-info/METADATA\nName: dist4\nVersion: 1.0\n",
        "1.0",
        "1.1",
    ),
    "version of a library whose class is a base": (
        "from lib5 import A\nclass B(A): pass\n@node\ndef f(x): return B().h(x)\n"
        "# site-packages/lib5.py\nclass A:\n    def h(self, x): return x\n"
        "# site-packages/lib5-1.dist-info/METADATA\nName: lib5\nVersion: 1.0\n",
        "1.0",
        "1.1",
    ),
    "version of a library whose object is captured": (
        "from lib6 import A\na = [A()]\n@node\ndef f(x): return a[0].h(x)\n"
        "# site-packages/lib6.py\nclass A:\n    def h(self, x): return x\n"
        "# site-packages/lib6-1.dist-info/METADATA\nName: lib6\nVersion: 1.0\n",
        "1.0",
        "1.1",
    ),
    "version of a library that decorates": (
        "from lib7 import d\n@d\ndef h(x): return x + 1\n@node\ndef f(x): return h(x)\n"
        "# site-packages/lib7.py\nimport functools\ndef d(g):\n    @functools.wraps(g)\n"
        "    def w(x): return g(x)\n    return w\n"
        "# site-packages/lib7-1.dist-info/METADATA\nName: lib7\nVersion: 1.0\n",
        "Version: 1.0",
        "Version: 1.1",
    ),
    "version of a part of a namespace": (
        "from space.lib8 import h\nimport space.lib8\n@node\ndef f(x): return space.lib8.h(x)\n"
        "# site-packages/space/lib8/__init__.py\ndef h(x): return x\n"
        "# site-packages/dist8-1.dist-info/RECORD\nspace/lib8/__init__.py,,\n"
        "# site-packages/dist8-1.dist-info/METADATA\nName: dist8\nVersion: 1.0\n"
        "# site-packages/dist9-1.dist-info/RECORD\nspace/lib9/__init__.py,,\n"
        "# site-packages/dist9-1.dist-info/METADATA\nName: dist9\nVersion: 3.0\n",
        "1.0",
        "1.1",
    ),
    "which library a name means": (
        "import lib10 as m\n@node\ndef f(x): return m.h(x)\n"
        "# site-packages/lib10.py\ndef h(x): return x\n"
        "# site-packages/lib11.py\ndef h(x): return -x\n",
        "import lib10",
        "import lib11",
    ),
    "which module of a library a name means": (
        "import lib12.a as m\n@node\ndef f(x): return m.h(x)\n"
        "# site-packages/lib12/__init__.py\n# site-packages/lib12/a.py\ndef h(x): return x\n"
        "# site-packages/lib12/b.py\ndef h(x): return -x\n",
        "lib12.a as",
        "lib12.b as",
    ),
}


@pytest.fixture(scope="module")
def played(play_edits: Callable[..., Any]) -> Any:
    """Run every project, its edited version, and itself again."""
    return play_edits("decorators", CASES)


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
