"""``hypernodes cache``: looking after what is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hypernodes import DiskCache

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cli

FILLED = ["shop:pipeline", "-i", "passage=a b", "--cache", ".cache"]


@pytest.fixture
def filled(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Give the command, with a cache of two results chosen by a variable."""
    cli("run", *FILLED)
    monkeypatch.setenv("HYPERNODES_CACHE", ".cache")
    return cli


def test_stats_count_results_by_node(filled: Cli) -> None:
    """A table for people, all of it as JSON."""
    assert filled("cache", "stats", "--json").json["entries"] == 2
    assert "count_words" in filled("cache", "stats").out


def test_results_of_a_node_are_dropped(filled: Cli) -> None:
    """``prune --node`` forgets them, and says how many."""
    assert filled("cache", "prune", "--node", "count_words", "--json").json == {"dropped": 1}
    assert "(1 hit)" in filled("run", *FILLED).err


def test_old_results_are_dropped(filled: Cli) -> None:
    """An age has a unit."""
    kept = filled("cache", "prune", "--max-age", "1h", "--json").json
    dropped = filled("cache", "prune", "--max-items", "0", "--json").json
    assert (kept, dropped) == ({"dropped": 0}, {"dropped": 2})


def test_a_sound_cache_is_verified(filled: Cli) -> None:
    """Everything is counted, and nothing is damaged."""
    assert filled("cache", "verify", "--json").json["damaged"] == 0


def test_space_is_given_back(filled: Cli) -> None:
    """``compact`` says how much."""
    filled("cache", "prune", "--max-items", "0")
    assert filled("cache", "compact", "--json").json["freed"] >= 0


def test_a_pinned_node_stays(filled: Cli) -> None:
    """Limits pass it by until it is unpinned."""
    filled("cache", "pin", "clean_text")
    first = filled("cache", "prune", "--max-items", "0", "--json").json["dropped"]
    filled("cache", "unpin", "clean_text")
    second = filled("cache", "prune", "--max-items", "0", "--json").json["dropped"]
    assert (first, second) == (1, 1)


def test_results_travel_to_another_cache_and_back(filled: Cli) -> None:
    """What was pushed hits after a pull."""
    pushed = filled("cache", "push", "shared", "--json").json
    filled("cache", "clear", "--yes")
    pulled = filled("cache", "pull", "shared", "--json").json
    assert (pushed, pulled) == ({"copied": 2}, {"copied": 2})
    assert "(2 hits)" in filled("run", *FILLED).err


def test_results_are_listed(filled: Cli) -> None:
    """The latest comes first, with its size, its times and a signature that can be pinned."""
    found = filled("cache", "ls", "--json").json
    assert ["count_words", "clean_text"] == [each["step"] for each in found]
    assert all(each["bytes"] > 0 and each["seconds"] >= 0 for each in found)
    table = filled("cache", "ls", "--limit", "1").out
    assert found[0]["signature"] in table
    assert found[1]["signature"] not in table


def test_results_of_one_node_are_listed(filled: Cli) -> None:
    """``--node`` takes a name."""
    found = filled("cache", "ls", "--node", "clean_text", "--json").json
    assert ["clean_text"] == [each["step"] for each in found]


def test_a_cache_explains_what_it_would_not_answer(filled: Cli) -> None:
    """``cache why`` says the same as ``why``."""
    request = ["shop:pipeline", "-i", "passage=a c", "--cache", ".cache"]
    said = filled("cache", "why", *request)
    assert said.out == filled("why", *request).out
    assert "clean_text runs" in said.out


def test_results_without_a_node_travel_too(filled: Cli) -> None:
    """What somebody stored under a key of theirs is pushed with everything else."""
    DiskCache(".cache").put("mine", 42)
    assert {"copied": 3} == filled("cache", "push", "shared", "--json").json
    assert 42 == DiskCache("shared").get("mine")


def test_what_travelled_explains_misses(filled: Cli) -> None:
    """Arguments go along, so a difference is told by its values."""
    filled("cache", "push", "shared")
    request = ["shop:pipeline", "-i", "passage=a c", "--cache"]
    assert filled("why", *request, ".cache").out == filled("why", *request, "shared").out


def test_a_store_answers_as_a_folder_does(filled: Cli, tmp_path: Path) -> None:
    """What lies below a URL is listed, counted, pinned, checked, pruned by node and pulled."""
    url = f"{(tmp_path / 'far').as_uri()}?mirror={tmp_path / 'mirror'}"
    filled("cache", "push", url)
    assert 2 == len(filled("cache", "ls", "--cache", url, "--json").json)
    assert "clean_text" in filled("cache", "stats", "--cache", url).out
    assert 2 == filled("cache", "verify", "--cache", url, "--json").json["records"]
    filled("cache", "pin", "clean_text", "--cache", url)
    pruned = filled("cache", "prune", "--node", "clean_text", "--cache", url, "--json").json
    filled("cache", "unpin", "clean_text", "--cache", url)
    again = filled("cache", "prune", "--node", "clean_text", "--cache", url, "--json").json
    assert ({"dropped": 0}, {"dropped": 1}) == (pruned, again)
    assert {"copied": 1} == filled("cache", "pull", url, "--cache", "fresh", "--json").json


def test_a_key_is_not_printed(filled: Cli) -> None:
    """Answers name the place of a cache, and not the options behind it."""
    answers = [
        filled("cache", "push", "disk://shared?key=secret"),
        filled("cache", "stats", "--cache", "disk://shared?key=secret"),
        filled("cache", "pull", "disk://shared?key=secret", "--cache", "disk://back?key=secret"),
        filled("cache", "pull", "disk://empty?key=secret"),
    ]
    assert [0, 0, 0, 2] == [answer.code for answer in answers]
    assert not [answer for answer in answers if "secret" in answer.out + answer.err]


def test_clearing_asks_first(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a yes nothing is forgotten."""
    monkeypatch.setattr("typer.confirm", lambda *_args, **_kwargs: False)
    assert filled("cache", "clear").code == 2
    assert filled("cache", "stats", "--json").json["entries"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prune"], "say what to drop"),
        (["prune", "--max-bytes", "10 XB"], "'10 XB' is not a size; use b, kb, mb, gb, tb"),
        (["push", "shared", "--node", "clean_txt"], "did you mean 'clean_text'?"),
        (["pull", "empty"], "there is no cache in 'empty'"),
        (["verify", "--cache", "memory://"], "memory:// is a MemoryCache, which cannot verify"),
        (["stats", "--cache", "none"], "no cache was named"),
    ],
)
def test_a_wrong_request_is_refused(filled: Cli, arguments: list[str], said: str) -> None:
    """The code is 2, and nothing changes."""
    answer = filled("cache", *arguments)
    assert answer.code == 2
    assert said in answer.err


@pytest.mark.parametrize("command", ["stats", "verify", "clear", "compact"])
def test_looking_at_a_cache_does_not_make_one(cli: Cli, tmp_path: Path, command: str) -> None:
    """A mistake in the name is said, and leaves no empty folder behind."""
    (tmp_path / "store").mkdir()
    answer = cli("cache", command, "--cache", "stor")
    assert (answer.code, (tmp_path / "stor").exists()) == (2, False)
    assert "there is no cache in 'stor'; did you mean 'store'?" in answer.err
