"""Loading: one by one, guarded, checked, and once per process."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes.errors import (
    PluginConflictError,
    PluginLoadError,
    PluginWarning,
    UnknownPluginError,
)
from hypernodes.hookspecs import EngineSpec, hookimpl
from hypernodes.plugins import (
    Plugins,
    get_engine_class,
    list_plugins,
    manager,
    observing_hooks,
    reset_plugins,
)
from hypernodes.plugins._discovery import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]
    Install = Callable[..., Plugins]


class StarEngine:
    """Looks like an engine."""

    def run(self, *_: object) -> None: ...
    def map(self, *_: object) -> None: ...


def engines(*names: str) -> Callable[[], list[EngineSpec]]:
    """Return an implementation that registers `StarEngine` under *names*."""
    return lambda: [EngineSpec(name, f"{__name__}:StarEngine") for name in names]


def status_of(name: str) -> str:
    """Return the status that the listing shows for a plugin."""
    return next(info.status for info in list_plugins() if info.name == name)


def cause_of(name: str) -> str:
    """Return the cause that the listing shows for a plugin."""
    return next(str(info.cause) for info in list_plugins() if info.name == name)


def test_our_own_parts_are_a_plugin_like_any_other() -> None:
    """The built-ins are listed first, under the name of the distribution."""
    first = list_plugins()[0]
    assert (first.name, first.distribution, first.status) == ("hypernodes", "hypernodes", "ok")
    assert "seq" in first.registers["engines"]


def test_a_plugin_is_listed_with_what_it_registers(make_plugin: Make, install: Install) -> None:
    """The listing shows names by kind, the hooks, and where the plugin came from."""
    install(acme=make_plugin(hypernodes_register_engines=engines("star", "sun")))

    info = list_plugins()[1]

    assert (info.name, info.distribution, info.version) == ("acme", "acme-dist", "1.0")
    assert info.registers == {"engines": ("star", "sun")}
    assert info.hooks == ("hypernodes_register_engines",)


def test_discovery_happens_once() -> None:
    """Any number of questions list the installed plugins a single time."""
    calls = []
    reset_plugins(Plugins(lambda: calls.append("listed") or []))  # type: ignore[func-returns-value]

    for _ in range(3):
        get_engine_class("seq")
        observing_hooks()

    assert calls == ["listed"]


def test_many_threads_load_once(make_plugin: Make) -> None:
    """Threads that ask at the same time wait for one loading, and all get its answer."""
    loads: list[str] = []
    plugin = make_plugin(hypernodes_register_engines=engines("star"))
    gate = threading.Barrier(8)

    def load() -> object:
        loads.append("loaded")
        return plugin

    installed = Plugins(lambda: [Candidate("acme", "acme-dist", "1.0", load)])
    found: list[tuple[str, ...]] = []

    def ask() -> None:
        gate.wait()
        found.append(tuple(info.name for info in installed.infos()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert loads == ["loaded"]
    assert found == [("hypernodes", "acme")] * 8


def test_a_plugin_that_raises_on_import_is_warned_of_once(install: Install) -> None:
    """Two questions bring one warning, which names plugin, cause and remedy."""
    install(acme=RuntimeError("no turbo on this machine"))

    with pytest.warns(PluginWarning) as caught:
        [list_plugins() for _ in range(2)]

    [warning] = [str(each.message) for each in caught]
    assert warning == (
        "plugin 'acme' of acme-dist 1.0 was left out: RuntimeError: no turbo on this machine; "
        "repair or uninstall it, or set HYPERNODES_DISABLE_PLUGINS=acme"
    )


@pytest.mark.parametrize("failure", [ImportError("x"), SystemExit(2), RecursionError()])
def test_no_failure_of_a_plugin_reaches_the_run(install: Install, failure: BaseException) -> None:
    """Whatever a plugin raises while it is imported, built-in engines go on working."""
    install(acme=failure)
    with pytest.warns(PluginWarning, match="'acme'"):
        found = get_engine_class("seq")
    assert found.__name__ == "SeqEngine"


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_a_broken_plugin_does_not_stop_the_next_one(make_plugin: Make, install: Install) -> None:
    """Plugins are loaded one by one, so a good one works beside a broken one."""
    install(
        bad=RuntimeError("broken"),
        good=make_plugin(hypernodes_register_engines=engines("star")),
    )
    assert get_engine_class("star") is StarEngine
    assert (status_of("bad"), status_of("good")) == ("broken", "ok")


def test_warnings_as_errors_leave_a_working_manager(install: Install) -> None:
    """A filter that turns the warning into an error does not half-load the plugins."""
    install(acme=RuntimeError("broken"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PluginWarning):
            list_plugins()
    assert get_engine_class("seq").__name__ == "SeqEngine"


def test_an_interrupted_loading_starts_over(make_plugin: Make) -> None:
    """Ctrl-C while plugins load reaches the user, and the next question loads all of them."""
    plugin = make_plugin(hypernodes_register_engines=engines("star"))
    pending: list[BaseException] = [KeyboardInterrupt()]

    def load() -> object:
        if pending:
            raise pending.pop()
        return plugin

    reset_plugins(Plugins(lambda: [Candidate("acme", "acme-dist", "1.0", load)]))
    with pytest.raises(KeyboardInterrupt):
        list_plugins()

    assert [(info.name, info.status) for info in list_plugins()] == [
        ("hypernodes", "ok"),
        ("acme", "ok"),
    ]
    assert get_engine_class("star") is StarEngine


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_an_entry_point_that_yields_none_is_broken(install: Install) -> None:
    """None has no hooks and is most likely a forgotten return."""
    install(acme=None)
    assert "is no plugin" in cause_of("acme")


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_two_plugins_of_one_name_name_both_distributions(make_plugin: Make) -> None:
    """The second of two equally named plugins is broken, and the cause names both."""
    reset_plugins(
        Plugins(
            lambda: [
                Candidate("acme", "first-dist", "1.0", make_plugin),
                Candidate("acme", "second-dist", "2.0", make_plugin),
            ]
        )
    )

    refused = list_plugins()[2]

    assert isinstance(refused.cause, PluginConflictError)
    assert "first-dist 1.0" in str(refused.cause)
    assert "second-dist 2.0" in str(refused.cause)


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_one_object_is_one_plugin(make_plugin: Make, install: Install) -> None:
    """Two entry points to one module would call each of its hooks twice."""
    plugin = make_plugin()
    install(acme=plugin, zeta=plugin)
    assert cause_of("zeta") == "it is the same object as plugin 'acme'; register it under one name"


@pytest.mark.filterwarnings("ignore::hypernodes.errors.PluginWarning")
def test_nobody_can_take_our_own_place(make_plugin: Make, install: Install) -> None:
    """A third party's plugin named `hypernodes` is refused; the built-ins stay."""
    install(hypernodes=make_plugin())
    assert [info.status for info in list_plugins()] == ["ok", "broken"]
    assert get_engine_class("seq").__name__ == "SeqEngine"


