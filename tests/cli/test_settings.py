"""Which source decides: options, variables, the pipeline, pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hypernodes import DiskCache, MemoryCache, Pipeline, SeqEngine
from hypernodes.cli._faults import CommandError
from hypernodes.cli._settings import Choices, build_engine, read_environment, read_project
from hypernodes.values import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cli


def _project(folder: Path, text: str) -> Choices:
    (folder / "pyproject.toml").write_text(f"[tool.hypernodes]\n{text}", "utf-8")
    return read_project(folder)


def test_settings_of_the_project_are_found_from_below(tmp_path: Path) -> None:
    """The nearest pyproject.toml counts, and folders in it are taken from there."""
    _project(tmp_path, 'cache = ".cache"\ntarget = "shop:pipeline"')
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    found = read_project(inside)
    assert (found.target, Path(found.cache or "")) == ("shop:pipeline", tmp_path / ".cache")


def test_a_url_in_the_settings_stays_one(tmp_path: Path) -> None:
    """Only folders are taken from where the file is."""
    assert _project(tmp_path, 'cache = "memory://"').cache == "memory://"


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    """The message names the nearest one."""
    with pytest.raises(CommandError, match="unknown setting 'cahce'; did you mean 'cache'"):
        _project(tmp_path, 'cahce = "x"')


def test_a_malformed_file_is_named_by_line(tmp_path: Path) -> None:
    """The place comes from the parser."""
    with pytest.raises(CommandError, match=r"pyproject.toml is malformed: .*line 2"):
        _project(tmp_path, "cache = = 1\n")


def test_variables_are_read() -> None:
    """Each setting has its variable."""
    found = read_environment({"HYPERNODES_ENGINE": "seq", "HYPERNODES_CALLBACKS": "a, b"})
    assert (found.engine, found.callbacks, found.cache) == ("seq", ("a", "b"), None)


def test_the_first_source_that_decides_counts() -> None:
    """Choices are laid over each other one by one."""
    merged = Choices(engine="seq").over(Choices(engine="dask", cache=".c"))
    assert (merged.engine, merged.cache) == ("seq", ".c")


def test_what_a_pipeline_brings_wins_over_the_project(tmp_path: Path) -> None:
    """Defaults are for pipelines that say nothing."""
    own = MemoryCache()
    pipeline = Pipeline([], engine=SeqEngine(cache=own))
    engine = build_engine(pipeline, Choices(), Choices(cache=str(tmp_path)))
    assert engine.cache is own


def test_options_win_over_what_a_pipeline_brings(tmp_path: Path) -> None:
    """And its own engine is left as it is."""
    pipeline = Pipeline([], engine=SeqEngine(cache=MemoryCache(), salt="s"))
    engine = build_engine(pipeline, Choices(cache=str(tmp_path / "c")), Choices())
    assert (type(engine.cache), engine.salt) == (DiskCache, "s")
    assert type(pipeline.engine.cache) is MemoryCache


def test_the_cache_can_be_turned_off() -> None:
    """``none`` is a decision, too."""
    pipeline = Pipeline([], engine=SeqEngine(cache=MemoryCache()))
    assert build_engine(pipeline, Choices(cache="none"), Choices()).cache is None


def test_without_any_decision_the_engine_inherits() -> None:
    """A cache that nobody chose stays unset."""
    assert build_engine(Pipeline([]), Choices(), Choices()).cache is UNSET


def test_another_engine_takes_over_the_cache() -> None:
    """``--engine`` alone changes where it runs, not what is remembered."""
    own = MemoryCache()
    pipeline = Pipeline([], engine=SeqEngine(cache=own))
    engine = build_engine(pipeline, Choices(engine="seq", engine_options={"salt": "x"}), Choices())
    assert (engine.cache is own, engine.salt) == (True, "x")


def test_the_command_line_uses_the_settings_of_the_project(
    cli: Cli, write: Callable[[str, str], str]
) -> None:
    """Target and cache need not be given."""
    write("pyproject.toml", '[tool.hypernodes]\ntarget = "shop:pipeline"\ncache = ".cache"\n')
    cli("run", "-i", "passage=a")
    assert "(2 hits)" in cli("run", "-i", "passage=a").err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("engine = 5", "engine in [tool.hypernodes] of pyproject.toml must be text, not int"),
        ('engine-options = "x"', "engine-options in [tool.hypernodes] of pyproject.toml must be a"),
        ("callbacks = [1]", "callbacks in [tool.hypernodes] of pyproject.toml must be a list of"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """The message names the setting, what it must be, and what it is."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.hypernodes]\n{line}\n")
    with pytest.raises(CommandError) as refused:
        read_project(tmp_path)
    assert said in str(refused.value)


def test_settings_must_be_a_table(tmp_path: Path) -> None:
    """A single value says nothing."""
    (tmp_path / "pyproject.toml").write_text("[tool]\nhypernodes = 3\n")
    with pytest.raises(CommandError, match="must be a table"):
        read_project(tmp_path)


def test_one_name_of_a_callback_is_enough(tmp_path: Path) -> None:
    """It may be written without brackets."""
    (tmp_path / "pyproject.toml").write_text('[tool.hypernodes]\ncallbacks = "logging"\n')
    assert read_project(tmp_path).callbacks == ("logging",)


def test_options_of_an_engine_are_not_given_to_another_one() -> None:
    """A variable that names an engine leaves behind what the project gives its own."""
    project = Choices(engine="async", engine_options={"max_concurrency": 5})
    pipeline = Pipeline([])
    assert build_engine(pipeline, Choices(), project).max_concurrency == 5
    assert isinstance(build_engine(pipeline, Choices(engine="seq"), project), SeqEngine)


@pytest.mark.parametrize("target", ["shop:pipeline", "shop.py:pipeline"])
def test_the_target_of_a_project_is_found_from_below(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """Modules and files are looked for where the settings are."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.hypernodes]\ntarget = "{target}"\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert cli("run", "-i", "passage=a b", "--json").json["word_count"] == 2
