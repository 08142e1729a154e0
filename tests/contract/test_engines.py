"""The conformance kit of engines, applied to those that need no cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from hypernodes import SeqEngine
from hypernodes.testing import EngineContract


class TestSeqEngine(EngineContract):
    """The engine that every other one is measured by."""

    script = "from hypernodes import SeqEngine\nengine = SeqEngine()"

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        return SeqEngine


class DaftContract(EngineContract):
    """What the two ways of using Daft in this process have in common."""

    options: ClassVar[dict[str, Any]]

    @pytest.fixture
    def engine(self) -> Callable[..., Any]:
        """Makes engines."""
        pytest.importorskip("daft")
        pytest.importorskip("hypernodes_daft")
        # deferred: a heavy library, which may be missing
        from hypernodes_daft import DaftEngine

        return lambda **options: DaftEngine(**self.options, **options)


class TestDaftEngine(DaftContract):
    """Whole chunks, two at once."""

    options: ClassVar[dict[str, Any]] = {"num_workers": 2}
    script = "from hypernodes.engines import DaftEngine\nengine = DaftEngine()"


class TestDaftEngineBySmallChunks(DaftContract):
    """Two items travel together, so that chunks meet."""

    options: ClassVar[dict[str, Any]] = {"default_daft_config": {"batch_size": 2}, "num_workers": 2}


class TestDaftEngineByRow(DaftContract):
    """One row UDF call per item."""

    options: ClassVar[dict[str, Any]] = {"use_batch_udf": False, "num_workers": 2}
