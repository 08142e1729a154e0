"""Facts about the pages that need object stores: their blocks run against real ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "cache-on-s3-and-gcs.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def stores(
    moto: dict[str, Any], gcs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """Have ``s3://team-cache`` and ``gs://team-cache``, found as users have theirs found."""
    fsspec = pytest.importorskip("fsspec")
    systems = [
        fsspec.filesystem(scheme, **options, skip_instance_cache=True)
        for scheme, options in (("s3", moto), ("gs", gcs))
    ]
    for each in systems:
        each.mkdir("team-cache")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto["secret"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto["endpoint_url"])
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs["endpoint_url"])
    monkeypatch.setenv("HYPERNODES_CACHE_KEY", "a long random text that all machines share")
    monkeypatch.chdir(tmp_path)
    yield
    for each in systems:
        each.rm("team-cache", recursive=True)


@pytest.mark.usefixtures("stores")
def test_the_page_on_object_stores_runs() -> None:
    """The Python blocks of the page run in order, without a warning."""
    scope: dict[str, Any] = {"__name__": "page"}
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    for number, block in enumerate(found):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), scope)
    assert len(found) == 4
