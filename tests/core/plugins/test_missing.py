"""Why a name has no owner, and what the error says to do."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hypernodes.errors import EngineNotInstalledError, PluginLoadError, UnknownPluginError
from hypernodes.hookspecs import EngineSpec
from hypernodes.plugins import Plugins, get_callback, get_engine_class, get_visualizer, open_cache

Make = Callable[..., Any]
Install = Callable[..., Plugins]


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_asking_a_broken_plugin_raises_from_its_cause(install: Install) -> None:
    """What bears the broken plugin's name leads to the original exception."""
    cause = RuntimeError("no turbo on this machine")
    install(turbo=cause)

    with pytest.raises(PluginLoadError, match=r"'turbo'.*no turbo on this machine") as caught:
        get_engine_class("turbo")

    assert caught.value.__cause__ is cause


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_an_unknown_name_is_blamed_on_a_broken_plugin(install: Install) -> None:
    """A name unlike any other may be what the broken plugin would have registered."""
    cause = RuntimeError("no turbo on this machine")
    install(acme=cause)

    with pytest.raises(PluginLoadError, match="plugin 'acme' of acme-dist") as caught:
        get_engine_class("warp")

    assert caught.value.__cause__ is cause


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_a_typing_error_is_not_blamed_on_a_broken_plugin(install: Install) -> None:
    """A name close to a known one is a typing error, whatever else is broken."""
    install(acme=RuntimeError("broken"))
    with pytest.raises(UnknownPluginError, match="did you mean 'seq'"):
        get_engine_class("seqq")


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_a_plugin_that_fails_halfway_provides_nothing(make_plugin: Make, install: Install) -> None:
    """An engine registered before the failure is refused with the failure as its cause."""

    def fail() -> None:
        msg = "callbacks are out"
        raise RuntimeError(msg)

    install(
        acme=make_plugin(
            hypernodes_register_engines=lambda: [EngineSpec("star", "acme.engine:Star")],
            hypernodes_register_callbacks=fail,
        )
    )

    with pytest.raises(PluginLoadError, match="callbacks are out"):
        get_engine_class("star")


@pytest.mark.parametrize("name", ["dask", "DaskEngine"])
def test_a_disabled_extension_is_not_called_uninstalled(
    make_plugin: Make, install: Install, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The remedy for a disabled plugin is to enable it, not to install it again."""
    monkeypatch.setenv("HYPERNODES_DISABLE_PLUGINS", "dask")
    install(dask=make_plugin())
    with pytest.raises(UnknownPluginError, match="disabled; take it out of HYPERNODES_DISABLE"):
        get_engine_class(name)


def test_an_unknown_name_lists_the_known_ones(install: Install) -> None:
    """The error of an unknown name suggests the nearest and lists all."""
    install()
    with pytest.raises(UnknownPluginError) as caught:
        get_engine_class("sequ")
    assert str(caught.value) == (
        "unknown engine 'sequ'; did you mean 'seq'? known engines: async, daft, dask, ray, seq"
    )


def test_an_unknown_name_is_a_value_error(install: Install) -> None:
    """A caller that expects the built-in exception for a wrong argument catches it."""
    install()
    with pytest.raises(ValueError, match="unknown visualizer 'oil'"):
        get_visualizer("oil")


@pytest.mark.parametrize(
    ("name", "engine", "extra"),
    [
        ("daft", "DaftEngine", "daft"),
        ("DaskEngine", "DaskEngine", "dask"),
        ("RayEngine", "RayEngine", "ray"),
    ],
)
def test_an_engine_of_ours_that_is_missing_gives_its_install_line(
    install: Install, name: str, engine: str, extra: str
) -> None:
    """The error is an ImportError whose sentence ends in what to type."""
    install()
    with pytest.raises(ImportError) as caught:
        get_engine_class(name)
    assert isinstance(caught.value, EngineNotInstalledError)
    assert str(caught.value) == (
        f"{engine} lives in a separate distribution; run: pip install 'hypernodes[{extra}]'"
    )


@pytest.mark.parametrize("name", ["otel", "TelemetryCallback"])
def test_a_callback_of_ours_that_is_missing_gives_its_install_line(
    install: Install, name: str
) -> None:
    """Tracing lives in a distribution too."""
    install()
    with pytest.raises(EngineNotInstalledError, match=r"pip install 'hypernodes\[otel\]'"):
        get_callback(name)


@pytest.mark.parametrize(
    ("url", "extra"), [("s3://b", "s3"), ("s3a://b", "s3"), ("gs://b", "gcs"), ("gcs://b", "gcs")]
)
def test_a_storage_scheme_names_its_extra(
    install: Install, monkeypatch: pytest.MonkeyPatch, url: str, extra: str
) -> None:
    """A bucket whose library is missing leads to the extra that brings it."""
    install()
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    loaded = importlib.import_module("fsspec.registry")._registry
    monkeypatch.delitem(loaded, url.partition(":")[0], raising=False)
    with pytest.raises(EngineNotInstalledError, match=rf"pip install 'hypernodes\[{extra}\]'"):
        open_cache(url)
