"""Which engine applies a pipeline to a table: found by the type of the data."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, SeqEngine, node
from hypernodes.errors import EngineNotInstalledError, PlanError, UnknownPluginError
from hypernodes.hookspecs import EngineSpec
from hypernodes.plugins import Plugins, find_transform_engine, reset_plugins

Make = Callable[..., Any]


class TableEngine(SeqEngine):
    """Takes tables of the library acme whose ``is_table`` is true."""

    @staticmethod
    def claims(data: Any) -> bool:
        return bool(data.is_table)

    def transform(
        self, data: Any, pipeline: Pipeline, output_name: Any = None, **options: Any
    ) -> Any:
        return type(self), self.cache, output_name, options


@pytest.fixture
def table(
    install: Callable[..., Plugins], make_plugin: Make, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A table of acme, whose engine is registered."""
    module = types.ModuleType("acme_engine")
    module.TableEngine = TableEngine  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "acme_engine", module)
    spec = EngineSpec("tables", "acme_engine:TableEngine", transforms=("acme",))
    install(acme=make_plugin(hypernodes_register_engines=lambda: [spec]))
    return type("Table", (), {"__module__": "acme.tables", "is_table": True})()


@pytest.fixture
def pipeline() -> Pipeline:
    """Any pipeline."""
    return Pipeline([node(lambda x: x, output_name="y")])


def test_the_engine_is_found_by_the_type_of_the_data(table: Any) -> None:
    """The module of a type leads to the engine, that of a base as well."""
    derived = type("Mine", (type(table),), {"__module__": "mine"})()
    assert find_transform_engine(table) is TableEngine
    assert find_transform_engine(derived) is TableEngine


def test_a_package_that_only_begins_alike_is_another_one(table: Any) -> None:
    """``acmeter`` is not ``acme``."""
    other = type("Table", (), {"__module__": "acmeter", "is_table": True})()
    with pytest.raises(UnknownPluginError, match=r"no engine transforms a acmeter\.Table"):
        find_transform_engine(other)


def test_an_engine_may_decline(table: Any) -> None:
    """``claims`` has the last word."""
    type(table).is_table = False
    with pytest.raises(UnknownPluginError, match=r"acme\.tables\.Table; give it tables of .*acme"):
        find_transform_engine(table)


def test_a_library_of_ours_without_its_engine_is_told(
    install: Callable[..., Plugins],
) -> None:
    """The error holds the install line."""
    install()
    frame = type("DataFrame", (), {"__module__": "daft.dataframe.dataframe"})()
    with pytest.raises(EngineNotInstalledError, match=r"pip install 'hypernodes\[daft\]'"):
        find_transform_engine(frame)


def test_a_pipeline_uses_the_engine_of_the_data_with_its_own_cache(
    table: Any, pipeline: Pipeline
) -> None:
    """Options go to the engine, and results to the pipeline's cache."""
    cache = MemoryCache()
    pipeline.with_engine(SeqEngine(cache=cache))
    found = pipeline.transform(table, output_name="y", depth=3)
    assert found == (TableEngine, cache, "y", {"depth": 3})


def test_an_own_engine_that_claims_the_data_is_used(table: Any, pipeline: Pipeline) -> None:
    """It is not replaced by another of its kind, nor is one that was given."""
    made = TableEngine(cache=MemoryCache())
    pipeline.with_engine(made)
    assert pipeline.transform(table)[1] is made.cache
    other = TableEngine(cache=MemoryCache())
    assert pipeline.transform(table, engine=other)[1] is other.cache


def test_an_engine_without_tables_is_refused(table: Any, pipeline: Pipeline) -> None:
    """An engine that was asked for by name is not replaced in silence."""
    with pytest.raises(PlanError, match="SeqEngine takes no tables"):
        pipeline.transform(table, engine="seq")


@pytest.fixture(autouse=True)
def forget() -> Any:
    """Leave no plugin behind."""
    yield
    reset_plugins()
