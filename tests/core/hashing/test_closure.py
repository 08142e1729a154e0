"""What a callable reaches."""

from __future__ import annotations

import contextlib
import functools
import linecache
import logging
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DualNode, Pipeline, node
from hypernodes.errors import FingerprintError
from hypernodes.hashing import code_fingerprint, fingerprint, track_code

if TYPE_CHECKING:
    from pathlib import Path


def module(text: str) -> Any:
    """Return a new module that *text* makes."""
    made = types.ModuleType("made")
    exec(text, vars(made))
    return made


def digest(text: str) -> bytes:
    """Return the digest of the function ``f`` of *text*."""
    return code_fingerprint(module(text).f)


def test_globals_are_followed() -> None:
    """What a function reaches by a global name counts by its value."""
    text = "N = {0}\ndef f(): return N"
    scopes: list[dict[str, Any]] = [{"__name__": "made"}, {"__name__": "made"}]
    for number, scope in enumerate(scopes):
        exec(text.format(number), scope)
    assert code_fingerprint(scopes[0]["f"]) != code_fingerprint(scopes[1]["f"])


@pytest.mark.parametrize(
    "make",
    [
        threading.Lock,
        threading.RLock,
        threading.Condition,
        threading.Event,
        threading.Semaphore,
        threading.local,
        lambda: logging.getLogger(str(time.perf_counter_ns())),
        ThreadPoolExecutor,
    ],
    ids=range(8),
)
def test_a_captured_lock_counts_by_its_type(make: Any) -> None:
    """Nobody computes with a lock: two functions that hold one each are the same."""

    def hold() -> Any:
        lock = make()

        def guarded() -> object:
            return lock

        return guarded

    assert code_fingerprint(hold()) == code_fingerprint(hold())


def test_locks_inside_captured_objects_count_by_type_too() -> None:
    """A lock is a lock in a list or in an object."""

    def hold() -> Any:
        held = [types.SimpleNamespace(lock=threading.Lock())]
        return lambda: held

    assert code_fingerprint(hold()) == code_fingerprint(hold())


def test_what_is_not_read_does_not_count() -> None:
    """Globals that the code does not name are no part of it."""
    text = "M = {0}\ndef unused(): return {0}\ndef f(x): return x"
    assert digest(text.format(1)) == digest(text.format(2))


def test_names_that_mean_nothing_count_as_unbound() -> None:
    """A name that is not bound yet is told apart from one that is."""
    text = "def f(x): return N"
    assert digest(text) != digest("N = None\n" + text)


@pytest.mark.parametrize(
    "text",
    [
        "def f(x): return f(x - {0})",
        "def g(x): return f(x)\ndef f(x): return g(x - {0})",
        "T = {{}}\ndef g(x): return T['f'](x - {0})\n"
        "def f(x): return T['g'](x)\nT.update(f=f, g=g)",
        "T = []\ndef f(x): return T[0](x - {0})\nT.append(f)",
        "class A:\n    def g(self): return f(self, {0})\ndef f(a, n): return A()",
        "class A:\n    def g(self): return B(), {0}\nclass B:\n    a = A\ndef f(): return A",
        "class A:\n    pass\nA.one = A()\ndef f(): return A.one, {0}",
        "def g(): return h() + {0}\ndef h(): return g() + k()\ndef k(): return h() + f()\n"
        "def f(): return g() + h() + k()",
        "import sys, types\nm = types.ModuleType('m')\nm.m = m\nm.n = {0}\ndef f(): return m.m.m.n",
    ],
    ids=range(9),
)
def test_circles_have_a_digest(text: str) -> None:
    """Whatever leads back to itself has a digest, in which everything counts."""
    one, again, two = (digest(text.format(n)) for n in (1, 1, 2))
    assert (one == again, one == two) == (True, False)


def test_members_of_a_circle_do_not_depend_on_who_is_asked_first() -> None:
    """A circle is the same from wherever it is entered."""
    text = "def even(n): return odd(n - 1)\ndef odd(n): return even(n - 1) + 1"
    one, two = module(text), module(text)
    first = code_fingerprint(one.even), code_fingerprint(one.odd)
    second = code_fingerprint(two.odd), code_fingerprint(two.even)
    assert first == second[::-1]


