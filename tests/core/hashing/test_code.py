"""Digests of code: what counts, and what is only cosmetic."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import linecache
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hypernodes.errors import FingerprintError
from hypernodes.hashing import code_fingerprint, fingerprint

Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Import source text as a module from a file of its own."""
    count = 0

    def load_text(text: str, name: str = "f") -> Any:
        nonlocal count
        count += 1
        path = tmp_path / f"module_{count}.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return getattr(load_file(path), name)

    return load_text


def load_file(path: Path) -> ModuleType:
    """Import *path* afresh, without bytecode files."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    text = path.read_text(encoding="utf-8")
    exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    return module


BASE = """
def f(x):
    total = x + 1
    return [v * 2 for v in range(total)]
"""

COSMETIC = {
    "comment": BASE.replace("total = x + 1", "total = x + 1  # one more"),
    "moved": "\n\n\nimport os\n\nA = 1\n" + BASE,
    "docstring": BASE.replace("(x):\n", '(x):\n    "Say it."\n'),
    "whitespace": BASE.replace("x + 1", "x+1"),
    "brackets": BASE.replace("x + 1", "(x + 1)"),
    "blank lines": BASE.replace("1\n", "1\n\n\n"),
    "decorator that returns it": "keep = lambda f: f\n@keep\n" + BASE.lstrip(),
}

CHANGES = {
    "operator": BASE.replace("+", "-"),
    "constant": BASE.replace("+ 1", "+ 3"),
    "type of a constant": BASE.replace("+ 1", "+ True"),
    "float constant": BASE.replace("* 2", "* 2.0"),
    "local renamed": BASE.replace("total", "amount"),
    "annotation": BASE.replace("(x)", "(x: int)"),
    "default": BASE.replace("(x)", "(x=1)"),
    "keyword only": BASE.replace("(x)", "(*, x)"),
    "nested expression": BASE.replace("v * 2", "v"),
    "async": BASE.replace("def f", "async def f"),
}


@pytest.mark.parametrize("edit", COSMETIC)
def test_cosmetic_edits_keep_the_digest(load: Load, edit: str) -> None:
    """Comments, layout, docstrings, place and plain decorators do not count."""
    assert code_fingerprint(load(COSMETIC[edit])) == code_fingerprint(load(BASE))


@pytest.mark.parametrize("edit", CHANGES)
def test_changes_change_the_digest(load: Load, edit: str) -> None:
    """Whatever changes what the function says counts."""
    assert code_fingerprint(load(CHANGES[edit])) != code_fingerprint(load(BASE))


def test_bytes_that_spell_another_constant_are_bytes(load: Load) -> None:
    """What a bytes constant holds is not taken for the text of something else."""
    spelled = b"s" + len(b"x").to_bytes(8, "little") + b"x"
    written = load(f"def f(): return {spelled!r}")
    assert code_fingerprint(load("def f(): return 'x'")) != code_fingerprint(written)


def test_defaults_count_by_value(load: Load) -> None:
    """How a default is written does not count, what it is does."""
    two = code_fingerprint(load("def f(x=2): return x"))
    assert code_fingerprint(load("def f(x=1 + 1): return x")) == two
    assert code_fingerprint(load("N = 2\ndef f(x=N): return x")) == two
    assert code_fingerprint(load("N = 3\ndef f(x=N): return x")) != two
    assert code_fingerprint(load("def f(*, x=2): return x")) != two


def test_lambdas_on_one_line_differ(load: Load) -> None:
    """Lambdas that share a line are told apart, nested ones too."""
    f = load("f = [lambda x: x + 1, lambda x: x + 2, lambda x: lambda: x, lambda: 1, lambda: 2]")
    digests = {code_fingerprint(function) for function in [*f, f[2](1)]}
    assert len(digests) == 6


def test_a_lambda_on_a_shared_line_equals_one_alone(load: Load) -> None:
    """The syntax that is found for a lambda is its own."""
    pair = load("f = [lambda x: x + 1, lambda x: x + 2]")
    alone = load("f = lambda x: x + 2")
    assert code_fingerprint(pair[1]) == code_fingerprint(alone)


def test_closures_of_one_factory_differ_by_what_they_hold() -> None:
    """Cells count by value."""

    def make(n: object) -> Callable[[], object]:
        return lambda: n

    assert code_fingerprint(make(1)) != code_fingerprint(make(2))
    assert code_fingerprint(make([1])) == code_fingerprint(make([1]))


def test_functions_in_cells_count_by_code(load: Load) -> None:
    """A captured function counts by what it says, at any distance."""
    text = """
    def make():
        def helper(x): return x + {0}
        def middle(x): return helper(x)
        def f(x): return middle(x)
        return f
    f = make()
    """
    one, again, two = (load(text.format(n)) for n in (1, 1, 2))
    assert code_fingerprint(one) == code_fingerprint(again)
    assert code_fingerprint(one) != code_fingerprint(two)


def test_recursive_closures_have_a_digest(load: Load) -> None:
    """A function that holds itself in a cell, or two that hold each other, are no problem."""
    text = """
    def make():
        def even(n): return n == 0 or odd(n - 1)
        def odd(n): return n != {0} and even(n - 1)
        def f(n): return n and f(n - 1)
        return f, even, odd
    f = make()
    """
    one, again, other = (load(text.format(n)) for n in (0, 0, 9))
    digests = [code_fingerprint(function) for function in one]
    assert len(set(digests)) == 3
    assert [code_fingerprint(function) for function in again] == digests
    assert code_fingerprint(other[1]) != digests[1]


def test_decorators_are_not_unwrapped(load: Load) -> None:
    """The body of a wrapper counts although it names the wrapped function."""
    text = """
    import functools
    def double(g):
        @functools.wraps(g)
        def wrapper(*a): return g(*a) * {0}
        return wrapper
    @double
    def f(x): return x + {1}
    """
    digests = {code_fingerprint(load(text.format(*n))) for n in ((2, 1), (3, 1), (2, 5))}
    assert len(digests) == 3


def test_partials_count_callee_and_bound_values() -> None:
    """A partial is its function with what is bound, in place or by name."""

    def f(x: int, y: int = 0) -> int:
        return x + y

    partials = [functools.partial(f, 1), functools.partial(f, 2), functools.partial(f, y=1)]
    assert len({code_fingerprint(p) for p in [f, *partials]}) == 4


def test_bound_methods_count_their_object() -> None:
    """A bound method is its function and the object it is bound to."""

    class Scaler:
        def __init__(self, factor: int) -> None:
            self._factor = factor

        def scale(self, x: int) -> int:
            return x * self._factor

    assert code_fingerprint(Scaler(1).scale) != code_fingerprint(Scaler(2).scale)
    assert code_fingerprint(Scaler(1).scale) == code_fingerprint(Scaler(1).scale)


def test_callable_objects_count_class_code_and_state(load: Load) -> None:
    """What an object does when called depends on its class's code and its state."""
    text = """
    class Scaler:
        def __init__(self, by): self.by = by
        def __call__(self, x): return x {0} self.by
    f = Scaler({1})
    """
    digests = {code_fingerprint(load(text.format(*n))) for n in (("*", 1), ("+", 1), ("*", 2))}
    assert len(digests) == 3