def test_a_disabled_plugin_is_not_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disabled plugin that would fail to import gives no warning, only a line in the list."""
    monkeypatch.setenv("HYPERNODES_DISABLE_PLUGINS", "acme")
    install(acme=RuntimeError("must not be loaded"))
    assert status_of("acme") == "disabled"


def test_a_star_disables_all_but_our_own(
    make_plugin: Make, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `*` only the built-ins remain."""
    monkeypatch.setenv("HYPERNODES_DISABLE_PLUGINS", "*")
    install(acme=make_plugin(), zeta=make_plugin())
    assert [info.status for info in list_plugins()] == ["ok", "disabled", "disabled"]


def test_a_plugin_object_can_be_registered_in_code(make_plugin: Make, install: Install) -> None:
    """A notebook registers an object, and its names work at once."""
    install()
    manager().register(make_plugin(hypernodes_register_engines=engines("star")), "notebook")
    assert get_engine_class("star") is StarEngine


def test_unregistering_takes_everything_back(make_plugin: Make, install: Install) -> None:
    """After unregistering, names and hooks are gone, and the name is free again."""
    install()
    plugin = make_plugin(
        hypernodes_register_engines=engines("star"), hypernodes_run_started=lambda run: None
    )
    manager().register(plugin, "notebook")
    assert "hypernodes_run_started" in observing_hooks()

    manager().unregister("notebook")

    assert observing_hooks() == {}
    with pytest.raises(UnknownPluginError):
        get_engine_class("star")
    manager().register(plugin, "notebook")


def test_our_own_plugin_cannot_be_unregistered() -> None:
    """The built-ins are no guest."""
    with pytest.raises(PluginLoadError, match="no plugin 'hypernodes' to unregister"):
        manager().unregister("hypernodes")


def test_registering_a_taken_name_names_its_owner(make_plugin: Make, install: Install) -> None:
    """Code cannot replace an installed plugin by using its name."""
    install(acme=make_plugin())
    with pytest.raises(PluginConflictError, match=r"one of acme-dist 1\.0 and one of code"):
        manager().register(make_plugin(), "acme")


def test_registering_an_invalid_plugin_raises_and_leaves_no_trace(
    make_plugin: Make, install: Install
) -> None:
    """A mistake in code is the caller's, so it raises instead of warning."""
    install()
    with pytest.raises(PluginLoadError, match="unknown hook 'hypernodes_typo'"):
        manager().register(make_plugin(hypernodes_typo=engines("star")), "notebook")
    assert [info.name for info in list_plugins()] == ["hypernodes"]


def test_a_plugin_may_look_names_up_while_it_loads(install: Install, make_plugin: Make) -> None:
    """A lookup from inside a plugin's import sees what was loaded before it."""
    seen = []

    class Curious:
        @hookimpl
        def hypernodes_register_engines(self) -> list[EngineSpec]:
            seen.append(get_engine_class("seq").__name__)
            return []

    install(curious=Curious())
    list_plugins()
    assert seen == ["SeqEngine"]


def test_reset_gives_a_manager_that_has_loaded_nothing() -> None:
    """Resetting forgets plugins that were registered in code."""
    before = manager()
    reset_plugins()
    assert manager() is not before