def test_long_chains_of_tables_take_no_longer_than_they_are() -> None:
    """Functions that reach each other through tables are read a bounded number of times."""
    text = "def g0(x): return x\n" + "".join(
        f"T{n} = [g{n - 1}, {{'a': g{n - 1}}}]\ndef g{n}(x): return T{n}[0](x)\n"
        for n in range(1, 41)
    )
    started = time.process_time()
    code_fingerprint(module(text).g40)
    assert time.process_time() - started < 5


def test_layers_of_helpers_take_no_longer_than_they_are() -> None:
    """Helpers that many helpers share are not read once per path."""
    layers = [
        f"def f{n}_{k}(x): return f{n + 1}_0(x) + f{n + 1}_1(x) + f{n + 1}_2(x)"
        for n in range(20)
        for k in range(3)
    ]
    text = "\n".join([*layers, *(f"def f20_{k}(x): return {k}" for k in range(3))])
    started = time.process_time()
    code_fingerprint(module(text).f0_0)
    assert time.process_time() - started < 5


def test_chains_of_a_thousand_helpers_have_a_digest() -> None:
    """The depth of a closure is not bounded by the stack."""
    text = "".join(f"def f{n}(x): return f{n + 1}(x)\n" for n in range(1500))
    one, two = (module(f"{text}def f1500(x): return {n}") for n in (1, 2))
    assert code_fingerprint(one.f0) != code_fingerprint(two.f0)


@pytest.mark.parametrize(
    "decorate",
    [
        contextlib.contextmanager,
        functools.singledispatch,
        functools.cache,
        functools.partial,
        staticmethod,
        contextlib.asynccontextmanager,
    ],
    ids=["contextmanager", "singledispatch", "cache", "partial", "staticmethod", "async"],
)
def test_wrappers_of_the_standard_library_hide_nothing(decorate: Any) -> None:
    """A wrapper that bears the name of what it wraps is not taken for it."""
    bodies = [module(f"def f(x):\n    yield {n}").f for n in (1, 2)]
    assert len({code_fingerprint(decorate(body)) for body in bodies}) == 2


def test_attributes_of_functions_that_are_read_count() -> None:
    """An attribute of a function counts where code names it."""
    text = "def h(x): return x\nh.n = {0}\ndef f(x): return h{1}"
    assert digest(text.format(1, ".n")) != digest(text.format(2, ".n"))
    assert digest(text.format(1, "(x)")) == digest(text.format(2, "(x)"))


def test_nodes_and_pipelines_are_followed() -> None:
    """A node, a dual node or a pipeline that code reaches counts by its functions."""
    pytest.importorskip("pyarrow")
    digests = set()
    for n in (1, 2):
        made = module(f"def h(x): return x + {n}\ndef f(): return reached")
        for reached in (
            node(made.h),
            DualNode("y", made.h, module("def h(x): return x").h),
            Pipeline(nodes=[node(made.h)]),
            Pipeline(nodes=[node(made.h)]).as_node(name="inner"),
        ):
            made.reached = reached
            digests.add(code_fingerprint(made.f))
    assert len(digests) == 8


def test_the_error_names_the_global() -> None:
    """Where something has no fingerprint, the way to it is told."""
    made = module("def h(): return s\ndef f(): return h()\ns = {'a': [(v for v in [])]}")
    with pytest.raises(FingerprintError) as caught:
        code_fingerprint(made.f)
    assert caught.value.path == "f.<global>['h'].<global>['s']['a'][0]"


def test_an_import_that_leads_nowhere_is_no_error() -> None:
    """Imports that fail are for the body to handle, and none ends the process."""
    text = (
        "def f(x):\n    try:\n        from . import nothing\n        from .... import more\n"
        "        import not_there_at_all\n        from not_there.either import x\n"
        "    except ImportError:\n        return x"
    )
    assert digest(text) == digest(text)


def test_symbols_are_listed_by_name() -> None:
    """Every function and class of the user's that was reached can be told of."""
    made = module(
        "N = 1\nclass A:\n    def g(self): return N\ndef h(): return A\ndef f(): return h"
    )
    account = track_code(made.f).current().account
    assert set(account.symbols) == {"made.f", "made.h", "made.A", "made.A.g"}
    assert set(account.constants) == {"constant made.N"}


