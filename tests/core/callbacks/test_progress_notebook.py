"""Progress in a notebook, as a kernel shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

_RUNS = """
from hypernodes import Node, Pipeline, SeqEngine
from hypernodes.telemetry import ProgressCallback

pipeline = Pipeline([Node(lambda x: x + 1, "y")], name="corpus")
engine = SeqEngine(callbacks=[ProgressCallback()])
for count in (50, 60):
    pipeline.map({"x": range(count)}, map_over="x", engine=engine)
"""
_AWAITS = """
await pipeline.amap({"x": range(70)}, map_over="x", engine=engine)
None
"""


@pytest.fixture(scope="module")
def outputs() -> list[list[Any]]:
    """The outputs of two cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(each) for each in (_RUNS, _AWAITS)]
    # the kernel's own words about how it is reached are none of ours
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def _counts(outputs: list[Any]) -> list[str]:
    return [re.findall(r"\d+/\d+", each["data"]["text/plain"])[0] for each in outputs]


def test_each_run_is_one_output_with_its_last_state(outputs: list[list[Any]]) -> None:
    """What changes is replaced, not repeated, and nothing goes to stderr."""
    assert [each["output_type"] for each in outputs[0]] == ["display_data"] * 2
    assert _counts(outputs[0]) == ["50/50", "60/60"]


def test_awaited_maps_show_it_too(outputs: list[list[Any]]) -> None:
    """The event loop of the kernel is no hindrance."""
    assert _counts(outputs[1]) == ["70/70"]


def test_it_is_html_beside_plain_text(outputs: list[list[Any]]) -> None:
    """Front ends show colours, exports to text the words."""
    assert set(outputs[0][0]["data"]) == {"text/html", "text/plain"}
