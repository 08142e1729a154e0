"""Digests of built-in values."""

from __future__ import annotations

import copy
import math
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import attr
import attrs
import pytest

import hypernodes
from hypernodes.errors import FingerprintError
from hypernodes.hashing import fingerprint

SOURCE = Path(hypernodes.__file__).parent

#: Makes `hypernodes.hashing` importable without running the package's own module.
PRELUDE = f"""
import sys, types
package = types.ModuleType("hypernodes")
package.__path__ = [{str(SOURCE)!r}]
sys.modules["hypernodes"] = package
from hypernodes.hashing import Fingerprinter
"""

VALUES = """
import collections, datetime, decimal, fractions, functools, pathlib, random, re, uuid, zoneinfo
shared = [1, "a"]
def scale(x, by=2, *, offset=0.5):
    "Scales."
    return [f"{v!r:>{by}}" for v in x if (y := v) is not None and not isinstance(v, str)]
class Point:
    def __init__(self): self.x, self._y = 1, {"a": {"b", "c", "d"}}
class Text(str): pass
values = [
    None, True, 0, -1, 2**70, -(2**63), 1.5, float("nan"), float("-inf"), 1j, "\\udc80",
    b"bytes", bytearray(b"x"), [], (), {}, set(), frozenset({1, "a", None}), range(3),
    slice(1, None), "text", {"b": 1, "a": [2, {"c": (3.0, shared, shared)}]},
    list(range(50)), [0.5] * 50, ["t"] * 50,
    {f"name {i}" for i in range(50)}, Point(), Text("t"), int, Point, Point.__init__, scale, len,
    "x".join, str.upper,
    functools.partial(int, base=2), collections.OrderedDict(a=1), collections.deque([1], 3),
    collections.defaultdict(list, a=[1]), collections.Counter("aab"), datetime.timedelta(1, 2),
    datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), datetime.time(1, fold=1),
    decimal.Decimal("1.10"), fractions.Fraction(1, 3), pathlib.PurePosixPath("a/b"),
    pathlib.Path("a"), uuid.UUID(int=5), re.compile("a+", re.I), ValueError("no"), list[int],
]
print("\\n".join(f"{type(v).__name__} {Fingerprinter().digest(v).hex()}" for v in values))
"""


