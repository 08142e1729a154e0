"""The context that callbacks share, and the callback that does nothing."""

from __future__ import annotations

import inspect

import pytest

from hypernodes.callbacks import CallbackContext, PipelineCallback


def test_context_returns_what_was_set() -> None:
    """A value that was set is returned."""
    ctx = CallbackContext()
    ctx.set("key", None)
    assert ctx.get("key", "default") is None


def test_context_returns_the_default_for_an_unknown_key() -> None:
    """An unknown key gives the default, which is None."""
    ctx = CallbackContext()
    assert (ctx.get("key"), ctx.get("key", 7)) == (None, 7)


def test_depth_counts_the_pipelines_around_the_current_one() -> None:
    """The root has depth 0, a pipeline inside it depth 1."""
    ctx = CallbackContext()
    depths = [ctx.depth]
    for pipeline_id in ("outer", "inner"):
        ctx.push_pipeline(pipeline_id)
        depths.append(ctx.depth)
    assert depths == [0, 0, 1]


def test_context_knows_the_current_pipeline_and_its_parent() -> None:
    """The last pushed pipeline is current, the one before it is its parent."""
    ctx = CallbackContext()
    before = (ctx.current_pipeline_id, ctx.parent_pipeline_id)
    ctx.push_pipeline("outer")
    ctx.push_pipeline("inner")
    assert before == (None, None)
    assert (ctx.current_pipeline_id, ctx.parent_pipeline_id) == ("inner", "outer")


def test_hierarchy_path_is_a_copy_from_outside_to_inside() -> None:
    """Changing the returned path changes nothing."""
    ctx = CallbackContext()
    ctx.push_pipeline("outer")
    ctx.push_pipeline("inner")
    ctx.hierarchy_path.clear()
    assert ctx.hierarchy_path == ["outer", "inner"]


def test_pop_returns_the_pipeline_that_was_left() -> None:
    """Popping undoes pushing."""
    ctx = CallbackContext()
    ctx.push_pipeline("outer")
    assert (ctx.pop_pipeline(), ctx.hierarchy_path) == ("outer", [])


def test_pop_without_push_is_an_index_error() -> None:
    """There is nothing to leave at the start."""
    with pytest.raises(IndexError, match="no pipeline to leave"):
        CallbackContext().pop_pipeline()


def test_metadata_is_kept_by_pipeline() -> None:
    """Metadata is returned as it was set, and empty for an unknown pipeline."""
    ctx = CallbackContext()
    ctx.set_pipeline_metadata("p", {"total_nodes": 2})
    assert (ctx.get_pipeline_metadata("p"), ctx.get_pipeline_metadata("q")) == (
        {"total_nodes": 2},
        {},
    )


@pytest.mark.parametrize(
    "method",
    [name for name in vars(PipelineCallback) if name.startswith("on_") or name == "close"],
)
def test_every_method_of_the_base_does_nothing(method: str) -> None:
    """The methods of the base accept their arguments by position and return None."""
    call = getattr(PipelineCallback(), method)
    assert call(*[None] * len(inspect.signature(call).parameters)) is None


def test_every_engine_is_supported_by_default() -> None:
    """No restriction is spelled None."""
    assert PipelineCallback().supported_engines is None
