"""A third party that does everything right is indistinguishable from us."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Python = Callable[..., subprocess.CompletedProcess[str]]

PIPELINE = """
import warnings; warnings.simplefilter("error")
from hypernodes import Pipeline, node

@node(output_name="twice")
def double(x: int) -> int:
    print("double", x)
    return 2 * x

pipeline = Pipeline(nodes=[double])
"""


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines that a process printed; it must have ended well."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_it_is_listed_with_all_that_it_registers(good: Path, python: Python) -> None:
    """The listing shows the distribution, its version, and a name of each kind."""
    done = python(
        "from hypernodes.plugins import list_plugins\n"
        "info = next(info for info in list_plugins() if info.name == 'acme')\n"
        "print(info.distribution, info.version, info.status)\n"
        "for kind, names in info.registers.items(): print(kind, *names)\n",
        good,
    )
    assert said(done) == [
        "acme-hypernodes 1.2.3 ok",
        "engines acme",
        "caches acme",
        "serializers acme-opaque",
        "callbacks acme",
        "fingerprints acme.Opaque",
        "visualizers acme",
    ]


def test_loading_it_imports_its_plugin_module_alone(good: Path, python: Python) -> None:
    """Engines, caches and formats wait until somebody asks for them."""
    done = python(
        "import sys; from hypernodes.plugins import list_plugins; list_plugins()\n"
        "print(sorted(name for name in sys.modules if name.startswith('acme')))",
        good,
    )
    assert said(done) == ["['acme', 'acme.plugin']"]


def test_importing_hypernodes_does_not_load_it(good: Path, python: Python) -> None:
    """No entry point is loaded by an import."""
    done = python("import hypernodes, sys; print('acme' in sys.modules)", good)
    assert said(done) == ["False"]


def test_its_engine_is_imported_from_hypernodes(good: Path, python: Python) -> None:
    """`from hypernodes.engines import AcmeEngine` works as it does for ours."""
    done = python("from hypernodes.engines import AcmeEngine; print(AcmeEngine.__module__)", good)
    assert said(done) == ["acme.engine"]


def test_its_engine_keeps_item_order(good: Path, python: Python) -> None:
    """Chunks carried out last to first still give results in item order."""
    done = python(
        PIPELINE + "found = pipeline.map({'x': list(range(5000))}, map_over='x', engine='acme')\n"
        "print(found == [{'twice': 2 * x} for x in range(5000)])",
        good,
    )
    assert said(done)[-1] == "True"


def test_its_engine_runs_like_the_sequential_one(good: Path, python: Python) -> None:
    """`run` and `map` on its engine equal those without one."""
    done = python(
        PIPELINE + "from hypernodes.engines import AcmeEngine\n"
        "print(pipeline.run({'x': 4}, engine=AcmeEngine()))\n"
        "print(pipeline.map({'x': [1, 2]}, map_over='x', engine=AcmeEngine()))",
        good,
    )
    expected = ["double 4", "{'twice': 8}"]
    assert said(done)[:2] == expected
    assert said(done)[-1] == "[{'twice': 2}, {'twice': 4}]"


def test_its_cache_opens_by_url(good: Path, python: Python, tmp_path: Path) -> None:
    """A cache scheme of a third party remembers across processes."""
    code = (
        PIPELINE + "from hypernodes import SeqEngine, open_cache\n"
        f"engine = SeqEngine(cache=open_cache({f'acme://{tmp_path}/cache'!r}))\n"
        "print(type(engine.cache).__name__, pipeline.run({'x': 4}, engine=engine))"
    )
    first, second = said(python(code, good)), said(python(code, good))
    assert first == ["double 4", "AcmeCache {'twice': 8}"]
    assert second == ["AcmeCache {'twice': 8}"]


def test_its_callback_works_by_name(good: Path, python: Python) -> None:
    """`callbacks=["acme"]` makes and attaches its callback."""
    done = python(
        PIPELINE + "from hypernodes import SeqEngine\n"
        "pipeline.run({'x': 4}, engine=SeqEngine(callbacks=['acme']))",
        good,
    )
    assert said(done) == ["acme saw double", "double 4"]


def test_its_type_is_cached_by_its_fingerprint_and_format(
    good: Path, python: Python, tmp_path: Path
) -> None:
    """A value that neither pickles nor hashes is an input and an output of cached nodes."""
    code = f"""
import warnings; warnings.simplefilter("error")
from acme import Opaque
from hypernodes import DiskCache, Pipeline, SeqEngine, node

@node(output_name="next")
def follow(it: Opaque) -> Opaque:
    print("followed", it.number)
    return Opaque(it.number + 1)

engine = SeqEngine(cache=DiskCache({str(tmp_path / "cache")!r}))
found = [Pipeline(nodes=[follow], engine=engine).run({{"it": Opaque(n)}}) for n in (1, 2, 1)]
print([each["next"].number for each in found])
"""
    first, second = said(python(code, good)), said(python(code, good))
    assert first == ["followed 1", "followed 2", "[2, 3, 2]"]
    assert second == ["[2, 3, 2]"]


def test_it_observes_every_run(good: Path, python: Python, tmp_path: Path) -> None:
    """An observing hook hears of runs on any engine, without being attached to one."""
    log = tmp_path / "log"
    done = python(
        PIPELINE + "pipeline.run({'x': 4})\npipeline.map({'x': [1]}, map_over='x', engine='acme')",
        good,
        ACME_LOG=str(log),
    )
    said(done)
    assert log.read_text() == "SeqEngine executed\nAcmeEngine executed\n"


def test_disabled_it_is_not_imported(good: Path, python: Python) -> None:
    """`HYPERNODES_DISABLE_PLUGINS` keeps its module out of the process."""
    done = python(
        "import sys; from hypernodes.plugins import list_plugins\n"
        "print([info.status for info in list_plugins() if info.name == 'acme'])\n"
        "print('acme' in sys.modules)",
        good,
        HYPERNODES_DISABLE_PLUGINS="acme",
    )
    assert said(done) == ["['disabled']", "False"]


def test_the_template_works_as_it_is(template: Path, python: Python) -> None:
    """The skeleton to copy is a working extension before anything is changed."""
    done = python(
        PIPELINE + "from hypernodes.engines import AcmeEngine\n"
        "print(AcmeEngine.__module__)\n"
        "print(pipeline.map({'x': [1, 2]}, map_over='x', engine='acme-engine'))",
        template,
    )
    assert said(done)[0] == "acme_engine.engine"
    assert said(done)[-1] == "[{'twice': 2}, {'twice': 4}]"


def test_two_third_parties_that_clash_are_both_named(
    good: Path, template: Path, python: Python
) -> None:
    """Two distributions with a class `AcmeEngine` clash on that name and on no other."""
    done = python(
        "from hypernodes.errors import PluginConflictError\n"
        "from hypernodes.plugins import get_engine\n"
        "for name in ('acme', 'acme-engine'): print(type(get_engine(name)).__module__)\n"
        "try: get_engine('AcmeEngine')\n"
        "except PluginConflictError as error: print(error)",
        good,
        template,
    )
    assert said(done) == [
        "acme.engine",
        "acme_engine.engine",
        "engine 'AcmeEngine' is claimed by plugin 'acme' of acme-hypernodes 1.2.3 and by plugin "
        "'acme-engine' of acme-engine 0.1.0; uninstall one of them, or disable it with "
        "HYPERNODES_DISABLE_PLUGINS=<plugin>",
    ]
