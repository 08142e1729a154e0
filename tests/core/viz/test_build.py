from __future__ import annotations

import pytest

from hypernodes import DualNode, Node, Pipeline, node
from hypernodes.viz import Box, Drawing, Field, make_drawing


def _names(drawing: Drawing) -> list[str]:
    """Return what is on the boxes, in order."""
    return [box.label or ", ".join(field.name for field in box.fields) for box in drawing.boxes]


def _box(drawing: Drawing, name: str) -> Box:
    """Return the box of a node, or the one that holds an input."""
    (found,) = [
        box
        for box in drawing.boxes
        if box.label == name or (not box.label and name in {field.name for field in box.fields})
    ]
    return found


def test_a_closed_pipeline_is_one_box(search: Pipeline) -> None:
    """At depth 1 a nested pipeline hides its inside."""
    assert ["corpus", "model", "prepare", "build"] == _names(make_drawing(search, depth=1))


def test_an_opened_pipeline_shows_its_nodes_in_a_group(search: Pipeline) -> None:
    """At depth 2 the nodes of a nested pipeline lie in its group."""
    drawing = make_drawing(search, depth=2)
    inside = [box for box in drawing.boxes if box.group == "prepare"]
    assert ["input:prepare/lower", "prepare/clean", "prepare/split"] == [box.id for box in inside]


def test_every_level_opens_without_a_depth() -> None:
    """Depth None opens pipelines in pipelines."""
    deep = Node(lambda x: x, "y")
    pipeline = Pipeline([Pipeline([Pipeline([deep], name="a")], name="b")], name="c")
    assert ["x", "b", "a", "<lambda>"] == _names(make_drawing(pipeline, depth=None))


def test_a_renamed_edge_shows_both_names(search: Pipeline) -> None:
    """An input mapping is written on the edge as ``outer -> inner``, closed or open."""
    for depth in (1, 2):
        (arrow,) = [a for a in make_drawing(search, depth).arrows if a.source == "input:corpus"]
        assert ("each corpus -> passage", True) == (arrow.label, arrow.is_mapped)


def test_an_opened_pipeline_shows_how_its_outputs_are_renamed(search: Pipeline) -> None:
    """An output mapping is written on the edge as ``inner -> outer``."""
    (arrow,) = [a for a in make_drawing(search, 2).arrows if a.source == "prepare/split"]
    assert ("build", "tokens -> all_tokens") == (arrow.target, arrow.label)


def test_bound_inputs_are_told_apart(search: Pipeline) -> None:
    """A bound input has a state of its own, and so has an optional one."""
    optional = Pipeline([Node(lambda base=2: base, "y")])
    found = [
        _box(make_drawing(search), "corpus").state,
        _box(make_drawing(search), "model").state,
        _box(make_drawing(optional), "base").state,
    ]
    assert ["", "bound", "optional"] == found


def test_what_is_special_is_said(search: Pipeline) -> None:
    """Mapped, async and uncached nodes carry remarks."""
    drawing = make_drawing(search)
    remarks = [_box(drawing, name).remarks for name in ("prepare", "build")]
    assert [("mapped over corpus",), ("async", "not cached")] == remarks


def test_a_node_for_batches_is_told_apart() -> None:
    """A `DualNode` has a kind of its own."""
    pytest.importorskip("pyarrow")
    dual = DualNode("y", lambda x: x, lambda x: x)
    assert "dual" == make_drawing(Pipeline([dual])).boxes[-1].kind


def test_a_stateful_input_is_marked_and_not_built(encoder_class: type) -> None:
    """A bound stateful object is known by its class; drawing does not build it."""
    pipeline = Pipeline([Node(lambda encoder: encoder, "y")])
    pipeline.bind(encoder=encoder_class(name=3))
    (box,) = [box for box in make_drawing(pipeline).boxes if box.kind == "input"]
    assert (Field("encoder", "", is_stateful=True),) == box.fields


def test_types_stand_beside_names(search: Pipeline) -> None:
    """Outputs of a mapped pipeline are lists of what it gives inside."""
    box = _box(make_drawing(search), "prepare")
    assert (Field("all_tokens", "list[list[str]]"),) == box.fields


def test_types_can_be_left_out(search: Pipeline) -> None:
    """Without types only names are noted."""
    drawing = make_drawing(search, None, show_types=False)
    assert {""} == {field.type for box in drawing.boxes for field in box.fields}


