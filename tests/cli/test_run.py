"""``hypernodes run``: values in, outputs out, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Cli


def test_outputs_are_printed_by_name(cli: Cli) -> None:
    """Each output has a line; what is said about them goes to standard error."""
    answer = cli("run", "shop:pipeline", "--input", "passage=Hello World")
    assert (answer.code, answer.out) == (0, "cleaned_text  'hello world'\nword_count    2\n")


def test_json_is_for_scripts(cli: Cli) -> None:
    """With ``--json`` standard output is JSON and nothing else."""
    assert cli("run", "shop:pipeline", "-i", "passage=A b", "--json").json == {
        "cleaned_text": "a b",
        "word_count": 2,
    }


def test_a_run_says_what_it_did(cli: Cli) -> None:
    """The summary counts nodes and hits."""
    cli("run", "shop:pipeline", "-i", "passage=a", "--cache", ".cache")
    again = cli("run", "shop:pipeline", "-i", "passage=a", "--cache", ".cache")
    assert again.err.startswith("2 of 2 nodes (2 hits) in ")


def test_a_value_is_read_as_its_annotation_wants(cli: Cli) -> None:
    """Text stays text for a ``str`` and becomes a number for an ``int``."""
    answer = cli("run", "shop:pipeline", "-i", "passage=1 2", "-i", "factor=3", "--json")
    assert answer.json == {"cleaned_text": "1 2", "word_count": 6}


def test_inputs_come_from_a_file(cli: Cli, write: Callable[[str, str], str]) -> None:
    """``--inputs`` takes them all, ``name=@file`` one of them."""
    write("all.json", '{"passage": "a b", "factor": 2}')
    write("one.txt", "c d e")
    answer = cli("run", "shop:pipeline", "--inputs", "all.json", "-i", "passage=@one.txt", "--json")
    assert answer.json["word_count"] == 6


def test_only_the_wanted_outputs_are_computed(cli: Cli) -> None:
    """``--output-name`` takes names, also several between commas."""
    answer = cli("run", "shop:pipeline", "-i", "passage=A", "-n", "cleaned_text", "--json")
    assert answer.json == {"cleaned_text": "a"}


def test_outputs_are_written_to_a_file(cli: Cli, tmp_path: Path) -> None:
    """``-o`` writes JSON and prints nothing."""
    answer = cli("run", "shop:pipeline", "-i", "passage=A", "-o", "out.json")
    written = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (answer.out, written["cleaned_text"]) == ("", "a")


def test_a_name_can_be_left_out_where_it_is_clear(cli: Cli) -> None:
    """A module's ``pipeline`` is meant where none is named."""
    assert cli("run", "shop", "-i", "passage=a b", "--json").json["word_count"] == 2


def test_a_file_can_be_named(cli: Cli) -> None:
    """A pipeline can live in a file that is no module of the path."""
    assert cli("run", "./shop.py:pipeline", "-i", "passage=a b", "--json").json["word_count"] == 2


def test_a_failure_shows_the_frames_of_the_user(cli: Cli) -> None:
    """The traceback holds the failing line and none of ours; the code is 1."""
    answer = cli("run", "shop:pipeline", "-i", "passage=boom")
    assert answer.code == 1
    assert "ValueError: no good: boom\nin node 'count_words' at count_words" in answer.err
    assert "site-packages" not in answer.err
    assert "_step.py" not in answer.err


def test_a_failure_says_what_was_kept(cli: Cli) -> None:
    """With a cache the finished nodes are named as kept, without one nothing is."""
    answers = [
        cli("run", "shop:pipeline", "-i", "passage=boom", *options).err
        for options in (["--cache", ".cache"], [])
    ]
    assert "1 of 2 nodes finished\nkept in .cache" in answers[0]
    assert "nothing was kept, because there is no cache" in answers[1]


