"""The contract of stateful objects, sentence by sentence, in pipelines (api.md, section 9)."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any, ClassVar

import cloudpickle
import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, Recorder, SeqEngine, node, stateful

if TYPE_CHECKING:
    from pathlib import Path

loaded: list[Any] = []


@stateful
class Model:
    """Notes each time it is built."""

    def __init__(self, path: str, scale: int = 1) -> None:
        loaded.append(path)
        self.path = path
        self.scale = scale
        self.items = [1, 2, 3]

    def predict(self, text: str) -> str:
        """Predict."""
        return f"{self.path}:{text * self.scale}"

    def __call__(self, text: str) -> str:
        return self.predict(text)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> int:
        return self.items[index]

    def __iter__(self) -> Any:
        return iter(self.items)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.items = []


@stateful
class Keyed:
    """Says its key itself."""

    asked: ClassVar[list[Any]] = []

    def __init__(self, name: str, noise: int = 0) -> None:
        loaded.append(name)
        self.name = name
        self.noise = noise

    def __cache_key__(self) -> str:
        self.asked.append(sorted(vars(self)))
        return self.name


@stateful
class LateKeyed:
    """Knows its key only once it is built."""

    def __init__(self, path: str) -> None:
        loaded.append(path)
        self.content = path.upper()

    def __cache_key__(self) -> str:
        return self.content


@node(output_name="out")
def predict(text: str, model: Any) -> str:
    """Predict with whatever model."""
    return model.predict(text)


@node(output_name="out")
def ignore(text: str, model: Any) -> str:
    """Take the model and leave it alone."""
    return text


@pytest.fixture(autouse=True)
def nothing_loaded() -> None:
    """Forget what earlier tests have built."""
    loaded.clear()


def executed(cache: Any, function: Any, model: Any) -> list[str]:
    """Run *function* with *model* and return the names of the executed nodes."""
    recorder = Recorder()
    engine = SeqEngine(cache, [recorder])
    Pipeline(nodes=[function], engine=engine).run({"text": "t", "model": model})
    return recorder.executed


def test_creating_an_instance_builds_nothing() -> None:
    """An instance stores its arguments; ``__init__`` runs at the first use, once."""
    model = Model("m")
    before = list(loaded)
    answers = [model.predict("a"), model.predict("b")]
    assert (before, answers, loaded) == ([], ["m:a", "m:b"], ["m"])


def test_it_is_built_once_by_many_threads() -> None:
    """Threads that use one handle at once share one object."""
    model, barrier = Model("threads"), Barrier(8)

    def use(_: int) -> str:
        barrier.wait()
        return model.predict("x")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(8))) == {"threads:x"}
    assert loaded == ["threads"]


def test_a_handle_behaves_as_the_object() -> None:
    """Length, indexing, iteration, calls and attributes are those of the object."""
    model = Model("m", scale=2)
    assert (len(model), model[1], list(model), model("a"), model.scale) == (
        3, 2, [1, 2, 3], "m:aa", 2,
    )  # fmt: skip


def test_a_handle_is_a_context_manager() -> None:
    """``with`` enters and leaves the object."""
    with Model("m") as model:
        inside = len(model)
    assert (inside, len(model)) == (3, 0)


def test_attributes_can_be_assigned() -> None:
    """Assigning through the handle changes the object, before and after it is built."""
    model = Model("m")
    model.scale = 2
    first = model.predict("a")
    model.scale = 3
    assert (first, model.predict("a")) == ("m:aa", "m:aaa")


def test_class_and_instances_carry_the_mark() -> None:
    """``__hypernode_stateful__`` is true on the class and on instances, loading nothing."""
    assert (Model.__hypernode_stateful__, Model("m").__hypernode_stateful__, loaded) == (
        True, True, [],
    )  # fmt: skip


def test_as_an_input_it_is_shared_by_all_items() -> None:
    """A map builds the object once and every item uses it."""
    rows = Pipeline(nodes=[predict]).map({"text": ["a", "b"], "model": Model("m")}, map_over="text")
    assert (rows, loaded) == ([{"out": "m:a"}, {"out": "m:b"}], ["m"])


def test_bound_it_is_shared_by_all_runs() -> None:
    """A bound stateful object is built once for all runs and nested uses."""
    inner = Pipeline(nodes=[predict]).bind(model=Model("m"))
    outer = Pipeline(nodes=[inner.as_node({"texts": "text"}, map_over="texts")])
    assert outer.run({"texts": ["a", "b"]}) == {"out": ["m:a", "m:b"]}
    inner.run({"text": "c"})
    assert loaded == ["m"]


def test_the_function_gets_the_handle_itself() -> None:
    """A stateful object reaches the function as itself, with and without a cache."""
    seen: list[Any] = []
    model = Model("m")
    keep = node(output_name="y")(lambda x, model: seen.append(model))
    for engine in (SeqEngine(), SeqEngine(MemoryCache())):
        Pipeline(nodes=[keep], engine=engine).map({"x": [1, 2], "model": model}, map_over="x")
    assert all(each is model for each in seen)


def test_methods_can_be_nodes() -> None:
    """A bound method of a handle is a node; making it builds nothing."""
    model = Model("m")
    work = node(output_name="out")(model.predict)
    pipeline = Pipeline(nodes=[work], engine=SeqEngine(MemoryCache()))
    before = list(loaded)
    rows = pipeline.map({"text": ["a", "b"]}, map_over="text")
    assert (before, rows, loaded) == ([], [{"out": "m:a"}, {"out": "m:b"}], ["m"])


def test_methods_of_other_arguments_are_other_nodes() -> None:
    """A method node is keyed by the arguments of its object."""
    cache = MemoryCache()
    results = [
        Pipeline(nodes=[node(output_name="out")(Model(path).predict)], engine=SeqEngine(cache)).run(
            {"text": "t"}
        )["out"]
        for path in ("a", "b", "a")
    ]
    assert (results, loaded) == (["a:t", "b:t", "a:t"], ["a", "b"])


def test_hits_build_nothing(tmp_path: Path) -> None:
    """Where everything hits, a model is not loaded: its key is made of its arguments."""
    for expected in (["predict"], []):
        assert executed(DiskCache(tmp_path / "cache"), predict, Model("m")) == expected
    assert loaded == ["m"]


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_pickles_carry_arguments_and_assignments(pickler: Any) -> None:
    """A pickle holds neither the object nor what it did to itself, but what was assigned."""
    model = Model("m", scale=2)
    model.predict("x")
    model.items.append(4)
    model.scale = 3
    data = pickler.dumps(model)
    with_list = b"items" in data
    del model
    copy = pickle.loads(data)
    before = len(loaded)
    assert (copy.predict("a"), copy.items, with_list) == ("m:aaa", [1, 2, 3], False)
    assert len(loaded) - before == 1


def test_other_arguments_miss() -> None:
    """The arguments are part of the key; those equal to the defaults are not told apart."""
    cache = MemoryCache()
    models = (Model("m"), Model("n"), Model("m", 2), Model("m"), Model(path="m", scale=1))
    assert [len(executed(cache, ignore, model)) for model in models] == [1, 1, 1, 0, 0]


def test_assignments_are_part_of_the_key() -> None:
    """An assignment through the handle is part of the key, whether or not it is built."""
    cache = MemoryCache()
    counts = []
    for scale in (None, 5, 6, 5):
        model = Model("m")
        if scale is not None:
            model.scale = scale
        counts.append(len(executed(cache, ignore, model)))
    assert counts == [1, 1, 1, 0]


def test_what_the_object_does_to_itself_is_no_part_of_the_key() -> None:
    """Using the object changes no key, so the same model hits after it was used."""
    cache, model = MemoryCache(), Model("m")
    executed(cache, predict, model)
    model.items.append(9)
    assert executed(cache, predict, model) == []


def test_another_class_misses() -> None:
    """The class is part of the key, its code too."""

    def make(suffix: str) -> Any:
        @stateful
        class Local:
            def __init__(self, path: str) -> None:
                self.path = path

            if suffix == "!":

                def predict(self, text: str) -> str:
                    return text + "!"

            else:

                def predict(self, text: str) -> str:
                    return text + "?"

        return Local("m")

    cache = MemoryCache()
    counts = [len(executed(cache, predict, make(suffix))) for suffix in ("!", "?", "!")]
    assert counts == [1, 1, 0]


def test_cache_key_stands_for_the_object() -> None:
    """``__cache_key__`` replaces arguments in the key."""
    cache = MemoryCache()
    models = (Keyed("k", 1), Keyed("k", 2), Keyed("l", 1))
    assert [len(executed(cache, ignore, model)) for model in models] == [1, 0, 1]


def test_cache_key_is_asked_once_before_loading() -> None:
    """It is asked once, of an instance that carries the bound arguments, defaults too."""
    Keyed.asked.clear()
    model = Keyed("k")
    cache = MemoryCache()
    for _ in range(3):
        executed(cache, ignore, model)
    assert (Keyed.asked, loaded) == ([["name", "noise"]], [])


def test_cache_key_that_needs_the_object_loads_it() -> None:
    """If the unloaded instance cannot say its key, the loaded object is asked."""
    cache = MemoryCache()
    assert [len(executed(cache, ignore, LateKeyed(path))) for path in ("a", "A", "b")] == [1, 0, 1]
    assert loaded == ["a", "A", "b"]


def test_a_handle_is_a_result_like_any_other(tmp_path: Path) -> None:
    """A node may return a handle: it is stored as its arguments and loads where it is used."""
    make = node(output_name="model")(lambda path: Model(path, 1))
    pipeline = Pipeline(nodes=[make, predict], engine=SeqEngine(DiskCache(tmp_path / "cache")))
    pipeline.run({"path": "m", "text": "a"})
    loaded.clear()
    found = pipeline.run({"path": "m", "text": "a"}, output_name="model")["model"]
    before = list(loaded)
    assert (before, found.predict("b")) == ([], "m:b")


def test_a_constructor_that_fails_is_the_nodes_failure() -> None:
    """An exception of ``__init__`` reaches the caller with its type; the next run tries again."""
    attempts: list[int] = []

    @stateful
    class Fragile:
        def __init__(self) -> None:
            attempts.append(1)
            if len(attempts) == 1:
                msg = "not yet"
                raise OSError(msg)

        def predict(self, text: str) -> str:
            return text

    model = Fragile()
    with pytest.raises(OSError, match="not yet"):
        Pipeline(nodes=[predict]).run({"text": "a", "model": model})
    assert Pipeline(nodes=[predict]).run({"text": "a", "model": model}) == {"out": "a"}


def test_a_new_process_hits_without_loading(tmp_path: Path) -> None:
    """A handle has the same key in every process, so a repeated script loads nothing."""
    script = tmp_path / "script.py"
    script.write_text(
        "from hypernodes import DiskCache, Pipeline, SeqEngine, node, stateful\n"
        "@stateful\n"
        "class Model:\n"
        "    def __init__(self, path): print('loading', path); self.path = path\n"
        "    def predict(self, text): return self.path + text\n"
        "work = node(output_name='out')(Model('m').predict)\n"
        "pipeline = Pipeline(nodes=[work], engine=SeqEngine(DiskCache('cache')))\n"
        "print(pipeline.run({'text': 'a'}))\n",
        encoding="utf-8",
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "error", script.name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")[:-1]
        for _ in range(2)
    ]
    assert outputs == [["loading m", "{'out': 'ma'}"], ["{'out': 'ma'}"]]
