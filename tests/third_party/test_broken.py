"""A third party that does two things wrong harms nobody but itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Python = Callable[..., subprocess.CompletedProcess[str]]

PIPELINE = """
from hypernodes import Pipeline, node

@node(output_name="twice")
def double(x: int) -> int:
    return 2 * x

pipeline = Pipeline(nodes=[double])
"""


def test_a_run_goes_on_with_one_warning_per_plugin(broken: Path, python: Python) -> None:
    """Two broken plugins cost two warnings, however often something is run."""
    done = python(PIPELINE + "print([pipeline.run({'x': n}) for n in (1, 2)])", broken)
    assert done.stdout == "[{'twice': 2}, {'twice': 4}]\n"
    assert done.stderr.count("PluginWarning") == 2
    assert "plugin 'crash' of broken-hypernodes 1.2.3 was left out" in done.stderr
    assert "plugin 'typo' of broken-hypernodes 1.2.3 was left out" in done.stderr


def test_importing_hypernodes_does_not_notice(broken: Path, python: Python) -> None:
    """Broken plugins are met when plugins are loaded, not when HyperNodes is imported."""
    done = python("import hypernodes", broken)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_listing_shows_both_with_their_causes(broken: Path, python: Python) -> None:
    """The listing says what is wrong with each."""
    done = python(
        "import warnings; warnings.simplefilter('ignore')\n"
        "from hypernodes.plugins import list_plugins\n"
        "for info in list_plugins():\n"
        "    if info.distribution == 'broken-hypernodes':\n"
        "        print(info.name, info.status, info.reason, sep=': ')",
        broken,
    )
    assert done.stdout.splitlines() == [
        "crash: broken: ModuleNotFoundError: No module named 'a_library_that_nobody_has'",
        "typo: broken: PluginLoadError: unknown hook 'hypernodes_register_engine'; "
        "did you mean 'hypernodes_register_engines'?",
    ]


def test_asking_for_what_it_would_provide_leads_to_the_cause(broken: Path, python: Python) -> None:
    """The traceback of the lookup begins with the plugin's own exception."""
    done = python("from hypernodes.plugins import get_engine; get_engine('crash')", broken)
    assert done.returncode == 1
    assert "import a_library_that_nobody_has" in done.stderr
    assert "The above exception was the direct cause" in done.stderr
    assert "PluginLoadError: no engine 'crash'" in done.stderr


def test_a_good_plugin_beside_it_works(good: Path, broken: Path, python: Python) -> None:
    """One broken distribution does not take another one along."""
    done = python(
        "import warnings; warnings.simplefilter('ignore')\n"
        "from hypernodes.engines import AcmeEngine; print(AcmeEngine.__name__)",
        good,
        broken,
    )
    assert done.stdout == "AcmeEngine\n"


def test_disabling_it_silences_it(broken: Path, python: Python) -> None:
    """The remedy that the warning names works."""
    done = python(
        PIPELINE + "print(pipeline.run({'x': 1}))", broken, HYPERNODES_DISABLE_PLUGINS="crash,typo"
    )
    assert (done.stdout, done.stderr) == ("{'twice': 2}\n", "")
