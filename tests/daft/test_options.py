"""The settings of a Daft engine: what is taken, and what a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("daft")
DaftEngine = pytest.importorskip("hypernodes_daft").DaftEngine
DaftOptions = pytest.importorskip("hypernodes_daft.options").DaftOptions
Placement = pytest.importorskip("hypernodes_daft.options").Placement


def test_settings_are_frozen() -> None:
    """No run can change what an engine was made with."""
    with pytest.raises(AttributeError):
        DaftOptions().use_batch_udf = False


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"use_batch_udf": 1}, TypeError, "use_batch_udf"),
        ({"default_daft_config": [1]}, TypeError, "default_daft_config must be a mapping"),
        ({"default_daft_config": {"batch_size": 0}}, ValueError, "batch_size .* not 0"),
        ({"default_daft_config": {"batch_size": "9"}}, TypeError, "batch_size .* not '9'"),
        (
            {"default_daft_config": {"default_morsel_sise": 9}},
            ValueError,
            "no execution setting 'default_morsel_sise'; did you mean 'default_morsel_size'",
        ),
        ({"runner": "rey"}, ValueError, "unknown runner 'rey'.*did you mean 'ray'"),
        ({"address": "ray://head:10001"}, ValueError, "give runner='ray' with it"),
        ({"runner": "ray", "address": 3}, TypeError, "address must be a text"),
        ({"num_workers": 0}, ValueError, "num_workers must be 1 or more, not 0"),
        ({"num_workers": True}, TypeError, "num_workers must be a number"),
        ({"cache": 3}, TypeError, "cache must be a cache, a folder or a URL"),
        ({"check_mutation": "often"}, ValueError, "check_mutation 'often'"),
    ],
)
def test_a_mistake_is_told_when_the_engine_is_made(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Type, range and spelling are checked at once."""
    with pytest.raises(error, match=words):
        DaftEngine(**options)


def test_an_unknown_option_is_refused() -> None:
    """A name that no engine knows is a `TypeError`, as of any function."""
    with pytest.raises(TypeError, match="use_batch_udfs"):
        DaftEngine(use_batch_udfs=True)


def test_the_batch_size_is_ours_and_the_rest_is_daft_s() -> None:
    """One mapping holds both."""
    options = DaftOptions(default_daft_config={"batch_size": 5, "maintain_order": False})
    assert (options.batch_size, options.execution_config) == (5, {"maintain_order": False})


def test_workers_are_one_per_processor() -> None:
    """Left out, the number of workers is that of the processors that may be used."""
    assert Placement().workers("native") >= 1
    assert Placement(num_workers=3).workers("native") == 3
