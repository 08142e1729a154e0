"""Facts about the page of benchmarks."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"


@pytest.fixture
def recorder() -> Any:
    """Return the module that writes the page."""
    spec = importlib.util.spec_from_file_location("record", ROOT / "benchmarks" / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_benchmark_has_its_part_of_the_page() -> None:
    """What `nox -s bench` measures is to be read in the documentation."""
    parts = re.findall(
        r"<!-- (\w+): begin -->\n.+?<!-- (\w+): end -->", PAGE.read_text(), re.DOTALL
    )
    files = {path.stem.removeprefix("bench_") for path in ROOT.glob("benchmarks/bench_*.py")}
    assert {name for pair in parts for name in pair} == files


def test_a_part_is_replaced_and_its_surroundings_stay(recorder: Any) -> None:
    """Only what stands between the comments of a benchmark changes."""
    other = "between <!-- b: begin --><!-- b: end -->"
    page = f"before\n<!-- a: begin -->\nold\n<!-- a: end -->\n{other}"
    expected = f"before\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\n{other}"
    assert recorder.put(page, "a", "new\n") == expected


def test_a_benchmark_without_a_part_is_refused(recorder: Any) -> None:
    """Nothing that was measured is dropped in silence."""
    with pytest.raises(ValueError, match="no part for c: write <!-- c: begin -->"):
        recorder.put("a page", "c", "new")
