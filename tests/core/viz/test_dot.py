from __future__ import annotations

import shutil
import subprocess

import pytest

from hypernodes import Node, Pipeline
from hypernodes.viz import make_drawing, render_dot


def test_a_pipeline_becomes_a_digraph(search: Pipeline) -> None:
    """Boxes carry names, types and remarks, arrows their labels."""
    lines = [line.strip() for line in render_dot(make_drawing(search)).splitlines()]
    assert 'digraph "search" {' == lines[0]
    assert any(
        line.startswith('n2 [label="prepare\\nall_tokens: list[list[str]]') for line in lines
    )
    assert 'n0 -> n2 [label="each corpus -> passage", color="#7a5bd0", penwidth="1.6"]' in lines


def test_quotes_and_backslashes_are_escaped() -> None:
    """A name cannot end its label."""
    pipeline = Pipeline([Node(lambda x: x, "y")], name='a "b\\')
    assert 'digraph "a \\"b\\\\" {' == render_dot(make_drawing(pipeline)).splitlines()[0]


@pytest.mark.parametrize("depth", [1, 2, None])
def test_graphviz_reads_it(search: Pipeline, depth: int | None) -> None:
    """The ``dot`` of the system takes the text without a word."""
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("needs the program dot")
    text = render_dot(make_drawing(search, depth))
    done = subprocess.run([dot, "-Tsvg"], input=text, capture_output=True, check=True, text=True)
    assert "" == done.stderr