def test_functions_as_values_count_with_what_they_reach() -> None:
    """A function among the values counts as it does as a node."""
    text = "N = {0}\ndef f(): return N"
    functions = [module(text.format(n)).f for n in (1, 1, 2)]
    one, again, two = ({"a": [function]} for function in functions)
    assert fingerprint(one) == fingerprint(again)
    assert fingerprint(one) != fingerprint(two)


def test_how_deep_the_caller_stands_does_not_count(tmp_path: Path) -> None:
    """Source that takes the parser more stack than the caller has left is read all the same."""
    text = "def f(x): return " + "not " * 900 + "x"
    digests = []
    for number, depth in enumerate((0, sys.getrecursionlimit() - 250)):
        file = tmp_path / f"made{number}.py"
        file.write_text(text, encoding="utf-8")
        made = types.ModuleType("made")
        exec(compile(text, str(file), "exec"), vars(made))

        def ask(left: int, function: Any = made.f) -> bytes:
            return ask(left - 1) if left else code_fingerprint(function)

        digests.append(ask(depth))
    assert digests[0] == digests[1]


VARIED = """
import abc, collections, contextlib, dataclasses, enum, functools, math, re, typing
T = typing.TypeVar("T")
N = {"a": [1, 2.0, None], "p": re.compile("x")}
def plain(x, y=1, *, z=(1, 2)): return [v * N["a"][0] for v in range(x) if v] + [y, z]
async def work(x):
    async with x as y: return [z async for z in y]
def catch(x):
    try:
        while (n := x - 1) and n > 0: x = f"{n!r:>10}"
    except (ValueError, OSError) as error: raise RuntimeError(x) from error
    match x:
        case {"a": [1, *rest]}: return rest, (lambda: plain(1))()
        case Point(x=0): return math.nan
part = functools.partial(plain, 1, z=3)
cached = functools.cache(catch)
class Base(abc.ABC):
    n: int = 1
    @abc.abstractmethod
    def f(self): ...
    @property
    def p(self): return self.n
    @classmethod
    def c(cls): return super().__new__(cls)
    @functools.cached_property
    def q(self): return 2
class Generic(Base, typing.Generic[T]):
    __slots__ = ("a",)
    def f(self): return super().f()
class Proto(typing.Protocol):
    def f(self): ...
@dataclasses.dataclass
class Point:
    x: int = 0
    y: list = dataclasses.field(default_factory=list)
@dataclasses.dataclass(frozen=True, order=True, slots=True, kw_only=True)
class Frozen: x: int = 0
class Pair(typing.NamedTuple):
    a: int
    b: str = "x"
Two = collections.namedtuple("Two", "a b", defaults=[1])
class Colour(enum.Enum):
    RED = 1
    BLUE = enum.auto()
class Flag(enum.IntFlag):
    R = 1
class Text(str, enum.Enum):
    A = "a"
    @classmethod
    def _missing_(cls, value): return cls.A
@functools.total_ordering
class Ordered:
    def __lt__(self, other): return True
class Keys(typing.TypedDict, total=False):
    a: typing.Required[int]
class Stated(typing.Generic[T]):
    '''Says
        it.'''
    __rate__, __iter__ = {"a": 1.5}, None
def told(x: "int") -> list[int]:
    '''Is read
        aloud.'''
    return told.__doc__, told.__annotations__, told.rate
told.rate = 2
point, things = Point(1), [Colour.RED, Pair(1), Two(1), Flag.R, Text.A]
def f(x):
    made = Generic, Proto, Frozen, Ordered, Keys, Stated
    return plain, work, catch, part, cached, made, point, things, told
"""


def test_the_closure_is_equal_on_every_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions and classes of all kinds, written ones too, have the digest they always had."""
    lines = VARIED.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, "<varied>", (len(VARIED), None, lines, "<varied>"))
    made = types.ModuleType("varied_under_test")
    exec(compile(VARIED, "<varied>", "exec", dont_inherit=True), vars(made))
    assert code_fingerprint(made.f).hex()[:16] == "ae1f679411581def"
