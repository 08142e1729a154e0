"""Facts about the public face of the core."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import hypernodes

PACKAGES = sorted(
    f"hypernodes.{module.name}"
    for module in pkgutil.iter_modules(hypernodes.__path__)
    if module.ispkg and module.name != "testing"
)


def _sorted(names: list[str]) -> list[str]:
    # The order of ruff's rule for __all__: constants, classes, the rest.
    kinds = {name: (not name.isupper(), not name[:1].isupper()) for name in names}
    return sorted(names, key=lambda name: (*kinds[name], name))


@pytest.mark.parametrize("name", sorted(hypernodes.__all__))
def test_each_public_name_is_there(name: str) -> None:
    """Every name in ``__all__`` of the facade can be imported."""
    assert getattr(hypernodes, name) is not None


def test_dir_lists_the_public_names() -> None:
    """``dir(hypernodes)`` shows ``__all__`` and the version before anything is used."""
    assert [name for name in dir(hypernodes) if not name.startswith("_")] == sorted(
        hypernodes.__all__
    )


def test_no_public_name_is_reachable_and_unlisted() -> None:
    """What the facade holds without underscore is listed, a module, or an import of its own."""
    modules = {module.name for module in pkgutil.iter_modules(hypernodes.__path__)}
    own = {"annotations", "importlib", "TYPE_CHECKING", "Any"}
    reachable = {name for name in vars(hypernodes) if not name.startswith("_")}
    assert reachable - modules - own - set(hypernodes.__all__) == set()


@pytest.mark.parametrize("package", ["hypernodes", *PACKAGES])
def test_all_is_sorted_and_complete(package: str) -> None:
    """``__all__`` of a package is sorted, without repeats, and each name is there."""
    module = importlib.import_module(package)
    names = list(module.__all__)
    assert names == _sorted(names)
    assert [name for name in names if not hasattr(module, name)] == []
    assert len(names) == len(set(names))


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that does not exist is reported like in any other module."""
    with pytest.raises(AttributeError, match="module 'hypernodes' has no attribute 'nodes'"):
        _ = hypernodes.nodes
