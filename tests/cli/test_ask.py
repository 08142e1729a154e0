"""``hypernodes plan``, ``why`` and ``show``: answers without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Cli


def test_a_plan_counts_hits_and_calls(cli: Cli) -> None:
    """What the cache holds is a hit, the rest would run."""
    cli("run", "shop:pipeline", "-i", "passage=a", "-i", "factor=1", "--cache", ".cache")
    arguments = ["-i", "passage=a", "-i", "factor=2", "--cache", ".cache", "--json"]
    plan = cli("plan", "shop:pipeline", *arguments).json
    assert (plan["hits"], plan["runs"], plan["items"]) == (1, 1, None)
    assert plan["steps"][1]["reasons"] == ["parameter factor 1 -> 2"]


def test_a_plan_executes_nothing(cli: Cli) -> None:
    """A pipeline that would fail can be planned."""
    answer = cli("plan", "shop:pipeline", "-i", "passage=boom")
    assert answer.code == 0
    assert "count_words" in answer.out


def test_a_map_can_be_planned(cli: Cli, write: Callable[[str, str], str]) -> None:
    """With a file or mapped names it is the plan of a map."""
    write("data.csv", "passage\na\nb\n")
    plan = cli("plan", "shop:pipeline", "--from", "data.csv", "--json").json
    assert (plan["items"], plan["runs"]) == (2, 4)


def test_reasons_are_sentences(cli: Cli) -> None:
    """``why`` says per node what differs."""
    cli("run", "shop:pipeline", "-i", "passage=a", "--cache", ".cache")
    answer = cli("why", "shop:pipeline", "-i", "passage=b", "--cache", ".cache")
    assert answer.out == (
        "clean_text runs: parameter passage 'a' -> 'b'\n"
        "count_words runs: cleaned_text must be computed first\n"
    )


def test_one_node_can_be_asked_about(cli: Cli) -> None:
    """``--node`` takes a name or a path."""
    answer = cli("why", "shop:corpus", "-i", 'passage=["a"]', "--node", "all/clean_text", "--json")
    assert answer.json == {"all/clean_text": ["there is no cache"]}


def test_an_unknown_node_is_refused(cli: Cli) -> None:
    """The message names the nearest one."""
    answer = cli("why", "shop:pipeline", "-i", "passage=a", "--node", "clean_txt")
    assert answer.code == 2
    assert "no node 'clean_txt'; did you mean 'clean_text'?" in answer.err
    both = cli("why", "shop:pipeline", "-i", "passage=a", "--node", "clean_text", "--node", "gone")
    assert (both.code, "no node 'gone'" in both.err) == (2, True)


@pytest.mark.parametrize("command", ["plan", "why"])
def test_reasons_of_many_items_are_not_all_said(
    cli: Cli, write: Callable[[str, str], str], command: str
) -> None:
    """People see the first ones and how many more there are, scripts all."""
    cli("run", "shop:pipeline", "-i", "passage=z", "--cache", ".cache")
    write("data.csv", "passage\n" + "".join(f"p{n}\n" for n in range(50)))
    arguments = [command, "shop:pipeline", "--from", "data.csv", "--cache", ".cache"]
    said = " ".join(cli(*arguments).out.split())
    assert ("'z' -> 'p1'" in said, "'z' -> 'p2'" in said) == (True, False)
    assert "and 48 more like these" in said
    assert str(cli(*arguments, "--json").json).count("-> 'p") == 50


def test_that_nothing_would_run_is_said(cli: Cli) -> None:
    """An answer without sentences is not silence."""
    arguments = ["shop:pipeline", "-i", "passage=a", "--cache", ".cache"]
    cli("run", *arguments)
    answer = cli("why", *arguments)
    assert (answer.out, answer.err) == ("", "nothing would run: everything is in the cache\n")


def test_a_pipeline_is_drawn_as_text(cli: Cli) -> None:
    """Nested pipelines are opened."""
    out = cli("show", "shop:corpus").out
    assert [name in out for name in ("corpus", "all", "clean_text", "add")] == [True] * 4


def test_a_pipeline_is_drawn_into_a_file(cli: Cli, tmp_path: Path) -> None:
    """The suffix picks the format."""
    cli("show", "shop:pipeline", "-o", "words.mmd")
    assert "clean_text" in (tmp_path / "words.mmd").read_text("utf-8")


def test_a_pipeline_is_described_in_json(cli: Cli) -> None:
    """Inputs come with types, nodes with what they read and give."""
    found = cli("show", "shop:pipeline", "--json").json
    assert found["inputs"] == [
        {"name": "factor", "type": "int", "required": False, "bound": False},
        {"name": "passage", "type": "str", "required": True, "bound": False},
    ]
    assert found["nodes"][0] == {
        "name": "clean_text",
        "inputs": ["passage"],
        "outputs": {"cleaned_text": "str"},
        "cache": True,
    }


@pytest.mark.parametrize(
    ("path", "said"), [("x.xyz", "unknown suffix '.xyz'"), ("no/x.svg", "there is no folder 'no'")]
)
def test_a_picture_that_cannot_be_made_is_refused(cli: Cli, path: str, said: str) -> None:
    """A mistake in the name of the file is one line."""
    answer = cli("show", "shop:pipeline", "-o", path)
    assert (answer.code, said in answer.err) == (2, True)
