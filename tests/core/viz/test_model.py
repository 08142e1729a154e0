import pickle

from hypernodes import Pipeline, node
from hypernodes.viz import make_drawing


def test_a_closed_pipeline_is_one_box(search: Pipeline) -> None:
    """At depth 1 a nested pipeline hides its inside."""
    drawing = make_drawing(search, depth=1)
    assert ["corpus", "model: object", "prepare", "build"] == [box.label for box in drawing.boxes]


def test_an_opened_pipeline_shows_its_nodes_in_a_group(search: Pipeline) -> None:
    """At depth 2 the nodes of a nested pipeline lie in its group."""
    drawing = make_drawing(search, depth=2)
    group = next(box for box in drawing.boxes if box.kind == "group")
    inside = [box.label for box in drawing.boxes if box.group == group.id]
    assert ["lower", "clean", "split"] == inside


def test_every_level_opens_without_a_depth() -> None:
    """Depth None opens pipelines in pipelines."""

    @node(output_name="y")
    def deep(x: int) -> int:
        return x

    pipeline = Pipeline([Pipeline([Pipeline([deep], name="a")], name="b")], name="c")
    labels = [box.label for box in make_drawing(pipeline, depth=None).boxes]
    assert ["x: int", "b", "a", "deep"] == labels


def test_every_arrow_joins_two_boxes(search: Pipeline) -> None:
    """No arrow begins or ends where there is no box."""
    for depth in (1, 2, None):
        drawing = make_drawing(search, depth=depth)
        ids = {box.id for box in drawing.boxes}
        assert all({arrow.source, arrow.target} <= ids for arrow in drawing.arrows)


def test_a_renamed_edge_shows_both_names(search: Pipeline) -> None:
    """An input mapping is written on the edge as ``outer -> inner``."""
    labels = [arrow.label for arrow in make_drawing(search, depth=1).arrows]
    assert "corpus -> passage" in labels


def test_bound_inputs_are_told_apart(search: Pipeline) -> None:
    """A bound input has a kind of its own."""
    kinds = {box.label: box.kind for box in make_drawing(search, depth=1).boxes}
    assert ("input", "bound") == (kinds["corpus"], kinds["model: object"])


def test_what_is_special_is_said(search: Pipeline) -> None:
    """Mapping, async and uncached nodes carry remarks."""
    remarks = {box.label: box.remarks for box in make_drawing(search, depth=1).boxes}
    expected = (("mapped over corpus",), ("async", "not cached"))
    assert expected == (remarks["prepare"], remarks["build"])


def test_optional_inputs_say_so() -> None:
    """An input with a default is marked as optional."""
    pipeline = Pipeline([node(output_name="y")(lambda x, base=2: x * base)])
    labels = [box.label for box in make_drawing(pipeline).boxes]
    assert ["base (optional)", "x", "<lambda>"] == labels


def test_a_drawing_is_the_same_every_time(search: Pipeline) -> None:
    """Ids come from positions, never from addresses."""
    assert make_drawing(search, None) == pickle.loads(pickle.dumps(make_drawing(search, None)))


def test_an_empty_pipeline_gives_an_empty_drawing() -> None:
    """Nothing to draw is no error."""
    drawing = make_drawing(Pipeline([]))
    assert ((), ()) == (drawing.boxes, drawing.arrows)