def test_classes_count_methods_bases_and_attributes(load: Load) -> None:
    """A class of the user's is its name, its bases and what it defines."""
    text = """
    class Base:
        def step(self): return {0}
    class f(Base):
        rate = {1}
        @property
        def now(self): return {2}
        @staticmethod
        def help(): return {3}
    """
    variants = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    assert len({code_fingerprint(load(text.format(*v))) for v in variants}) == 5


def test_operators_of_a_class_count_whatever_they_are(load: Load) -> None:
    """A special method may be any callable, not only a function."""
    text = "import operator\nclass f:\n    __call__ = operator.itemgetter({0})"
    assert code_fingerprint(load(text.format(1))) != code_fingerprint(load(text.format(2)))


def test_private_names_belong_to_their_class(load: Load) -> None:
    """The same text with a name such as __x means another attribute in another class."""
    text = "class {0}:\n    def get(self): return self.{1}\nf = {0}.get"
    assert code_fingerprint(load(text.format("A", "__x"))) != code_fingerprint(
        load(text.format("B", "__x"))
    )
    assert code_fingerprint(load(text.format("A", "x"))) == code_fingerprint(
        load(text.format("B", "x"))
    )


def test_an_edited_file_does_not_speak_for_old_code(tmp_path: Path) -> None:
    """After an edit the digest is still that of the code that runs."""
    path = tmp_path / "edited.py"
    path.write_text("def f(x):\n    return x + 1\n", encoding="utf-8")
    old = load_file(path).f
    linecache.getlines(str(path))
    path.write_text("# edited\ndef f(x):\n    return x + 2000\n", encoding="utf-8")
    new = load_file(path).f
    assert code_fingerprint(old) != code_fingerprint(new)


def test_moved_code_is_still_found(tmp_path: Path) -> None:
    """A function whose file gained lines above it keeps the digest of its syntax."""
    path = tmp_path / "moved.py"
    path.write_text("def f(x):\n    return x + 1\n", encoding="utf-8")
    old = load_file(path).f
    path.write_text("import os\n\ndef f(x):\n    return x + 1\n", encoding="utf-8")
    assert code_fingerprint(old) == code_fingerprint(load_file(path).f)


