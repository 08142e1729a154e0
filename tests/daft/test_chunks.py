"""Chunks in threads of this process: sizes, threads, failures, and what is left behind."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Any

import pytest

from hypernodes import Pipeline, node

daft = pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
chunks = pytest.importorskip("hypernodes_daft.chunks")
queries = pytest.importorskip("hypernodes_daft.queries")
pacing = pytest.importorskip("hypernodes_daft.pacing")


@pytest.fixture
def seen() -> list[Any]:
    """What functions noted."""
    return []


@pytest.mark.parametrize("by_batch", [True, False])
def test_rows_of_daft_carry_numbers_alone(by_batch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Daft is given numbers and a token; with row UDFs one number per item."""
    asked: list[int] = []
    ask = chunks.ask

    def noting(rows: int, token: str) -> Any:
        frame = ask(rows, token)
        asked.append(rows)
        assert [str(field.dtype) for field in frame.schema()] == ["Int64"]
        return frame

    monkeypatch.setattr(chunks, "ask", noting)
    through = node(output_name="y")(lambda x: x)
    engine = DaftEngine(use_batch_udf=by_batch, num_workers=2)
    values = [object() for _ in range(100)]
    rows = Pipeline([through]).map({"x": values}, map_over="x", engine=engine)
    assert all(row["y"] is value for row, value in zip(rows, values, strict=True))
    assert (sum(asked) >= 100) is not by_batch


def test_the_batch_size_can_be_fixed(seen: list[Any]) -> None:
    """With a ``batch_size``, so many items travel together, whatever they cost."""
    pytest.importorskip("pyarrow")
    engine = DaftEngine(default_daft_config={"batch_size": 7}, num_workers=1)
    sizes = Pipeline([node(lambda x: x, output_name="y")])
    results = []
    submit = engine.submit
    engine.submit = lambda plan, work, context: submit(  # type: ignore[method-assign]  # to look on
        plan, (results.append(each.size) or each for each in work), context
    )
    sizes.map({"x": list(range(20))}, map_over="x", engine=engine)
    assert results == [7, 7, 6]


def test_functions_see_the_variables_of_the_caller() -> None:
    """Context variables that are set around ``map`` are set inside."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    read = node(output_name="y")(lambda x: variable.get())
    token = variable.set("set")
    rows = Pipeline([read]).map({"x": [1, 2]}, map_over="x", engine=DaftEngine())
    variable.reset(token)
    assert rows == [{"y": "set"}] * 2


def test_chunks_are_carried_out_side_by_side() -> None:
    """Two items that wait for each other both end."""
    meeting = threading.Barrier(2, timeout=20)
    meet = node(output_name="y")(lambda x: meeting.wait() >= 0)
    engine = DaftEngine(default_daft_config={"batch_size": 1}, num_workers=2)
    rows = Pipeline([meet]).map({"x": [1, 2]}, map_over="x", engine=engine)
    assert rows == [{"y": True}] * 2


def test_items_of_a_nested_map_are_spread_as_well() -> None:
    """A nested pipeline with an engine of its own has its items carried out side by side."""
    meeting = threading.Barrier(2, timeout=20)
    meet = node(output_name="y")(lambda x: meeting.wait() >= 0)
    inner = Pipeline([meet], engine=DaftEngine(num_workers=2)).as_node(map_over="x", name="inner")
    assert Pipeline([inner]).run({"x": [1, 2, 3, 4]}) == {"y": [True] * 4}


def test_the_lowest_failure_of_a_nested_map_counts() -> None:
    """However small its chunks are, the note names the inner item."""
    fail = node(output_name="y")(lambda x: 1 / x)
    engine = DaftEngine(num_workers=2, default_daft_config={"batch_size": 2})
    inner = Pipeline([fail], engine=engine).as_node(map_over="x", name="inner")
    with pytest.raises(ZeroDivisionError) as caught:
        Pipeline([inner]).map({"x": [[1] * 9, [1, 1, 1, 1, 1, 0, 1, 0]]}, "x")
    assert any("item 1, inner item 5" in note for note in caught.value.__notes__)


def test_a_function_may_ask_daft_itself() -> None:
    """Queries inside items do not wait for the query around them."""

    def count(x: int) -> int:
        return int(daft.from_pydict({"a": list(range(x))}).where(daft.col("a") >= 0).count_rows())

    engine = DaftEngine(default_daft_config={"batch_size": 1}, num_workers=4)
    pipeline = Pipeline([node(count, output_name="y")])
    rows = pipeline.map({"x": list(range(1, 13))}, map_over="x", engine=engine)
    assert [row["y"] for row in rows] == list(range(1, 13))


def test_nothing_behind_a_failure_is_begun(seen: list[Any]) -> None:
    """Chunks after a failing one are left alone, but for those under way."""

    def fail(x: int) -> int:
        seen.append(x)
        if x == 3:
            message = "three"
            raise ValueError(message)
        return x

    engine = DaftEngine(default_daft_config={"batch_size": 1}, num_workers=1)
    with pytest.raises(ValueError, match="three"):
        Pipeline([node(fail, output_name="y")]).map(
            {"x": list(range(1000))}, map_over="x", engine=engine
        )
    assert seen[:4] == [0, 1, 2, 3]
    assert len(seen) < 10


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupts_reach_the_caller(interrupt: type[BaseException]) -> None:
    """What ends a program is not turned into a failing item."""

    def stop(x: int) -> int:
        raise interrupt

    with pytest.raises(interrupt):
        Pipeline([node(stop, output_name="y")]).map(
            {"x": [1, 2]}, map_over="x", engine=DaftEngine()
        )


def test_a_run_leaves_nothing_behind() -> None:
    """Neither values nor threads of a run stay, whether it ended well, badly or early."""
    slow = node(output_name="y")(lambda x: time.sleep(0.001) or 1 / x)
    pipeline = Pipeline([slow])
    engine = DaftEngine(default_daft_config={"batch_size": 2}, num_workers=2)
    pipeline.map({"x": [1] * 20}, map_over="x", engine=engine)
    with pytest.raises(ZeroDivisionError):
        pipeline.map({"x": [1, 0] * 20}, map_over="x", engine=engine)
    rows = pipeline.map_iter({"x": iter([1] * 100)}, map_over="x", engine=engine, chunk_items=2)
    next(rows)
    rows.close()  # type: ignore[attr-defined]  # it is a generator
    names = [thread.name for thread in threading.enumerate()]
    assert queries._known == {}
    assert [name for name in names if name.startswith("hypernodes-daft")] == []


def test_daft_s_own_configuration_is_restored() -> None:
    """Execution settings hold for the query and not longer."""
    context = daft.context.get_context()
    before = context.daft_execution_config.default_morsel_size
    engine = DaftEngine(default_daft_config={"default_morsel_size": 1234})
    Pipeline([node(lambda x: x, output_name="y")]).map({"x": [1]}, map_over="x", engine=engine)
    assert context.daft_execution_config.default_morsel_size == before


def test_cheap_items_soon_travel_in_thousands() -> None:
    """After a few items the size of a chunk follows from what they cost."""
    pace = pacing.MeasuredPace(100_000, workers=2)
    sizes = [pace.size]
    pace.note(pace.size, 64e-6)
    sizes.append(pace.size)
    pace.note(10, 10.0)
    sizes.append(pace.size)
    assert sizes == [64, 4096, 1]
