"""Names to things: engines, caches, serializers, callbacks, fingerprints, visualizers."""

from __future__ import annotations

from array import array
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.errors import (
    FingerprintError,
    PluginConflictError,
    PluginLoadError,
    PluginWarning,
)
from hypernodes.hashing import fingerprint
from hypernodes.hookspecs import (
    CacheSpec,
    EngineSpec,
    FingerprintSpec,
    SerializerSpec,
)
from hypernodes.plugins import (
    Plugins,
    get_engine,
    get_engine_class,
    list_plugins,
    manager,
    registered_fingerprints,
    registered_serializers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]
    Install = Callable[..., Plugins]


class StarEngine:
    """Looks like an engine, and keeps what it was made with."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def run(self, *_: object) -> None: ...
    def map(self, *_: object) -> None: ...


class StarCallback:
    """Is no engine."""


class MoonEngine(StarEngine):
    """Another one."""


class Format:
    """A serializer of nothing."""

    version = 1
    is_pickle = False

    def __init__(self, name: str) -> None:
        self.name = name

    def can_encode(self, value: object) -> bool:
        return False

    def encode(self, value: object) -> bytes:
        return b""

    def decode(self, data: bytes, version: int) -> None: ...


low, high, alike = Format("low"), Format("high"), Format("alike")


def fingerprint_star(value: object) -> str:
    """Stand for a fingerprint."""
    return f"star {value}"


class Opaque:
    """Has a part that nobody can fingerprint."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = Lock()


def fingerprint_opaque(value: Opaque) -> int:
    """Tell what counts of an `Opaque`."""
    return value.number


def returning(*specs: object) -> Callable[[], list[object]]:
    """Return an implementation that registers *specs*."""
    return lambda: list(specs)


def star_engine(name: str = "star", target: str = "StarEngine") -> EngineSpec:
    """Return the spec of an engine of this module."""
    return EngineSpec(name, f"{__name__}:{target}")


def test_hypernodes_register_engines_names_an_engine(make_plugin: Make, install: Install) -> None:
    """An engine is found by its short name and by its class name."""
    install(acme=make_plugin(hypernodes_register_engines=returning(star_engine())))
    assert get_engine_class("star") is StarEngine
    assert get_engine_class("StarEngine") is StarEngine


def test_options_go_to_the_engine_class(make_plugin: Make, install: Install) -> None:
    """`get_engine` makes the engine with the options given."""
    install(acme=make_plugin(hypernodes_register_engines=returning(star_engine())))
    engine = get_engine("star", cache=None, workers=3)
    assert engine.options == {"cache": None, "workers": 3}  # type: ignore[attr-defined]


def test_one_class_may_have_two_names(make_plugin: Make, install: Install) -> None:
    """A plugin that offers a class under two names does not clash with itself."""
    specs = returning(star_engine("star"), star_engine("sun"))
    install(acme=make_plugin(hypernodes_register_engines=specs))
    assert get_engine_class("StarEngine") is get_engine_class("sun")


def test_a_clash_of_names_names_both_plugins(make_plugin: Make, install: Install) -> None:
    """A name that two plugins claim belongs to neither; the error says who they are."""
    install(
        acme=make_plugin(hypernodes_register_engines=returning(star_engine())),
        zeta=make_plugin(hypernodes_register_engines=returning(star_engine("star", "MoonEngine"))),
    )
    with pytest.raises(PluginConflictError) as caught:
        get_engine_class("star")
    assert str(caught.value) == (
        "engine 'star' is claimed by plugin 'acme' of acme-dist 1.0 and by plugin 'zeta' of "
        "zeta-dist 1.0; uninstall one of them, or disable it with "
        "HYPERNODES_DISABLE_PLUGINS=<plugin>"
    )


