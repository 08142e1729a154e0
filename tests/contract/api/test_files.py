"""`File` as an input of cached pipelines, sentence by sentence (api.md, sections 1 and 6)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hypernodes import DiskCache, File, MemoryCache, Pipeline, Recorder, SeqEngine, node
from hypernodes.errors import CacheWarning


@node(output_name="text")
def read(source: Any) -> str:
    """Return the text of a file."""
    return Path(source).read_text()


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A new cache of each kind."""
    return MemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that says "one"."""
    path = tmp_path / "data.txt"
    path.write_text("one")
    return path


def run(cache: Any, source: Any) -> tuple[str, int]:
    """Return what the file says, and how many nodes were executed to know."""
    recorder = Recorder()
    pipeline = Pipeline(nodes=[read], engine=SeqEngine(cache, [recorder]))
    return pipeline.run({"source": source})["text"], len(recorder.executed)


def test_an_edited_file_reruns_the_node(cache: Any, path: Path) -> None:
    """New content of the same length runs the node, and old content is a hit again."""
    found = []
    for content in ("one", "two", "two", "one"):
        path.write_text(content)
        found.append(run(cache, File(path)))
    assert found == [("one", 1), ("two", 1), ("two", 0), ("one", 0)]


def test_a_touched_file_does_not(cache: Any, path: Path) -> None:
    """Other times with the same content are a hit."""
    before = run(cache, File(path))
    os.utime(path, (1, 1))
    assert [before, run(cache, File(path))] == [("one", 1), ("one", 0)]


def test_a_moved_file_does_not(cache: Any, path: Path) -> None:
    """The same name and content in another folder are a hit."""
    before = run(cache, File(path))
    (path.parent / "elsewhere").mkdir()
    moved = path.rename(path.parent / "elsewhere" / path.name)
    assert [before, run(cache, File(moved))] == [("one", 1), ("one", 0)]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_does_not_notice(cache: Any, path: Path, kind: Any) -> None:
    """A path is its text, so the node is a hit whatever the file says now."""
    before = run(cache, kind(path))
    path.write_text("two")
    assert [before, run(cache, kind(path))] == [("one", 1), ("one", 0)]


def test_only_edited_files_of_a_map_run(cache: Any, tmp_path: Path) -> None:
    """Of many mapped files the edited one runs."""
    paths = [tmp_path / f"{number}.txt" for number in range(4)]
    for each in paths:
        each.write_text("one")
    recorder = Recorder()
    pipeline = Pipeline(nodes=[read], engine=SeqEngine(cache, [recorder]))
    pipeline.map({"source": [File(each) for each in paths]}, map_over="source")
    paths[2].write_text("two")
    results = pipeline.map({"source": [File(each) for each in paths]}, map_over="source")
    assert [result["text"] for result in results] == ["one", "one", "two", "one"]
    assert len(recorder.executed) == 5


def test_a_bound_file_is_looked_at_in_each_run(cache: Any, path: Path) -> None:
    """One pipeline with one bound file notices an edit between two runs."""
    pipeline = Pipeline(nodes=[read], engine=SeqEngine(cache)).bind(source=File(path))
    before = pipeline.run()
    path.write_text("two")
    assert [before, pipeline.run()] == [{"text": "one"}, {"text": "two"}]


def test_the_function_receives_the_file_itself(cache: Any, path: Path) -> None:
    """A function gets the object that was passed."""
    keep = node(output_name="kept")(lambda source: source is file)
    file = File(path)
    assert Pipeline([keep], engine=SeqEngine(cache)).run({"source": file}) == {"kept": True}


def test_a_function_that_edits_its_file_is_not_cached(cache: Any, path: Path) -> None:
    """What was computed while the file changed is not stored, and a warning says so."""

    @node(output_name="size")
    def append(source: File) -> int:
        with open(source, "a") as stream:  # noqa: PTH123 - what users write
            stream.write("more")
        return Path(source).stat().st_size

    pipeline = Pipeline(nodes=[append], engine=SeqEngine(cache))
    with pytest.warns(CacheWarning, match="node 'append' changed its input 'source'"):
        assert pipeline.run({"source": File(path)}) == {"size": 7}
    path.write_text("one")
    with pytest.warns(CacheWarning, match="node 'append' changed its input 'source'"):
        assert pipeline.run({"source": File(path)}) == {"size": 7}


def test_a_missing_file_runs_uncached(cache: Any, tmp_path: Path) -> None:
    """A warning names node, input and file; the function's own error reaches the caller."""
    warning = r"node 'read' runs uncached: .*inputs\['source'\].*No such file.*absent\.txt"
    with (
        pytest.warns(CacheWarning, match=warning),
        pytest.raises(FileNotFoundError, match=r"absent\.txt"),
    ):
        run(cache, File(tmp_path / "absent.txt"))
