"""What every engine promises about failures: whose they are, where, and what is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from hypernodes.errors import MissingInputError, PlanError, TransferError, UnknownOutputError
from hypernodes.execution import FailedItem
from hypernodes.graph import node
from hypernodes.pipeline import Pipeline
from hypernodes.testing._engine_values import Tally

MakeEngine = Callable[..., Any]


class OddError(Exception):
    """An exception whose constructor takes other arguments than it keeps."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.detail = detail


class EngineFailingContract:
    """Tests of one engine with functions that raise; see `EngineContract`."""

    runs_here: ClassVar[bool] = True

    def test_the_users_exception_reaches_the_caller(self, engine: MakeEngine) -> None:
        """Its type, message and attributes are kept, whatever its constructor takes."""
        with pytest.raises(OddError, match="code 7") as caught:
            Pipeline([_odd]).map({"x": [1, 2]}, "x", engine=engine())
        error = caught.value
        assert (type(error), str(error)) == (OddError, "code 7")
        assert (error.code, error.detail) == (7, "seven")

    def test_a_failure_says_where_it_happened(self, engine: MakeEngine) -> None:
        """Notes name the node and the item; notes of the user are kept."""
        with pytest.raises(ZeroDivisionError) as caught:
            Pipeline([invert]).map({"x": [1, 2, 0, 4]}, "x", engine=engine())
        notes = caught.value.__notes__
        assert "look at x" in notes
        assert any("'invert'" in note and "2" in note for note in notes)

    def test_the_lowest_failing_item_counts(self, engine: MakeEngine) -> None:
        """Of several failures the first in item order is raised."""
        xs = [1.0] * 90 + ["a"] + [0.0] * 30
        with pytest.raises(TypeError) as caught:
            Pipeline([invert]).map({"x": xs}, "x", engine=engine())
        assert any("90" in note for note in caught.value.__notes__)

    def test_a_failure_inside_says_its_path(self, engine: MakeEngine) -> None:
        """A note leads through nested pipelines to the node."""
        inner = Pipeline([invert]).as_node(map_over="x", name="inner")
        with pytest.raises(ZeroDivisionError) as caught:
            Pipeline([inner]).map({"x": [[1], [2, 0]]}, "x", engine=engine())
        assert any("inner/invert" in note for note in caught.value.__notes__)

    def test_a_failure_inside_its_own_engine_says_its_place(self, engine: MakeEngine) -> None:
        """A nested pipeline that has an engine fails as one that inherits it does."""
        items = {"x": [[1] * 9, [1, 1, 1, 0, 1, 0]]}
        notes: list[Any] = []
        for inside in (None, engine()):
            inner = Pipeline([invert], engine=inside).as_node(map_over="x", name="inner")
            with pytest.raises(ZeroDivisionError) as caught:
                Pipeline([inner]).map(items, "x", engine=engine())
            notes.append(caught.value.__notes__)
        assert notes[0] == notes[1]
        assert any("item 1, inner item 3" in note for note in notes[1])

    def test_no_local_exception_is_lost(self, engine: MakeEngine) -> None:
        """An exception class that lives in a function keeps its name and message."""

        class LocalError(Exception):
            pass

        def fail(x: int) -> int:
            message = f"no {x}"
            raise LocalError(message)

        with pytest.raises(Exception, match="no 1") as caught:
            Pipeline([node(fail, output_name="y")]).map({"x": [1]}, "x", engine=engine())
        assert type(caught.value).__name__ == "LocalError"

    def test_failures_are_collected_where_asked(self, engine: MakeEngine) -> None:
        """``on_error="collect"`` carries on and keeps each failure in its place."""
        xs = [1, 0, 2, "a", 4]
        found: Any = Pipeline([invert]).map({"x": xs}, "x", engine=engine(), on_error="collect")
        assert [row["inverse"] for row in found.finished] == [1.0, 0.5, 0.25]
        failed = found.failed
        assert all(isinstance(each, FailedItem) for each in failed)
        assert [(1, ZeroDivisionError, "invert"), (3, TypeError, "invert")] == [
            (each.item, type(each.error), each.path) for each in failed
        ]
        assert [dict(each.inputs) for each in failed] == [{"x": 0}, {"x": "a"}]

    def test_rows_before_a_source_that_raises_come_first(self, engine: MakeEngine) -> None:
        """What was taken from an iterator is carried out, then its exception is raised."""

        def source() -> Iterator[int]:
            yield from range(1, 38)
            message = "no more"
            raise OSError(message)

        seen: list[Any] = []
        with pytest.raises(OSError, match="no more"):
            seen.extend(Pipeline([invert]).map_iter({"x": source()}, "x", engine=engine()))
        assert seen == [{"inverse": 1 / x} for x in range(1, 38)]

    def test_nothing_runs_where_something_is_missing(
        self, engine: MakeEngine, tally: Tally
    ) -> None:
        """A request that cannot be answered is refused before any call."""

        def note_it(x: int, other: int) -> int:
            tally.note(x)
            return x + other

        made, pipeline = engine(), Pipeline([node(note_it, output_name="y")])
        with pytest.raises(MissingInputError, match="Missing required input"):
            pipeline.map({"x": [1]}, "x", engine=made)
        with pytest.raises(PlanError, match="length"):
            pipeline.map({"x": [1], "other": [1, 2]}, ["x", "other"], engine=made)
        with pytest.raises(UnknownOutputError, match="not found"):
            pipeline.map({"x": [1], "other": 1}, "x", output_name="z", engine=made)
        assert tally.read() == []

    def test_what_cannot_be_sent_is_named(self, engine: MakeEngine) -> None:
        """An input or a result that no process can be given is told by its name."""
        if self.runs_here:
            pytest.skip("this engine calls functions in this process: nothing is sent")
        take = node(output_name="y")(lambda x, lock: x)
        with pytest.raises(TransferError, match="'lock'"):
            Pipeline([take]).map({"x": [1], "lock": threading.Lock()}, "x", engine=engine())
        give = node(output_name="handle")(lambda x: threading.Lock())
        with pytest.raises(TransferError, match=r"'handle'.*item 0"):
            Pipeline([give]).map({"x": [1]}, "x", engine=engine())


@node(output_name="inverse")
def invert(x: Any) -> float:
    """Return one over *x*."""
    try:
        return float(1 / x)
    except ZeroDivisionError as error:
        error.add_note("look at x")
        raise


@node(output_name="odd")
def _odd(x: int) -> int:
    if x == 1:
        code, detail = 7, "seven"
        raise OddError(code, detail)
    return x
