"""What a cache key consists of, sentence by sentence, through pipelines (api.md, section 6)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A new cache of each kind."""
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")


def executed(cache: Any, nodes: Sequence[Any], inputs: dict[str, Any]) -> list[str]:
    """Run *nodes* with *cache* and return the names of those that were executed."""
    recorder = Recorder()
    Pipeline(nodes=list(nodes), engine=SeqEngine(cache, [recorder])).run(inputs)
    return recorder.executed


@pytest.mark.parametrize("other", [1.0, True, "1", [1], (1,), {1: 1}, None], ids=repr)
def test_another_input_misses(cache: Any, other: Any) -> None:
    """An input that differs in type alone is another input."""
    show = node(output_name="text")(lambda x: f"{x!r}")
    pipeline = Pipeline(nodes=[show], engine=SeqEngine(cache))
    assert [pipeline.run({"x": x})["text"] for x in (1, other)] == ["1", repr(other)]


def test_other_code_misses(cache: Any) -> None:
    """A function with another body is another node, whatever it is called."""

    def make(body: Callable[[int], int]) -> Any:
        return node(output_name="y")(body)

    assert executed(cache, [make(lambda x: x + 1)], {"x": 1}) == ["<lambda>"]
    assert executed(cache, [make(lambda x: x - 1)], {"x": 1}) == ["<lambda>"]


def test_other_captured_values_miss(cache: Any) -> None:
    """Two closures of one body that captured different values are two nodes."""

    def make(factor: int) -> Any:
        return node(output_name="y")(lambda x: x * factor)

    for factor in (2, 3):
        assert executed(cache, [make(factor)], {"x": 1}) == ["<lambda>"]
    assert executed(cache, [make(2)], {"x": 1}) == []


def test_a_captured_name_bound_to_another_object_misses(cache: Any) -> None:
    """At each later run a captured name is checked, and another object counts."""
    factor = 2
    scale = node(output_name="y")(lambda x: x * factor)
    pipeline = Pipeline(nodes=[scale], engine=SeqEngine(cache))
    before = pipeline.run({"x": 1})
    factor = 3
    assert [before, pipeline.run({"x": 1})] == [{"y": 2}, {"y": 3}]


def test_changes_inside_a_captured_container_do_not_count(cache: Any) -> None:
    """A log that a function appends to between runs causes no misses."""
    log: list[int] = []

    @node(output_name="y")
    def note(x: int) -> int:
        log.append(x)
        return x

    pipeline = Pipeline(nodes=[note], engine=SeqEngine(cache))
    for x in (1, 2, 1, 2):
        pipeline.run({"x": x})
    assert log == [1, 2]


def test_other_defaults_miss(cache: Any) -> None:
    """A default that is not overridden counts as part of the function."""

    def make(step: int) -> Any:
        @node(output_name="y")
        def add(x: int, step: int = step) -> int:
            return x + step

        return add

    for step in (1, 2):
        assert executed(cache, [make(step)], {"x": 1}) == ["add"]


def test_renamed_outputs_hit(cache: Any) -> None:
    """Output names are no part of a key."""

    def make(name: str) -> Any:
        return node(output_name=name)(lambda x: x + 1)

    executed(cache, [make("a")], {"x": 1})
    assert executed(cache, [make("b")], {"x": 1}) == []


@node(output_name="y")
def take(thing: Any) -> int:
    """Take anything."""
    return 1


class Keyed:
    """Says its key itself; everything else does not count."""

    def __init__(self, key: Any, extra: int = 0) -> None:
        self.key = key
        self.extra = extra

    def __cache_key__(self) -> Any:
        return self.key


class OtherKeyed(Keyed):
    """The same under another name."""


class Private:
    """Keeps its state to itself."""

    def __init__(self, secret: int) -> None:
        self._secret = secret
        self.__hidden = secret

    def reveal(self) -> int:
        return self._secret + self.__hidden


class Slotted:
    """Keeps its state in slots."""

    __slots__ = ("_a",)

    def __init__(self, a: int) -> None:
        self._a = a


@dataclass
class Record:
    """Keeps its state in fields."""

    x: int
    _y: int = 0


def test_cache_key_stands_for_the_state(cache: Any) -> None:
    """Objects with one ``__cache_key__`` are one input, whatever else they hold."""
    executed(cache, [take], {"thing": Keyed("k", 1)})
    assert executed(cache, [take], {"thing": Keyed("k", 2)}) == []


def test_another_cache_key_misses(cache: Any) -> None:
    """Objects with other keys are other inputs, also where all else is equal."""
    executed(cache, [take], {"thing": Keyed("k")})
    assert executed(cache, [take], {"thing": Keyed("l")}) == ["take"]


def test_the_class_counts_beside_its_cache_key(cache: Any) -> None:
    """Two classes with one ``__cache_key__`` are two inputs."""
    executed(cache, [take], {"thing": Keyed("k")})
    assert executed(cache, [take], {"thing": OtherKeyed("k")}) == ["take"]