def test_an_interrupt_says_what_was_kept(cli: Cli) -> None:
    """Ctrl-C ends with 130 and tells how far it came."""
    answer = cli("run", "shop:pipeline", "-i", "passage=stop", "--cache", ".cache")
    assert answer.code == 130
    assert ": 1 of 2 nodes finished\nkept in .cache" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop:pipeline"], "missing input passage: str; give --input passage=..."),
        (["shop:pipeline", "-i", "pasage=x"], "no input 'pasage'; did you mean 'passage'?"),
        (["shop:pipeline", "-i", "passage"], "--input 'passage' is not name=value"),
        (["shop:pipeline", "-i", "passage=a", "-i", "factor=x"], "must be int: got 'x'"),
        (["shop:pipeline", "-i", "passage=a", "-n", "wordcount"], "did you mean 'word_count'?"),
        (["shop:pipelin"], "'shop' has no 'pipelin'; did you mean 'pipeline'?"),
        (["shp:pipeline"], "there is no module 'shp' here; did you mean 'shop'?"),
        (["shop:add"], "'shop:add' is a"),
        (["none.py"], "there is no file 'none.py'"),
        ([], "no pipeline was named"),
        (["shop:pipeline", "-i", "passage=a", "--engine", "sq"], "did you mean 'seq'?"),
        (
            ["shop:pipeline", "-i", "passage=a", "--engine", "seq", "--engine-option", "slat=1"],
            "engine 'seq' has no option 'slat'; did you mean 'salt'?",
        ),
        (
            [
                "shop:pipeline",
                "-i",
                "passage=a",
                "--engine=seq",
                "--engine-option=check-mutation=x",
            ],
            "engine 'seq' cannot be made: unknown check_mutation 'x'",
        ),
        (["shop:pipeline", "-i", "passage=a", "-o", "no/out.json"], "there is no folder 'no'"),
        (["shop:pipeline", "-i", "passage=a", "--cache", "nope://x"], "'nope'"),
        (["shop:pipeline", "-i", "passage=a", "--callback", "loging"], "did you mean 'logging'?"),
        (["shop:pipeline", "-i", "passage=@gone.txt"], "cannot read gone.txt"),
        (["shop:pipeline", "-i", "passage=a", "-o", "out.xyz"], "use .json"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_runs(
    cli: Cli, arguments: list[str], said: str
) -> None:
    """The message names what is wrong and what could be meant; the code is 2."""
    answer = cli("run", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_an_unknown_option_is_refused(cli: Cli) -> None:
    """A mistyped option has the code of a wrong request."""
    answer = cli("run", "shop:pipeline", "--inptu", "x=1")
    assert answer.code == 2
    assert "--input" in answer.err


def test_a_module_that_fails_to_import_says_where(
    cli: Cli, write: Callable[[str, str], str]
) -> None:
    """The message holds the error and the line."""
    write("broken.py", "import shop\nx = 1 / 0\n")
    answer = cli("run", "broken:pipeline")
    assert "cannot import 'broken': ZeroDivisionError: division by zero (broken.py:2)" in answer.err


def test_a_missing_library_of_a_module_is_named(cli: Cli, write: Callable[[str, str], str]) -> None:
    """That a module's own import fails is not mistaken for a missing module."""
    write("broken.py", "import no_such_library\n")
    answer = cli("run", "broken:pipeline")
    assert "cannot import 'broken': ModuleNotFoundError: No module named" in answer.err


def test_a_function_that_makes_a_pipeline_is_called(
    cli: Cli, write: Callable[[str, str], str]
) -> None:
    """A target may be a factory."""
    write("factory.py", "import shop\ndef make():\n    return shop.pipeline\n")
    assert cli("run", "factory:make", "-i", "passage=a", "--json").json["word_count"] == 1


def test_our_warnings_are_one_line(cli: Cli, write: Callable[[str, str], str]) -> None:
    """A warning of ours is said without file and line."""
    write(
        "warns.py",
        """
        from hypernodes import Pipeline, node

        @node(output_name="out")
        def make(x: int) -> object:
            return (lambda: (yield))()

        pipeline = Pipeline([make])
        """,
    )
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        answer = cli("run", "warns:pipeline", "-i", "x=1", "--cache", ".cache")
    assert answer.err.startswith("warning: ")


def test_the_version_is_said(cli: Cli) -> None:
    """``--version`` names the installed version."""
    from importlib.metadata import version

    assert cli("--version").out == f"hypernodes {version('hypernodes')}\n"


def test_help_names_every_command(cli: Cli) -> None:
    """The list of commands is the whole command line."""
    names = ["run", "map", "plan", "why", "show", "runs", "report", "repro", "plugins", "doctor"]
    out = cli("--help").out
    assert [name for name in names if f"\n  {name} " not in out] == []
