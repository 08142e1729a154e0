"""The tour, block by block, as users type it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine, node, stateful
from hypernodes.telemetry import ProgressCallback

if TYPE_CHECKING:
    import pytest


@node(output_name="cleaned_text")
def clean_text(passage: str) -> str:
    return passage.strip().lower()


@node(output_name="word_count")
def count_words(cleaned_text: str) -> int:
    return len(cleaned_text.split())


def test_functions_become_nodes() -> None:
    """Block 1: parameters name their inputs; run takes one input, map many."""
    pipeline = Pipeline(nodes=[clean_text, count_words])
    assert pipeline.run(inputs={"passage": "Hello World"}) == {
        "cleaned_text": "hello world",
        "word_count": 2,
    }
    results = pipeline.map(inputs={"passage": ["Hello", "World"]}, map_over="passage")
    assert results == [
        {"cleaned_text": "hello", "word_count": 1},
        {"cleaned_text": "world", "word_count": 1},
    ]


def test_caching_lives_on_the_engine(tmp_path: Path) -> None:
    """Block 2: another learning rate trains anew, and nothing else runs."""
    ran: Counter[str] = Counter()

    @node(output_name="data")
    def load_data(data_path: str) -> list[int]:
        ran["load_data"] += 1
        return json.loads(Path(data_path).read_text("utf-8"))

    @node(output_name="features")
    def preprocess(data: list[int]) -> list[int]:
        ran["preprocess"] += 1
        return [2 * value for value in data]

    @node(output_name="model")
    def train_model(features: list[int], learning_rate: float) -> float:
        ran["train_model"] += 1
        return learning_rate * sum(features)

    data_path = str(tmp_path / "data.json")
    Path(data_path).write_text("[1, 2, 3]", "utf-8")
    engine = SeqEngine(cache=DiskCache(path=tmp_path / ".cache"))
    pipeline = Pipeline(nodes=[load_data, preprocess, train_model], engine=engine)
    pipeline.run(inputs={"data_path": data_path, "learning_rate": 0.01})
    pipeline.run(inputs={"data_path": data_path, "learning_rate": 0.001})
    assert ran == {"load_data": 1, "preprocess": 1, "train_model": 2}


def test_added_items_run_alone(tmp_path: Path) -> None:
    """Block 2: of 150 passages, the 100 that were there before are hits."""
    recorder = Recorder()
    engine = SeqEngine(cache=DiskCache(path=tmp_path / ".cache"), callbacks=[recorder])
    pipeline = Pipeline(nodes=[clean_text, count_words], engine=engine)
    passages = [f"Passage {number} of many" for number in range(150)]
    pipeline.map(inputs={"passage": passages[:100]}, map_over="passage")
    recorder.clear()
    pipeline.map(inputs={"passage": passages}, map_over="passage")
    # a result equal to an earlier one is enough for a hit: all have four words
    assert (50, 100) == (recorder.executed.count("clean_text"), recorder.cached.count("clean_text"))


def test_a_stateful_model_is_loaded_once() -> None:
    """Block 3: built at first use, shared by every item."""
    loaded: list[str] = []

    def load_model(path: str) -> Any:
        loaded.append(path)
        return str.upper

    @stateful
    class ExpensiveModel:
        def __init__(self, model_path: str) -> None:
            self.model = load_model(model_path)

        def predict(self, text: str) -> str:
            return self.model(text)

    @node(output_name="prediction")
    def predict(text: str, model: ExpensiveModel) -> str:
        return model.predict(text)

    thousand_texts = [f"text {number}" for number in range(1000)]
    model = ExpensiveModel("./model.pkl")
    assert loaded == []
    results = Pipeline(nodes=[predict]).map(
        inputs={"text": thousand_texts, "model": model}, map_over="text"
    )
    assert (["./model.pkl"], "TEXT 999") == (loaded, results[-1]["prediction"])


@node(output_name="passage")
def load_passage(data_path: str) -> str:
    return Path(data_path).read_text("utf-8")


@node(output_name="tokens")
def tokenize(cleaned_text: str) -> list[str]:
    return cleaned_text.split()


@node(output_name="model")
def train(tokens: list[str]) -> Counter[str]:
    return Counter(tokens)


def test_pipelines_are_nodes(tmp_path: Path) -> None:
    """Block 4: a bare pipeline in a pipeline."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(" A b A ", "utf-8")
    text_pipeline = Pipeline(nodes=[clean_text, tokenize])
    main = Pipeline(nodes=[load_passage, text_pipeline, train])
    assert main.run(inputs={"data_path": str(corpus)})["model"] == {"a": 2, "b": 1}


def test_nested_pipelines_are_mapped_and_renamed() -> None:
    """Block 4: mappings lead outer names in and inner names out."""

    @node(output_name="embedding")
    def encode_text(cleaned_text: str) -> list[int]:
        return [len(cleaned_text)]

    @node(output_name="index")
    def build_index(encoded_corpus: list[list[int]]) -> int:
        return len(encoded_corpus)

    encode_corpus = Pipeline(nodes=[clean_text, encode_text]).as_node(
        input_mapping={"corpus": "passage"},
        output_mapping={"embedding": "encoded_corpus"},
        map_over="corpus",
    )
    result = Pipeline(nodes=[encode_corpus, build_index]).run(
        inputs={"corpus": ["Hello", "World", "Foo"]}
    )
    assert result == {"encoded_corpus": [[5], [5], [3]], "index": 3}


def test_configuration_is_inherited_downward(tmp_path: Path) -> None:
    """Block 6: cache and callbacks reach a grandchild that sets neither."""
    recorder = Recorder()
    grandchild = Pipeline(nodes=[count_words], engine=SeqEngine(), name="grandchild")
    child = Pipeline(nodes=[clean_text, grandchild], name="child")
    parent = Pipeline(
        nodes=[load_passage, child],
        engine=SeqEngine(cache=DiskCache(path=tmp_path / ".cache"), callbacks=[recorder]),
    )
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("Hello", "utf-8")
    parent.run(inputs={"data_path": str(corpus)})
    parent.run(inputs={"data_path": str(corpus)})
    assert recorder.cached == ["load_passage", "clean_text", "count_words"]


def test_progress_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Block 7: a progress callback writes to standard error, and nowhere else."""
    engine = SeqEngine(callbacks=[ProgressCallback()])
    Pipeline(nodes=[clean_text], engine=engine, name="tour").run(inputs={"passage": "Hello"})
    written = capfd.readouterr()
    assert ("", True) == (written.out, "tour" in written.err)


def test_nodes_and_pipelines_are_plain_things_to_test() -> None:
    """Block 8: a node is called as the function it is."""
    assert clean_text(" A ") == "a"
    assert Pipeline(nodes=[clean_text]).run(inputs={"passage": " A "})["cleaned_text"] == "a"