def test_a_clash_leaves_other_names_alone(make_plugin: Make, install: Install) -> None:
    """Only the name that clashes is refused; both plugins stay in use."""
    install(
        acme=make_plugin(hypernodes_register_engines=returning(star_engine())),
        zeta=make_plugin(
            hypernodes_register_engines=returning(
                star_engine("star", "MoonEngine"), star_engine("moon", "MoonEngine")
            )
        ),
    )
    assert get_engine_class("moon") is MoonEngine
    assert [info.status for info in list_plugins()] == ["ok", "ok", "ok"]


def test_a_clash_is_listed_with_both_plugins(make_plugin: Make, install: Install) -> None:
    """The listing shows the clash at each of the plugins that take part."""
    plugin = {"hypernodes_register_caches": returning(CacheSpec("star", "acme.cache:open_star"))}
    install(acme=make_plugin(**plugin), zeta=make_plugin(**plugin))
    own, acme, zeta = list_plugins()
    assert own.conflicts == ()
    assert acme.conflicts == zeta.conflicts
    assert "cache 'star' is claimed by plugin 'acme'" in acme.conflicts[0]


@pytest.mark.parametrize("name", ["seq", "SeqEngine"])
def test_nobody_shadows_a_built_in(make_plugin: Make, install: Install, name: str) -> None:
    """A third party that claims a built-in name, or class name, gets a clash, not the name."""
    install(acme=make_plugin(hypernodes_register_engines=returning(star_engine(name))))
    with pytest.raises(PluginConflictError, match="plugin 'hypernodes' of hypernodes"):
        get_engine_class(name)


@pytest.mark.parametrize("target", ["no_such_module:Engine", f"{__name__}:NoSuchEngine"])
def test_a_target_that_does_not_import_is_a_load_error(
    make_plugin: Make, install: Install, target: str
) -> None:
    """The plugin was fine, its engine is not: the error names target, owner and cause."""
    install(acme=make_plugin(hypernodes_register_engines=returning(EngineSpec("star", target))))
    with pytest.raises(PluginLoadError, match="'star' of plugin 'acme' of acme-dist") as caught:
        get_engine_class("star")
    assert isinstance(caught.value.__cause__, (ImportError, AttributeError))


def test_an_engine_without_run_and_map_is_refused(make_plugin: Make, install: Install) -> None:
    """What is no engine is said to lack what an engine has."""
    install(
        acme=make_plugin(hypernodes_register_engines=returning(star_engine("star", "StarCallback")))
    )
    with pytest.raises(PluginLoadError, match="lacks run, map"):
        get_engine_class("star")


def test_hypernodes_register_fingerprints_teaches_a_type(
    make_plugin: Make, install: Install
) -> None:
    """A fingerprint is offered under the text of its type."""
    spec = FingerprintSpec("acme.Star", f"{__name__}:fingerprint_star")
    install(acme=make_plugin(hypernodes_register_fingerprints=returning(spec)))
    assert registered_fingerprints()["acme.Star"](5) == "star 5"


def test_a_fingerprint_imports_at_its_first_call(make_plugin: Make, install: Install) -> None:
    """Offering a fingerprint imports nothing, so a broken one fails where it is used."""
    spec = FingerprintSpec("acme.Star", "no_such_module:fingerprint")
    install(acme=make_plugin(hypernodes_register_fingerprints=returning(spec)))
    function = registered_fingerprints()["acme.Star"]
    with pytest.raises(PluginLoadError, match="no_such_module"):
        function(5)


def test_a_type_taught_twice_refuses_to_be_fingerprinted(
    make_plugin: Make, install: Install
) -> None:
    """Which of two plugins teaches a type must not depend on their order."""
    plugin = {
        "hypernodes_register_fingerprints": returning(
            FingerprintSpec("acme.Star", f"{__name__}:fingerprint_star")
        )
    }
    install(acme=make_plugin(**plugin), zeta=make_plugin(**plugin))
    with pytest.raises(PluginConflictError, match=r"fingerprint 'acme\.Star'"):
        registered_fingerprints()["acme.Star"](5)


