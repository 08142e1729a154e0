"""Pipelines applied to Ray Datasets."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import Pipeline, node
from hypernodes.errors import PlanError

pytest.importorskip("pyarrow")
pytest.importorskip("pandas")
transform = pytest.importorskip("hypernodes_ray.transform")

# ray.data sets options of its own that it has given up
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data")


@node(output_name="y")
def add(x: int) -> int:
    return x + 1


@node(output_name="pair")
def pair(y: int) -> tuple[int, str]:
    return y, str(y)


@node(output_name=("half", "word"))
def split(y: int) -> tuple[float, str | None]:
    return y / 2, None if y > 2 else "few"


PIPELINE = Pipeline([add, pair, split])


@pytest.fixture
def dataset(connected: str) -> Any:
    """Five rows."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray.data.from_items([{"x": number, "k": "a"} for number in range(5)])


def test_a_dataset_gets_typed_columns(dataset: Any) -> None:
    """Declared numbers and texts are Arrow columns; all else travels pickled."""
    lazy = PIPELINE.transform(dataset)
    rows = sorted(lazy.take_all(), key=lambda row: row["x"])
    assert isinstance(dataset, type(lazy))
    assert [row["y"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["word"] for row in rows] == ["few", "few", None, None, None]
    assert [transform.unpickle(row["pair"]) for row in rows[:2]] == [(1, "1"), (2, "2")]


def test_a_value_of_another_type_is_an_error() -> None:
    """Arrow would cut 2.7 to 2; here the output is named."""
    with pytest.raises(TypeError, match=r"'y' is declared int, but a row gave float 2\.7"):
        transform.to_arrow("y", int, [1, 2.7])


@pytest.mark.parametrize(
    ("declared", "values", "kind"),
    [
        (int, [1], "int64"),
        (int | None, [1, None], "int64"),
        (bool, [True], "bool"),
        (str, ["a"], "string"),
        (list[int], [[1]], "binary"),
        (None, [(1,)], "binary"),
        (int | str, [1, "a"], "binary"),
    ],
)
def test_types_follow_declarations(declared: Any, values: list[Any], kind: str) -> None:
    """What has one plain type is stored as that, the rest pickled, and nothing changes."""
    found = transform.to_arrow("y", declared, values)
    back = found.to_pylist()
    assert str(found.type) == kind
    assert values == (list(map(transform.unpickle, back)) if kind == "binary" else back)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (Pipeline([node(lambda q: q, output_name="y")]), "no column is an input"),
        (Pipeline([node(lambda x, q: q, output_name="y")]), "Missing required"),
        (Pipeline([node(lambda x: x, output_name="k")]), "has columns k already"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(
    dataset: Any, pipeline: Pipeline, message: str
) -> None:
    """Missing inputs and columns that are there already are found before anything runs."""
    with pytest.raises(PlanError, match=message):
        pipeline.transform(dataset)
