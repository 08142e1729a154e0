from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hypernodes import Node, Pipeline

_DATA = re.compile(r'<script id="data" type="application/json">(.*?)</script>', re.S)


def _data(page: str) -> dict[str, object]:
    found = _DATA.search(page)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_a_page_needs_nothing_else(search: Pipeline) -> None:
    """It names no other address but the namespace of SVG."""
    page = str(search.visualize(interactive=True))
    addresses = set(re.findall(r"(?:https?:)?//[\w./]+", page)) - {"http://www.w3.org/2000/svg"}
    assert set() == {each for each in addresses if each.startswith(("http", "//www"))}
    assert None is re.search(r"""(?:src|href)=["'](?!#)""", page)
    assert "default-src 'none'" in page


def test_a_page_is_small(search: Pipeline) -> None:
    """Twenty nodes take far less than two megabytes."""
    nodes = [Node(eval(f"lambda v{n}: 0"), f"v{n + 1}") for n in range(20)]
    assert len(str(Pipeline(nodes).visualize(interactive=True))) < 200_000


def test_a_page_is_the_same_every_time(search: Pipeline) -> None:
    """Nothing in it depends on when it was made."""
    assert search.visualize(interactive=True) == search.visualize(interactive=True)


@pytest.mark.parametrize(("depth", "opened"), [(1, []), (2, ["prepare"]), (None, ["prepare"])])
def test_a_page_starts_at_a_depth(search: Pipeline, depth: int | None, opened: list[str]) -> None:
    """All levels are in it; *depth* says which are open at first."""
    data = _data(str(search.visualize(interactive=True, depth=depth)))
    assert opened == data["start_open"]
    assert 7 == len(data["boxes"])  # type: ignore[arg-type]  # a list


def test_code_cannot_leave_its_script() -> None:
    """A closing tag in the source of a function is only text."""

    def tricky(x: int) -> str:
        return "</script><!-- <script>"

    page = str(Pipeline([Node(tricky, "y")], name="</title><script>").visualize(interactive=True))
    details = _data(page)["details"]
    assert "</script><!-- <script>" in json.dumps(details)
    assert "<script>" not in page.split("</head>", maxsplit=1)[0]


def test_there_are_no_object_ids_and_no_folders(search: Pipeline) -> None:
    """A page that is sent to somebody does not tell where it was made."""
    page = str(search.bind(model=object()).visualize(interactive=True))
    assert None is re.search(r"0x[0-9a-f]{6,}", page)
    assert str(Path(__file__).parent) not in page


def test_a_run_is_part_of_the_page(search: Pipeline) -> None:
    """What happened is found by path."""
    page = str(search.visualize(interactive=True, run={"build": {"runs": 1, "seconds": 2.5}}))
    expected = {"runs": 1, "hits": 0, "errors": 0, "seconds": 2.5, "reasons": []}
    assert {"build": expected} == _data(page)["run"]
