"""Names to things that somebody asks for: caches, callbacks, visualizers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hypernodes.cache import DiskCache, MemoryCache
from hypernodes.errors import CacheUnavailableError, UnknownPluginError
from hypernodes.hookspecs import CacheSpec, CallbackSpec, VisualizerSpec
from hypernodes.plugins import (
    Plugins,
    environment_callbacks,
    get_callback,
    get_visualizer,
    open_cache,
    resolve_callbacks,
)

Make = Callable[..., Any]
Install = Callable[..., Plugins]


class StarCallback:
    """Looks like a callback."""


def open_star(url: str) -> tuple[str, str]:
    """Stand for a cache that remembers its URL."""
    return ("star cache", url)


def draw_star(*_: object) -> str:
    """Stand for a visualizer."""
    return "*"


def returning(*specs: object) -> Callable[[], list[object]]:
    """Return an implementation that registers *specs*."""
    return lambda: list(specs)


def test_hypernodes_register_caches_claims_a_scheme(make_plugin: Make, install: Install) -> None:
    """The claimant of a scheme is called with the whole URL, in any case of the scheme."""
    spec = CacheSpec("star", f"{__name__}:open_star")
    install(acme=make_plugin(hypernodes_register_caches=returning(spec)))
    assert open_cache("STAR://host/x?y=1") == ("star cache", "STAR://host/x?y=1")


@pytest.mark.parametrize("as_type", [str, Path])
def test_a_path_opens_a_disk_cache(tmp_path: Path, as_type: Callable[[Path], Any]) -> None:
    """A folder, as text or as a path, is a disk cache."""
    assert isinstance(open_cache(as_type(tmp_path / "cache")), DiskCache)


def test_opening_a_folder_loads_no_plugin() -> None:
    """The plainest cache costs no discovery."""
    code = (
        "import sys, tempfile; from hypernodes.plugins import open_cache; "
        "open_cache(tempfile.mkdtemp()); print('pluggy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_built_in_schemes_open(tmp_path: Path) -> None:
    """`disk` and `memory` are schemes like any other."""
    assert isinstance(open_cache(f"disk://{tmp_path}/cache"), DiskCache)
    assert isinstance(open_cache("memory://"), MemoryCache)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_text_is_no_cache(text: str) -> None:
    """An unset setting must not turn the working directory into a cache."""
    with pytest.raises(CacheUnavailableError, match="give a folder"):
        open_cache(text)


def test_an_unknown_scheme_is_not_a_folder(install: Install) -> None:
    """A URL that nobody claims is refused rather than made into a folder."""
    install()
    with pytest.raises(UnknownPluginError, match="unknown cache 'gopher'"):
        open_cache("gopher://cache")


def test_hypernodes_register_callbacks_names_a_callback(
    make_plugin: Make, install: Install
) -> None:
    """A callback is made by its short name and by its class name."""
    spec = CallbackSpec("star", f"{__name__}:StarCallback")
    install(acme=make_plugin(hypernodes_register_callbacks=returning(spec)))
    assert isinstance(get_callback("star"), StarCallback)
    assert isinstance(get_callback("StarCallback"), StarCallback)


def test_names_among_callbacks_become_objects(make_plugin: Make, install: Install) -> None:
    """Objects stay themselves, in their place; names become new callbacks."""
    spec = CallbackSpec("star", f"{__name__}:StarCallback")
    install(acme=make_plugin(hypernodes_register_callbacks=returning(spec)))
    mine = object()
    found = resolve_callbacks([mine, "star", mine])
    assert (found[0], found[2]) == (mine, mine)
    assert isinstance(found[1], StarCallback)


def test_the_environment_names_callbacks(make_plugin: Make, install: Install) -> None:
    """`HYPERNODES_CALLBACKS` holds names separated by commas."""
    spec = CallbackSpec("star", f"{__name__}:StarCallback")
    install(acme=make_plugin(hypernodes_register_callbacks=returning(spec)))
    found = environment_callbacks({"HYPERNODES_CALLBACKS": "star, star,"})
    assert [type(each) for each in found] == [StarCallback, StarCallback]


def test_hypernodes_register_visualizers_names_a_renderer(
    make_plugin: Make, install: Install
) -> None:
    """A visualizer is the function that its target names."""
    spec = VisualizerSpec("star", f"{__name__}:draw_star")
    install(acme=make_plugin(hypernodes_register_visualizers=returning(spec)))
    assert get_visualizer("star") is draw_star
