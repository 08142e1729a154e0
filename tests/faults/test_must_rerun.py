"""Edits of helpers after which a node must run again, each made between two processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ADD = ("x + 1", "x + 2")

#: Per case a project, what is replaced in it, and by what.
HELPERS = {
    "helper": ("def h(x): return x + 1\n@node\ndef f(x): return h(x)", *ADD),
    "helper in another module": (
        "from a import h\n@node\ndef f(x): return h(x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "helper of a helper in another module": (
        "from a import h\n@node\ndef f(x): return h(x)\n# a.py\nimport b\n"
        "def h(x): return b.g(x)\n# b.py\ndef g(x): return x + 1",
        *ADD,
    ),
    "attribute of a module": (
        "import a\n@node\ndef f(x): return a.h(x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "module under another name": (
        "import a.b as m\n@node\ndef f(x): return m.h(x)\n# a/__init__.py\n"
        "# a/b.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "attribute of a module of a package": (
        "import a.b\n@node\ndef f(x): return a.b.h(x)\n# a/__init__.py\n"
        "# a/b.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "name that a package passes on": (
        "import a\n@node\ndef f(x): return a.h(x)\n# a/__init__.py\nfrom a.b import *\n"
        "# a/b.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "name that a module makes when asked": (
        "import a\n@node\ndef f(x): return a.h(x)\n# a.py\ndef __getattr__(name):\n"
        "    import b\n    return getattr(b, name)\n# b.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "which helper a name means": (
        "from a import g as h\n@node\ndef f(x): return h(x)\n"
        "# a.py\ndef g(x): return x + 1\ndef k(x): return x + 2",
        "g as h",
        "k as h",
    ),
    "which standard module a name means": (
        "import math as m\n@node\ndef f(x): return type(m.sqrt(x))",
        "import math",
        "import cmath",
    ),
    "which built-in a name means": (
        "from math import sin as g\n@node\ndef f(x): return g(x)",
        "import sin",
        "import cos",
    ),
    "built-in that a global hides": (
        "\n@node\ndef f(x): return abs(-x)",
        "@node",
        "def abs(x): return x\n@node",
    ),
    "mutual recursion": (
        "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n > 0 and even(n - 1)\n"
        "@node\ndef f(x): return even(x)",
        "n > 0",
        "n > -9",
    ),
    "table that leads back": (
        "table = {}\ndef h(x): return table['g'](x) if x < -99 else x\ntable['h'] = h\n"
        "def g(x): return table['h'](x - 9)\ntable['g'] = g\n@node\ndef f(x): return g(x)",
        "x - 9",
        "x - 8",
    ),
    "import in the body": (
        "\n@node\ndef f(x):\n    import a\n    return a.h(x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "name imported in the body": (
        "\n@node\ndef f(x):\n    from a import h\n    return h(x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "renamed import in the body": (
        "\n@node\ndef f(x):\n    from a import h as g\n    return g(x)\n"
        "# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "relative import in the body": (
        "from p.m import f\n# p/__init__.py\n# p/m.py\nfrom hypernodes import node\n@node\n"
        "def f(x):\n    from .a import h\n    return h(x)\n# p/a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "module imported relatively in the body": (
        "from p.m import f\n# p/__init__.py\n# p/m.py\nfrom hypernodes import node\n@node\n"
        "def f(x):\n    from . import a\n    return a.h(x)\n# p/a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "dotted import in the body": (
        "\n@node\ndef f(x):\n    import p.a\n    return p.a.h(x)\n# p/__init__.py\n"
        "# p/a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "package around a dotted import": (
        "\n@node\ndef f(x):\n    import p.a\n    return p.h(x)\n# p/__init__.py\n"
        "def h(x): return x + 1\n# p/a.py\n",
        *ADD,
    ),
    "module of an imported package": (
        "import p.a\n@node\ndef f(x):\n    import p\n    return p.a.h(x)\n# p/__init__.py\n"
        "# p/a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "import in a nested function": (
        "\n@node\ndef f(x):\n    def g():\n        import a\n        return a.h(x)\n"
        "    return g()\n"
        "# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "module in a variable": (
        "import a\n@node\ndef f(x):\n    m = a\n    return m.h(x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "package in a variable": (
        "import p.a\n@node\ndef f(x):\n    m = p\n    return m.a.h(x)\n# p/__init__.py\n"
        "# p/a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "module as an argument": (
        "import a\ndef g(m, x): return m.h(x)\n@node\ndef f(x): return g(a, x)\n"
        "# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "imported module as an argument": (
        "def g(m, x): return m.h(x)\n@node\ndef f(x):\n    import a\n    return g(a, x)\n"
        "# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "module as a default": (
        "import a\n@node\ndef f(x, m=a): return m.h(x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "module in a list": (
        "import a\nmodules = [a]\n@node\ndef f(x): return modules[0].h(x)\n"
        "# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "module in a cell": (
        "import a\ndef make(m): return lambda x: m.h(x)\nf = node(make(a), output_name='y')\n"
        "# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "getattr with a written name": (
        "import a\n@node\ndef f(x): return getattr(a, 'h')(x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "vars with a written name": (
        "import a\n@node\ndef f(x): return vars(a)['h'](x)\n# a.py\ndef h(x): return x + 1",
        *ADD,
    ),
    "helper of a nested function": (
        "def h(x): return x + 1\n@node\ndef f(x):\n    def g(): return (lambda: h(x))()\n"
        "    return g()",
        *ADD,
    ),
    "helper of a comprehension": (
        "def h(x): return x + 1\n@node\ndef f(x): return [h(v) for v in range(x)]",
        *ADD,
    ),
    "helper of a generator": (
        "def h(x):\n    yield x + 1\n@node\ndef f(x): return sum(v for v in h(x))",
        *ADD,
    ),
    "helper of a class in the body": (
        "def h(x): return x + 1\n@node\ndef f(x):\n    class A:\n        y = h(x)\n    return A.y",
        *ADD,
    ),
    "coroutine": (
        "async def h(x): return x + 1\n@node\nasync def f(x): return await h(x)",
        *ADD,
    ),
    "node that is called": (
        "@node(output_name='h')\ndef h(x): return x + 1\n@node\ndef f(x): return h(x)\nnodes = [f]",
        *ADD,
    ),
    "pipeline that is run": (
        "from hypernodes import Pipeline\ndef h(x): return x + 1\n"
        "inner = Pipeline(nodes=[node(h, output_name='h')])\n"
        "@node\ndef f(x): return inner.run({'x': x})\nnodes = [f]",
        *ADD,
    ),
    "nested pipeline": (
        "from hypernodes import Pipeline\ndef h(x): return x + 1\n@node\ndef f(x): return h(x)\n"
        "nodes = [Pipeline(nodes=[f], name='inner')]",
        *ADD,
    ),
    "behind three hundred names": (
        "from a import *\n@node\ndef f(x):\n    "
        + "; ".join(f"v{n}" for n in range(300))
        + "\n    import b\n    return b.h(x)\n# a.py\n"
        + "\n".join(f"v{n} = 0" for n in range(300))
        + "\n# b.py\ndef h(x): return x + 1",
        *ADD,
    ),
}


@pytest.fixture(scope="module")
def played(play_edits: Callable[..., Any]) -> Any:
    """Run every project, its edited version, and itself again."""
    return play_edits("helpers", HELPERS)


@pytest.mark.parametrize("name", HELPERS)
def test_an_edit_runs_the_node_again(played: tuple[dict[str, Any], ...], name: str) -> None:
    """After the edit the node runs, says why, and gives what it gives without a cache."""
    old, new, _ = (each[name] for each in played)
    assert (new.executed, new.result, new.said) == (old.executed, new.plain, [])
    assert new.names_a_cause


@pytest.mark.parametrize("name", HELPERS)
def test_undoing_the_edit_hits(played: tuple[dict[str, Any], ...], name: str) -> None:
    """The text as it was, in another folder and another process, hits."""
    old, _, copy = (each[name] for each in played)
    assert (copy.executed, copy.result, copy.said) == ([], old.result, [])