def run(code: str, python: str = sys.executable, **environment: str) -> str:
    """Return what *code* prints in a fresh process, as a file that is its source."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.py")
        script.write_text(code, encoding="utf-8")
        return run_file(script, python, **environment)


def run_file(script: Path, python: str, **environment: str) -> str:
    """Return what the file *script* prints."""
    done = subprocess.run(
        [python, str(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def find_python(version: str) -> str:
    """Return an interpreter of *version*: on the path, or installed beside ours."""
    siblings = Path(sys.base_prefix).parent.glob(f"{version}.*/bin/python")
    candidates = [f"python{version}", *map(str, siblings)]
    for candidate in candidates:
        try:
            found = run("import sys; print('%d.%d' % sys.version_info[:2])", candidate)
        except (OSError, subprocess.SubprocessError):
            continue
        if found.strip() == version:
            return candidate
    pytest.skip(f"no python{version} on this machine")


DISTINCT = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**63,
    -(2**63),
    2**64,
    1.0,
    0.0,
    -0.0,
    math.inf,
    math.nan,
    1 + 0j,
    complex(0.0, -0.0),
    complex(0.0, 0.0),
    "",
    "1",
    "True",
    "None",
    "\x00",
    b"",
    b"1",
    bytearray(b"1"),
    memoryview(b"1"),
    ...,
    NotImplemented,
    [],
    (),
    {},
    set(),
    frozenset(),
    [1],
    (1,),
    {1},
    frozenset({1}),
    [1.0],
    [True],
    ["1"],
    [[1]],
    [[1], []],
    [[], [1]],
    [[1, 2], [3]],
    [[1], [2, 3]],
    ["ab", "c"],
    ["a", "bc"],
    ["a", "b", "c"],
    {"a": 1, "b": 2},
    {"b": 2, "a": 1},
    [("a", 1), ("b", 2)],
    {"a": {"b": 2}},
    range(3),
    range(0, 3, 2),
    [0, 1, 2],
    slice(3),
    slice(0, 3),
    list(range(20)),
    tuple(range(20)),
    [float(i) for i in range(20)],
    [str(i) for i in range(20)],
    [*range(19), 19.0],
    [*range(19), 2**80],
    ["a" * 19, *["b"] * 19],
    ["a" * 18, "ab", *["b"] * 18],
    int,
    list,
    len,
]


def test_distinct_values_have_distinct_digests() -> None:
    """No two values of a table of look-alikes share a digest."""
    digests = [fingerprint(value) for value in DISTINCT]
    assert len(set(digests)) == len(DISTINCT)


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v, 1), lambda v: {"k": v}])
def test_distinct_values_stay_distinct_inside_containers(wrap: object) -> None:
    """What differs differs inside any container as well."""
    digests = [fingerprint(wrap(value)) for value in DISTINCT]  # type: ignore[operator]  # lambdas
    assert len(set(digests)) == len(DISTINCT)


def test_a_digest_has_32_bytes() -> None:
    """Digests of small and large values have one length."""
    assert [len(fingerprint(v)) for v in (1, "a" * 10**6, [[]] * 10**5)] == [32, 32, 32]


def test_every_nan_is_the_same_value() -> None:
    """The bits of a NaN do not count, alone or in a column."""
    other = struct.unpack("<d", b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0]
    for make in (lambda x: x, lambda x: [x] * 20, lambda x: complex(x, 0.0)):
        assert fingerprint(make(other)) == fingerprint(make(math.nan))


def test_infinities_that_cancel_out_are_kept_apart() -> None:
    """A column whose sum is not a number is still told apart by its elements."""
    column = [math.inf, -math.inf, *[0.0] * 20]
    assert fingerprint(column) != fingerprint([-math.inf, math.inf, *[0.0] * 20])


def test_shared_objects_equal_copies() -> None:
    """Whether two places hold one object or two equal ones does not count."""
    part = [1, {"a": (2.0,)}]
    assert fingerprint([part, part]) == fingerprint([part, copy.deepcopy(part)])


def test_interned_and_built_strings_are_equal() -> None:
    """How a string came into being does not count."""
    assert fingerprint("".join(["na", "me"])) == fingerprint("name")


def test_sets_do_not_depend_on_insertion_order() -> None:
    """Sets of mixed members are equal however they were filled."""
    members = [None, 1, "a", (1, 2), 2.5, frozenset({3})]
    backwards = set()
    for member in members[::-1]:
        backwards.add(member)
    assert fingerprint(backwards) == fingerprint(set(members))


def test_deep_nesting_has_no_limit() -> None:
    """A list nested a hundred thousand deep has a digest of its own."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert fingerprint(deep) != fingerprint([deep])


def test_depth_at_the_call_does_not_count() -> None:
    """A value has one digest whatever is left of the recursion limit."""
    value: list[object] = []
    for _ in range(15):
        value = [value, {"k": value}]

    def descend(levels: int) -> bytes:
        return descend(levels - 1) if levels else fingerprint(value)

    expected = fingerprint(value)
    limit = sys.getrecursionlimit()
    for left in range(12, 120, 4):
        try:
            assert descend(limit - left - 60) == expected
        except RecursionError:
            continue


@pytest.mark.parametrize("depth", [10, 23, 24, 25, 26, 60])
def test_the_two_walks_write_the_same(depth: int) -> None:
    """A part has the same token in a shallow and in a deep value."""
    part = {"a": [1, {2, "b"}, ("c", 3.0)], "text": "x" * 5000, "floats": [0.5] * 3000}
    deep: object = {1: part}
    for _ in range(depth):
        deep = [deep]
    thorough: object = {1: copy.deepcopy(part)}
    for _ in range(depth):
        thorough = [thorough]
    assert fingerprint(deep) == fingerprint(thorough)


def test_shared_parts_take_linear_time() -> None:
    """A value of 2 ** 200 leaves that shares its parts is no problem."""
    value: list[object] = [1]
    for _ in range(200):
        value = [value, value]
    assert len(fingerprint(value)) == 32


