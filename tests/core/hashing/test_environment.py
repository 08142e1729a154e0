"""Which distributions, and which versions of them, modules belong to."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import types
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING

import pytest

from hypernodes.hashing import code_fingerprint, track_code
from hypernodes.hashing._environment import unit_of, versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Yield what writes a distribution with a few modules where they can be imported."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(name: str, version: str, *files: str, record: bool = True) -> None:
        for file in files:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("def h(x): return x\n", encoding="utf-8")
        about = folder / f"{name}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n", encoding="utf-8")
        if record:
            (about / "RECORD").write_text("".join(f"{file},,\n" for file in files), "utf-8")
        importlib.invalidate_caches()

    yield write
    for module in [name for name in sys.modules if name.startswith("env_")]:
        del sys.modules[module]


def test_a_module_is_of_the_distribution_that_lists_it(install: Callable[..., None]) -> None:
    """Where names differ, the list of files decides, loaded or not."""
    install("a-distribution", "1.5", "env_other/__init__.py")
    install("one_more", "9", "env_others/__init__.py")
    assert versions_of(["env_other"]) == (("a-distribution", "1.5"),)


def test_a_namesake_without_the_module_is_not_believed(install: Callable[..., None]) -> None:
    """A distribution of the module's name that lists other files is passed over."""
    install("env_yaml", "1", "something.py")
    install("EnvYAML", "2", "env_yaml/__init__.py")
    assert versions_of(["env_yaml"]) == (("EnvYAML", "2"),)


def test_a_distribution_that_lists_nothing_is_believed(install: Callable[..., None]) -> None:
    """Without a list of files the name has to do."""
    install("env_bare", "3", "env_bare.py", record=False)
    assert versions_of(["env_bare"]) == (("env_bare", "3"),)


def test_what_no_distribution_provides_is_left_out() -> None:
    """Unknown modules have no version."""
    assert versions_of(["env_nowhere"]) == ()


def test_parts_of_a_namespace_have_versions_of_their_own(install: Callable[..., None]) -> None:
    """Distributions that share a namespace package are told apart."""
    install("env-one", "1", "env_space/one/__init__.py")
    install("env-two", "2", "env_space/two.py")
    units = []
    for name in ("env_space.one", "env_space.two"):
        importlib.import_module(name)
        units.append(unit_of(f"{name}.inner"))
    assert units == ["env_space.one", "env_space.two"]
    assert versions_of(units) == (("env-one", "1"), ("env-two", "2"))


def test_a_plain_package_is_one_unit() -> None:
    """Modules of a package belong to its distribution."""
    assert [unit_of(name) for name in ("pytest", "attr._make")] == ["pytest", "attr"]


def test_several_modules_of_one_distribution_are_one_entry() -> None:
    """Each distribution is listed once, in the order of the names."""
    found = versions_of(["pytest", "attrs", "attr", "_pytest"])
    assert found == tuple((n, importlib.metadata.version(n)) for n in ("attrs", "pytest"))


def test_only_what_is_reached_is_in_the_environment() -> None:
    """A library counts for functions that use it, the standard library for none."""

    def uses(x: object) -> object:
        return pytest.approx(x)

    def uses_standard(x: str) -> object:
        return importlib.import_module(x)

    names = [[name for name, _ in track_code(f).current().environment] for f in (uses, _none)]
    assert names == [["pytest"], []]
    assert track_code(uses_standard).current().environment == ()


def test_a_constant_brings_its_library_to_every_node_that_reads_it() -> None:
    """The second function that reads a captured object depends on its library too."""

    def one() -> object:
        return _APPROX

    def two() -> object:
        return [_APPROX]

    for function in (one, two, one):
        assert "pytest" in dict(track_code(function).current().environment)


def test_versions_are_not_part_of_the_code() -> None:
    """The digest of the code is the same whatever is installed."""
    assert code_fingerprint(_none) == track_code(_none).current().digest


_APPROX = [pytest.raises(ValueError)]


def _none() -> int:
    return sys.maxsize


def test_a_module_that_the_user_has_built_counts_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody numbers an extension in a project's own folder: what was built is its version."""
    for number in (1, 2):
        file = tmp_path / f"fast{number}{EXTENSION_SUFFIXES[0]}"
        file.write_bytes(b"built" * number)
        module = types.ModuleType(f"env.fast{number}")
        module.__file__ = str(file)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    units = [unit_of(f"env.fast{number}") for number in (1, 2)]
    (one, first), (two, second) = versions_of(units)
    assert ((one, two), first != second) == (("env.fast1", "env.fast2"), True)
