"""The plugins among the examples are what a stranger would publish: small, proven, found."""

from __future__ import annotations

import io
import json
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Python = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(file.parent for file in (ROOT / "examples/plugins").glob("*/pyproject.toml"))
COMMAND = "import sys; from hypernodes.cli import main; sys.argv[1:] = {!r}; main()"
NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def count_code_lines(text: str) -> int:
    """Return how many lines hold code: no blank ones, no comments, no docstrings."""
    without = re.sub(r'^( *)""".*?"""$', "", text, flags=re.MULTILINE | re.DOTALL)
    tokens = tokenize.generate_tokens(io.StringIO(without).readline)
    return len({token.start[0] for token in tokens if token.type not in NO_CODE})


@pytest.mark.parametrize("project", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_takes_under_a_hundred_lines(project: Path) -> None:
    """All code that a stranger has to write fits on two pages."""
    files = (project / "src").rglob("*.py")
    assert 20 < sum(count_code_lines(path.read_text("utf-8")) for path in files) < 100


@pytest.mark.timeout(600)
@pytest.mark.parametrize("project", PLUGINS, ids=lambda path: path.name)
def test_its_own_tests_pass_where_it_is_installed(
    project: Path, examples: Path, own_tests: Callable[[Path, Path], str]
) -> None:
    """Installed from its wheel, it passes the contract of its kind and its own tests."""
    assert int(re.findall(r"(\d+) passed", own_tests(project, examples))[-1]) > 40


@pytest.mark.parametrize("project", PLUGINS, ids=lambda path: path.name)
def test_the_code_on_its_page_runs(project: Path, examples: Path, python: Python) -> None:
    """What the README of a plugin shows works where it is installed."""
    page = (project / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    done = python("\n".join(blocks), examples)
    assert (len(blocks), done.returncode, done.stderr) == (1, 0, "")


def test_they_are_listed_with_what_they_bring(examples: Path, python: Python) -> None:
    """``hypernodes plugins`` shows the engine and the scheme beside our own."""
    done = python(COMMAND.format(["plugins", "--json"]), examples)
    found = {each["distribution"]: each for each in json.loads(done.stdout)}
    engine, cache = found["hypernodes-pool-engine"], found["hypernodes-globex-cache"]
    assert (engine["status"], engine["registers"]) == ("ok", {"engines": ["pool"]})
    assert (cache["status"], cache["registers"]) == ("ok", {"caches": ["globex"]})


def test_they_are_found_where_they_are_chosen(examples: Path, python: Python) -> None:
    """``hypernodes doctor`` follows the settings to the class and the store."""
    done = python(
        COMMAND.format(["doctor", "--json"]),
        examples,
        HYPERNODES_ENGINE="pool",
        HYPERNODES_CACHE="globex://127.0.0.1:9/drawer",
    )
    found = {each["subject"]: each for each in json.loads(done.stdout)}
    assert (found["engine"]["status"], found["engine"]["text"]) == ("ok", "PoolEngine")
    assert found["cache"]["status"] == "ok"


def test_loading_them_imports_their_plugin_modules_alone(examples: Path, python: Python) -> None:
    """Engine and store wait until somebody asks for them."""
    done = python(
        "import sys; from hypernodes.plugins import list_plugins; list_plugins()\n"
        "print(*sorted(n for n in sys.modules if n.startswith(('hypernodes_p', 'hypernodes_g'))))",
        examples,
    )
    assert done.stdout.split() == [
        "hypernodes_globex_cache",
        "hypernodes_globex_cache.plugin",
        "hypernodes_pool_engine",
        "hypernodes_pool_engine.plugin",
    ]