def test_a_text_is_not_the_object_with_that_cache_key(cache: Any) -> None:
    """A string equal to an object's key is another input."""
    executed(cache, [take], {"thing": Keyed("k")})
    assert executed(cache, [take], {"thing": "k"}) == ["take"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Private(1), Private(2)),
        (Slotted(1), Slotted(2)),
        (Record(1), Record(2)),
        (Record(1), Record(1, 5)),
        ([Private(1)], [Private(2)]),
        ({"a": {"b": Private(1)}}, {"a": {"b": Private(2)}}),
    ],
    ids=["private", "slots", "field", "private field", "in a list", "deep"],
)
def test_all_state_counts(cache: Any, one: Any, other: Any) -> None:
    """Without ``__cache_key__`` all state of an object counts, private attributes included."""
    executed(cache, [take], {"thing": one})
    assert executed(cache, [take], {"thing": other}) == ["take"]


@pytest.mark.parametrize("make", [Private, Slotted, Record, lambda n: {"n": [Private(n)]}])
def test_equal_state_hits(cache: Any, make: Callable[[int], Any]) -> None:
    """Another object with the same class and state is the same input."""
    executed(cache, [take], {"thing": make(1)})
    assert executed(cache, [take], {"thing": make(1)}) == []


SCRIPT = """
import sys
from pathlib import Path
from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine
import user_code

recorder = Recorder()
pipeline = Pipeline(nodes=[user_code.work], engine=SeqEngine(DiskCache("cache"), [recorder]))
thing = {"words": {"a", "b", "c", "d"}, "n": [1, None, 2.5], "f": frozenset("xyz")}
result = pipeline.run({"thing": thing})["y"]
print(len(recorder.executed), sorted(result))
"""

CODE = """
from hypernodes import node

@node(output_name="y")
def work(thing, extra=1):
    return {word for word in thing["words"] if word in {"a", "b", "q"}}
"""


def in_new_process(folder: Path, code: str, seed: int) -> str:
    """Run the script with *code* and return how many nodes it executed and its result."""
    (folder / "user_code.py").write_text(code, encoding="utf-8")
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    # a stale .pyc of the same second and size would hide the edit
    done = subprocess.run(
        [sys.executable, "-W", "error", "-B", "script.py"],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_new_process_with_another_hash_seed_hits(tmp_path: Path) -> None:
    """Keys depend neither on the process nor on the order of sets."""
    found = [in_new_process(tmp_path, CODE, seed) for seed in (1, 2)]
    assert found == ["1 ['a', 'b']", "0 ['a', 'b']"]


@pytest.mark.parametrize(
    "edited",
    [
        "\n\n# moved down\n" + CODE,
        CODE.replace("    return {", '    """Filter."""\n    # a comment\n    return {'),
        CODE.replace("{word for word in thing", "{\n        word for word in thing"),
    ],
    ids=["moved", "docstring and comment", "layout"],
)
def test_cosmetic_edits_of_a_node_hit(tmp_path: Path, edited: str) -> None:
    """Comments, docstrings, layout and the place in a file are no part of the code."""
    in_new_process(tmp_path, CODE, 1)
    assert in_new_process(tmp_path, edited, 2).startswith("0 ")


@pytest.mark.parametrize(
    "edited",
    [
        CODE.replace('"q"', '"c"'),
        CODE.replace("extra=1", "extra=2"),
        CODE.replace("if word in", "if word not in"),
    ],
    ids=["constant", "default", "operator"],
)
def test_edits_of_a_node_miss(tmp_path: Path, edited: str) -> None:
    """A node whose own code was edited runs again in the next process."""
    in_new_process(tmp_path, CODE, 1)
    assert in_new_process(tmp_path, edited, 1).startswith("1 ")


def test_an_edit_taken_back_hits(tmp_path: Path) -> None:
    """Going back to earlier code finds its entries: earlier entries stay."""
    for code in (CODE, CODE.replace('"q"', '"c"')):
        in_new_process(tmp_path, code, 1)
    assert in_new_process(tmp_path, CODE, 1) == "0 ['a', 'b']"


def test_a_result_whose_class_is_gone_is_made_again(tmp_path: Path) -> None:
    """A stored object of a class that no longer exists is a miss, silently, and is replaced."""
    shapes = tmp_path / "shapes.py"
    code = CODE.replace("from hypernodes", "import shapes\nfrom hypernodes").replace(
        'return {word for word in thing["words"] if word in {"a", "b", "q"}}',
        "return shapes.make()",
    )
    shapes.write_text(
        "class Old(list):\n    pass\ndef make():\n    return Old(['old'])\n", encoding="utf-8"
    )
    first = in_new_process(tmp_path, code, 1)
    shapes.write_text("def make():\n    return ['new']\n", encoding="utf-8")
    found = [in_new_process(tmp_path, code, 1) for _ in range(2)]
    assert [first, *found] == ["1 ['old']", "1 ['new']", "0 ['new']"]
