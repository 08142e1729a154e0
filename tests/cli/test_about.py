"""``hypernodes plugins`` and ``doctor``: what is installed, and what to repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from conftest import Cli


def test_plugins_are_listed(cli: Cli) -> None:
    """Ours comes first, with what it brings."""
    found = cli("plugins", "--json").json
    assert (found[0]["name"], found[0]["status"]) == ("hypernodes", "ok")
    assert "seq" in found[0]["registers"]["engines"]
    assert "engines: " in cli("plugins").out


def test_a_healthy_installation_has_no_problems(cli: Cli) -> None:
    """What is merely not installed is a note."""
    answer = cli("doctor", "--json")
    problems = [each for each in answer.json if each["status"] == "problem"]
    assert (answer.code, problems) == (0, [])


def test_an_unknown_engine_in_the_settings_is_a_problem(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is 1, and the line says what is wrong."""
    monkeypatch.setenv("HYPERNODES_ENGINE", "sq")
    answer = cli("doctor")
    assert answer.code == 1
    assert "did you mean 'seq'?" in answer.out


def test_malformed_settings_are_a_problem(cli: Cli, write: Callable[[str, str], str]) -> None:
    """A mistake in pyproject.toml is named."""
    write("pyproject.toml", "[tool.hypernodes]\ncashe = 1\n")
    answer = cli("doctor")
    assert answer.code == 1
    assert "unknown setting 'cashe'; did you mean 'cache'?" in answer.out


def test_a_cache_is_looked_at(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that opens is named with its size."""
    cli("run", "shop:pipeline", "-i", "passage=a", "--cache", ".cache")
    monkeypatch.setenv("HYPERNODES_CACHE", ".cache")
    found = {each["subject"]: each for each in cli("doctor", "--json").json}
    assert (found["cache"]["status"], found["cache"]["text"][:17]) == ("ok", ".cache, 2 entries")


def test_no_key_is_printed_or_recorded(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key in the URL of a cache is told to nobody."""
    url = "disk://.cache?key=secret&max_items=9"
    cli("run", "shop:pipeline", "-i", "passage=a", "--cache", url, "--runs", "runs")
    monkeypatch.setenv("HYPERNODES_CACHE", url)
    answer = cli("doctor")
    assert ".cache?key=...&max_items=9" in answer.out
    kept = "".join(file.read_text("utf-8") for file in (tmp_path / "runs").rglob("*.jsonl"))
    assert "key=..." in kept
    assert "secret" not in answer.out + answer.err + kept
