"""What tests of Daft's processes share."""

from __future__ import annotations

import gc
import subprocess
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def closed_pipes() -> Iterator[None]:
    """Close the pipes that Daft leaves open when its processes have ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        for each in gc.get_objects():
            if isinstance(each, subprocess.Popen) and each.stdout is not None:
                each.stdout.close()