def test_pruned_outputs_are_not_drawn() -> None:
    """What a nested pipeline computes for nobody is neither a field nor a node."""
    used, unused = Node(lambda x: x, "used"), Node(lambda x, z: x, "unused")
    reader = Node(lambda used: used, "y")
    drawing = make_drawing(Pipeline([Pipeline([used, unused], name="both"), reader]), None)
    shown = {field.name for box in drawing.boxes for field in box.fields}
    assert {"x", "used", "y"} == shown


def test_a_producer_whose_output_is_bound_is_not_drawn() -> None:
    """A bound value replaces its producer, in the run and in the picture."""
    nodes = [Node(lambda x: x, "middle"), Node(lambda middle: middle, "y")]
    drawing = make_drawing(Pipeline(nodes).bind(middle=1))
    assert ["middle", "<lambda>"] == _names(drawing)


def test_inputs_with_the_same_readers_share_a_box() -> None:
    """Grouped inputs are one box with one arrow; states do not mix."""
    pipeline = Pipeline([Node(lambda a, b, c: a, "y")]).bind(c=1)
    assert ["a, b", "c", "<lambda>"] == _names(make_drawing(pipeline))
    assert ["a", "b", "c", "<lambda>"] == _names(make_drawing(pipeline, group_inputs=False))


def test_outputs_can_have_boxes_of_their_own() -> None:
    """Separate outputs lie between the node that gives them and those that read them."""
    nodes = [Node(lambda x: (x, x), ("a", "b")), Node(lambda b: b, "y")]
    drawing = make_drawing(Pipeline(nodes), separate_outputs=True)
    edges = [(arrow.source.split(":")[-1], arrow.target.split(":")[-1]) for arrow in drawing.arrows]
    expected = [("x", "<lambda>"), ("<lambda>", "a"), ("<lambda>", "b"), ("b", "<lambda>#1")]
    assert sorted([*expected, ("<lambda>#1", "y")]) == sorted(edges)


def test_a_flat_picture_has_no_groups(search: Pipeline) -> None:
    """Flattening keeps what lies inside of opened pipelines and drops their borders."""
    drawing = make_drawing(search, None, flatten=True)
    assert [] == [box for box in drawing.boxes if box.kind == "group" or box.group]
    assert {"clean", "split", "build"} == {box.label for box in drawing.boxes if box.is_node}


def test_a_mapped_input_that_nothing_reads_leads_to_the_pipeline() -> None:
    """What only says how many items there are still has an arrow."""
    inner = Pipeline([Node(lambda a: a, "u"), Node(lambda b: b, "v")], name="inner")
    mapped = inner.as_node(map_over=["a", "b"], output_mapping={"u": "us"})
    for depth, flatten in ((1, False), (None, False), (None, True)):
        drawing = make_drawing(Pipeline([mapped]), depth, flatten=flatten)
        fields = {
            field.name for box in drawing.boxes if box.kind == "input" for field in box.fields
        }
        assert {"a", "b"} == fields
        assert {arrow.source for arrow in drawing.arrows} >= {
            box.id for box in drawing.boxes if box.kind == "input"
        }


def test_which_of_several_outputs_is_said() -> None:
    """An arrow from a node with several outputs names the one it carries."""
    nodes = [Node(lambda x: (x, x), ("a", "b")), Node(lambda b: b, "y")]
    assert ["", "b"] == [arrow.label for arrow in make_drawing(Pipeline(nodes)).arrows]


def test_names_are_one_line() -> None:
    """A name with a line break cannot break a format that is made of lines."""

    @node(output_name="y")
    def named(x: int) -> int:
        return x

    drawing = make_drawing(Pipeline([Pipeline([named], name="in\nner")], name="a\nb"))
    assert ("a b", "in ner") == (drawing.title, drawing.boxes[-1].label)


def test_an_annotation_that_cannot_be_read_is_shown_as_written() -> None:
    """A forward reference to nowhere neither breaks the picture nor vanishes."""

    def lost(x: Nowhere) -> list[Nowhere]:  # type: ignore[name-defined]  # noqa: F821 - the point
        return [x]

    given, taken = make_drawing(Pipeline([Node(lost, "y")])).boxes
    assert ("Nowhere", "list[Nowhere]") == (given.fields[0].type, taken.fields[0].type)


def test_an_empty_pipeline_gives_an_empty_drawing() -> None:
    """Nothing to draw is no error."""
    drawing = make_drawing(Pipeline([]))
    assert ((), ()) == (drawing.boxes, drawing.arrows)