def test_another_function_at_the_old_place_is_not_taken(tmp_path: Path) -> None:
    """A line shift that puts another function where one was does not confuse them."""
    path = tmp_path / "shifted.py"
    path.write_text("def f(x):\n    return x\n\ndef g(x):\n    return -x\n", encoding="utf-8")
    module = load_file(path)
    path.write_text("def g(x):\n    return -x\n\ndef f(x):\n    return x\n", encoding="utf-8")
    again = load_file(path)
    assert code_fingerprint(module.f) == code_fingerprint(again.f)
    assert code_fingerprint(module.f) != code_fingerprint(again.g)


def test_code_without_source_has_a_digest() -> None:
    """Bytecode, constants and names, nested ones too, stand in for a missing source."""

    def make(text: str) -> Any:
        scope: dict[str, Any] = {}
        exec(text, scope)
        return scope["f"]

    text = "def f(x):\n    return (lambda y: y in {1, 2} and x.%s)(%d)"
    variants = [(text % ("a", 1)), (text % ("b", 1)), (text % ("a", 3))]
    assert len({code_fingerprint(make(v)) for v in variants}) == 3
    assert code_fingerprint(make(variants[0])) == code_fingerprint(make(variants[0]))


def test_an_empty_cell_has_a_digest() -> None:
    """A name that is captured before it is bound differs from one that is bound."""

    def make(*, bind: bool) -> Callable[[], object]:
        def f() -> object:
            return later

        if bind:
            later = None
        return f

    assert code_fingerprint(make(bind=False)) != code_fingerprint(make(bind=True))


def test_what_cannot_be_fingerprinted_is_named_with_its_cell() -> None:
    """The error says which captured variable holds it."""
    items = (each for each in ())

    def walk() -> object:
        return items

    with pytest.raises(FingerprintError) as caught:
        code_fingerprint(walk)
    assert caught.value.path == "walk.<closure>['items']"
    assert caught.value.type_name == "builtins.generator"


def test_what_cannot_be_called_is_refused() -> None:
    """A number has no code."""
    with pytest.raises(FingerprintError, match="it cannot be called"):
        code_fingerprint(3)  # type: ignore[arg-type]  # what the test is about


def test_cached_functions_count_the_function() -> None:
    """An lru_cache around a function does not hide its code."""
    one, two = functools.cache(lambda x: x + 1), functools.cache(lambda x: x - 1)
    assert code_fingerprint(one) != code_fingerprint(two)
    before = code_fingerprint(one)
    one(1)
    assert code_fingerprint(one) == before


def test_singledispatch_counts_its_registry_not_its_cache() -> None:
    """Calling a generic function does not change it, registering does."""

    @functools.singledispatch
    def show(value: object) -> str:
        return str(value)

    before = code_fingerprint(show)
    show(1)
    assert code_fingerprint(show) == before
    show.register(int, lambda value: f"{value:+}")
    assert code_fingerprint(show) != before


def test_built_in_functions_differ_by_name_and_object() -> None:
    """Functions in C are names, bound ones with their object."""
    functions = [len, max, str.upper, "a".upper, "b".upper, [].append, dict.fromkeys]
    assert len({fingerprint(f) for f in functions}) == len(functions)


def test_a_class_made_by_a_library_counts_by_its_members() -> None:
    """A class that a library's function makes is not the library's."""
    one, other = (dataclasses.make_dataclass("Made", [("x", int, n)]) for n in (1, 2))
    assert fingerprint(one) != fingerprint(other)


def test_a_users_module_may_have_a_standard_name(tmp_path: Path) -> None:
    """Code of the user's counts in a file that is named like a standard module."""
    digests = set()
    for n in (1, 2):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "this.py").write_text(f"class A:\n    rate = {n}\n", encoding="utf-8")
        code = (
            "import this; from hypernodes.hashing import fingerprint as f; print(f(this.A).hex())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 2


def test_library_classes_count_by_name() -> None:
    """A class of an installed library is its name, whatever it holds."""
    assert fingerprint(threading.Thread) == fingerprint(threading.Thread)
    assert fingerprint(threading.Thread) != fingerprint(threading.Timer)


def test_memory_is_not_kept_for_dead_code() -> None:
    """The memory of digests does not keep functions alive, nor mistake new ones for old."""
    digests = set()
    for n in range(200):
        scope: dict[str, Any] = {}
        exec(f"def f(): return {n}", scope)
        digests.add(code_fingerprint(scope["f"]))
        del scope
    assert len(digests) == 200


def test_deep_expressions_have_a_digest(load: Load) -> None:
    """A long chain of operators is no deeper than Python itself allows."""
    text = "def f(x):\n    return " + " + ".join(["x"] * 800)
    assert code_fingerprint(load(text)) != code_fingerprint(load(text + " + x"))