def test_wide_sharing_takes_linear_time() -> None:
    """Parts that are shared a thousandfold on three levels are visited once."""
    value: list[object] = [0.5] * 100
    for _ in range(4):
        value = [value] * 1000
    assert len(fingerprint(value)) == 32


def test_a_cycle_has_a_digest() -> None:
    """A list that contains itself equals another one of that shape."""
    one: list[object] = [1]
    one.append(one)
    other: list[object] = [1]
    other.append(other)
    assert fingerprint(one) == fingerprint(other)


def test_cycles_with_different_contents_differ() -> None:
    """Every member of a cycle counts."""
    digests = set()
    for label in ("a", "b"):
        outer: dict[str, object] = {}
        inner = [1, label, outer]
        outer["inner"] = inner
        digests |= {fingerprint(outer), fingerprint(inner)}
    assert len(digests) == 4


def test_sharing_inside_a_cycle_does_not_count() -> None:
    """Two references to one member of a cycle equal references to two equal ones."""
    shared: list[object] = []
    member = [shared]
    shared += [member, member]
    apart: list[object] = []
    apart += [[apart], [apart]]
    assert fingerprint(shared) == fingerprint(apart)


def test_rings_of_different_length_with_marks_differ() -> None:
    """Where a mark sits in a ring counts, and how far the next one is."""

    def ring(length: int) -> list[object]:
        nodes: list[list[object]] = [[i == 0] for i in range(length)]
        for node, following in zip(nodes, nodes[1:] + nodes[:1], strict=True):
            node.append(following)
        return nodes[0]

    assert len({fingerprint(ring(n)) for n in range(1, 9)}) == 8


def test_a_dense_graph_of_objects_has_a_digest() -> None:
    """Thirty objects that all refer to each other take no exponential time."""

    def graph(label: int) -> list[object]:
        nodes: list[list[object]] = [[i] for i in range(30)]
        for node in nodes:
            node.append(nodes)
        nodes[29][0] = label
        return nodes[0]

    assert fingerprint(graph(1)) == fingerprint(copy.deepcopy(graph(1)))
    assert fingerprint(graph(1)) != fingerprint(graph(2))


def test_a_tangled_circle_is_refused_not_waited_for() -> None:
    """A circle too large to be told apart in time is an error that says so."""
    nodes: list[list[object]] = [[0] for _ in range(3000)]
    nodes[0][0] = 1
    for before, after in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        before.append(after)
    with pytest.raises(FingerprintError, match="3000 objects refer to each other in a circle"):
        fingerprint(nodes[0])


def test_large_buffers_differ_in_one_byte() -> None:
    """One byte of a large buffer counts, and so does its type."""
    data = bytearray(10**6)
    before = fingerprint(bytes(data))
    data[777_777] = 1
    assert len({before, fingerprint(bytes(data)), fingerprint(data)}) == 3


def test_memoryviews_of_strided_data_count_by_contents() -> None:
    """A view with gaps equals a view of what it shows."""
    assert fingerprint(memoryview(b"a-b-")[::2].tobytes()) == fingerprint(b"ab")
    assert fingerprint(memoryview(b"a-b-")[::2]) == fingerprint(memoryview(b"axbx")[::2])


def test_hash_seeds_do_not_count() -> None:
    """Processes with different hash seeds agree on every digest."""
    tables = {run(PRELUDE + VALUES, PYTHONHASHSEED=seed) for seed in ("0", "1", "4242")}
    assert len(tables) == 1


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_python_versions_agree(version: str) -> None:
    """Digests of values are the same on every supported Python."""
    python = find_python(version)
    # attrs is pure Python, so other interpreters can use ours
    with tempfile.TemporaryDirectory() as folder:
        for package in (attr, attrs):
            source = Path(package.__file__).parent
            (Path(folder) / source.name).symlink_to(source)
        theirs = run(PRELUDE + VALUES, python, PYTHONPATH=folder)
    assert theirs.splitlines() == run(PRELUDE + VALUES).splitlines()