def test_nobody_shadows_a_built_in_fingerprint(make_plugin: Make, install: Install) -> None:
    """A third party that claims arrays would change keys, so arrays are refused instead."""
    spec = FingerprintSpec("array.array", f"{__name__}:fingerprint_star")
    install(acme=make_plugin(hypernodes_register_fingerprints=returning(spec)))
    with pytest.raises(FingerprintError, match=r"'array\.array' is claimed by plugin 'acme'"):
        fingerprint(array("i", [1, 2]))


def test_hashing_learns_a_type_that_is_registered_later(
    make_plugin: Make, install: Install
) -> None:
    """A value refused before its plugin came is fingerprinted afterwards."""
    spec = FingerprintSpec(f"{__name__}.Opaque", f"{__name__}:fingerprint_opaque")
    install()
    with pytest.raises(FingerprintError):
        fingerprint(Opaque(1))
    manager().register(make_plugin(hypernodes_register_fingerprints=returning(spec)), "notebook")
    assert fingerprint(Opaque(1)) != fingerprint(Opaque(2))


def test_fingerprints_are_one_mapping_until_plugins_change(
    make_plugin: Make, install: Install
) -> None:
    """Hashing may ask per value: the same mapping comes back until a plugin joins."""
    spec = FingerprintSpec("acme.Star", f"{__name__}:fingerprint_star")
    plugins = install()
    before = registered_fingerprints()
    assert registered_fingerprints() is before
    plugins.register(make_plugin(hypernodes_register_fingerprints=returning(spec)), "notebook")
    assert list(registered_fingerprints()) == ["acme.Star"]


def test_hypernodes_register_serializers_orders_by_priority(
    make_plugin: Make, install: Install
) -> None:
    """Higher priorities come first, whatever the order of registering; ties go by name."""
    specs = returning(
        SerializerSpec("low", f"{__name__}:low", 50),
        SerializerSpec("high", f"{__name__}:high", 900),
        SerializerSpec("alike", f"{__name__}:alike", 50),
    )
    install(acme=make_plugin(hypernodes_register_serializers=specs))
    assert registered_serializers() == [high, alike, low]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SerializerSpec("low", "no_such_module:low"), "cannot be imported"),
        (SerializerSpec("other", f"{__name__}:low"), "calls itself 'low'"),
        (SerializerSpec("star", f"{__name__}:StarCallback"), "lacks name, version"),
    ],
)
def test_an_unusable_serializer_is_left_out_with_a_warning(
    make_plugin: Make, install: Install, spec: SerializerSpec, expected: str
) -> None:
    """A serializer that cannot work is warned of once, and the others are used."""
    specs = returning(spec, SerializerSpec("high", f"{__name__}:high"))
    install(acme=make_plugin(hypernodes_register_serializers=specs))
    with pytest.warns(PluginWarning, match=expected) as caught:
        found = [registered_serializers(), registered_serializers()]
    assert found == [[high], [high]]
    assert len(caught) == 1


@pytest.mark.parametrize("name", ["low", "pickle"])
def test_a_serializer_of_a_taken_name_is_left_out(
    make_plugin: Make, install: Install, name: str
) -> None:
    """Entries name their serializer, so a name must never mean two formats."""
    plugin = {"hypernodes_register_serializers": returning(SerializerSpec(name, f"{__name__}:low"))}
    install(acme=make_plugin(**plugin), zeta=make_plugin(**plugin))
    with pytest.warns(PluginWarning, match=f"serializer '{name}' is claimed by"):
        assert registered_serializers() == []


def test_nothing_is_taught_without_plugins(install: Install) -> None:
    """A process without extensions gets empty answers and loads no hooks."""
    plugins = install()
    assert (registered_fingerprints(), registered_serializers()) == ({}, [])
    assert plugins._hooks is None  # that nothing is loaded shows nowhere else
