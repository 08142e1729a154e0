"""``hypernodes map``: records in, records out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Cli

TWO = [{"cleaned_text": "a", "word_count": 1}, {"cleaned_text": "b c", "word_count": 2}]


def _lines(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.jsonl", '{"passage": "A", "id": 1}\n\n{"passage": "B c", "id": 2}\n'),
        ("data.json", '[{"passage": "A"}, {"passage": "B c"}]'),
        ("data.csv", "id,passage\n1,A\n2,B c\n"),
    ],
)
def test_items_come_from_a_file(
    cli: Cli, write: Callable[[str, str], str], name: str, text: str
) -> None:
    """Columns that are inputs are mapped over; others are left alone."""
    write(name, text)
    answer = cli("map", "shop:pipeline", "--from", name)
    assert (answer.code, _lines(answer.out)) == (0, TWO)


def test_parquet_goes_in_and_out(cli: Cli, tmp_path: Path) -> None:
    """With pyarrow, tables are read and written."""
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    parquet.write_table(pa.table({"passage": ["A", "B c"]}), tmp_path / "data.parquet")
    cli("map", "shop:pipeline", "--from", "data.parquet", "-o", "out.parquet")
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == TWO


@pytest.mark.parametrize("name", ["out.jsonl", "out.json", "out.csv"])
def test_what_was_written_can_be_read_again(cli: Cli, tmp_path: Path, name: str) -> None:
    """Outputs of one map are items of the next."""
    cli("map", "shop:pipeline", "--map-over", "passage", "-i", 'passage=["A","B c"]', "-o", name)
    again = cli(
        "map", "shop:pipeline", "--from", name, "--map-over", "cleaned_text", "-n", "word_count",
        "--json",
    )  # fmt: skip
    assert again.json == [{"word_count": 1}, {"word_count": 2}]


def test_items_come_from_an_option(cli: Cli) -> None:
    """A mapped input may be a JSON list."""
    answer = cli("map", "shop:pipeline", "--map-over", "passage", "-i", 'passage=["A","B c"]')
    assert _lines(answer.out) == TWO


def test_what_is_not_mapped_is_the_same_for_all(cli: Cli) -> None:
    """Other inputs are broadcast."""
    arguments = ["--map-over", "passage", "-i", 'passage=["a","b"]', "-i", "factor=5"]
    answer = cli("map", "shop:pipeline", *arguments, "-n", "word_count", "--json")
    assert answer.json == [{"word_count": 5}, {"word_count": 5}]


def test_all_combinations_can_be_taken(cli: Cli) -> None:
    """``--mode product`` varies the last name fastest."""
    inputs = ["-i", 'passage=["a","a b"]', "-i", "factor=[1,10]"]
    over = ["--map-over", "passage,factor", "--mode", "product"]
    answer = cli("map", "shop:pipeline", *over, *inputs, "-n", "word_count", "--json")
    assert [row["word_count"] for row in answer.json] == [1, 10, 2, 20]


def test_a_map_says_what_it_did(cli: Cli) -> None:
    """The summary counts items and hits."""
    arguments = ["map", "shop:pipeline", "--map-over", "passage", "--cache", ".cache"]
    cli(*arguments, "-i", 'passage=["a"]')
    assert cli(*arguments, "-i", 'passage=["a","b"]').err.startswith("2 of 2 items (1 hit) in ")


def test_an_interrupt_tells_how_many_items_are_kept(cli: Cli) -> None:
    """Ctrl-C names how many items are surely finished, and where they are."""
    inputs = ["-i", 'passage=["a","b","stop","c"]']
    answer = cli("map", "shop:pipeline", "--map-over", "passage", *inputs, "--cache", ".cache")
    assert answer.code == 130
    assert re.search(r"at least [12] of 4 items finished\nkept in .cache", answer.err)


def test_a_failure_tells_the_item(cli: Cli) -> None:
    """The note of the exception is part of what is shown."""
    inputs = ["-i", 'passage=["a","boom"]']
    answer = cli("map", "shop:pipeline", "--map-over", "passage", *inputs)
    assert answer.code == 1
    assert "in node 'count_words' at count_words, item 1" in answer.err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "d.jsonl",
            '{"passage": "a"}\n{"passage": b}\n',
            "d.jsonl:2:13: not JSON: expecting",
        ),
        ("d.jsonl", '{"passage": "a"}\n[1]\n', "d.jsonl:2: a record must be an object"),
        (
            "d.jsonl",
            '{"passage": "a"}\n{"passage": 3}\n',
            "d.jsonl:2: 'passage' must be str: got",
        ),
        ("d.jsonl", '{"passage": "a"}\n{"x": 1}\n', "d.jsonl:2: no value for 'passage'"),
        ("d.json", '{"passage": ["a"]}', "d.json must hold a list of records, but holds an object"),
        ("d.json", '[{"passage": "a"},\n 3]', "d.json, record 1: a record must be an object"),
        ("d.csv", "passage,n\na,1\nb\n", "d.csv:3: 1 fields, where the header names 2"),
        ("d.csv", 'passage,factor\n"a\nb",1\nc,x\n', "d.csv:4: 'factor' must be int: got 'x'"),
        ("d.csv", 'passage\n"a"b\n', "d.csv:2: not CSV"),
        ("d.csv", "passage,passage\na,b\n", "d.csv:1: the header names 'passage' twice"),
        ("d.csv", "pasage\na\n", "no column of d.csv is an input of the pipeline; it has pasage"),
        ("d.xml", "<a/>", "cannot tell the format of 'd.xml'; use one of .csv, .json"),
    ],
)
def test_malformed_data_is_named_by_line_and_column(
    cli: Cli, write: Callable[[str, str], str], name: str, text: str, said: str
) -> None:
    """Nothing runs, and the message tells where to look."""
    write(name, text)
    answer = cli("map", "shop:pipeline", "--from", name)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_text_that_is_not_utf_8_is_named(cli: Cli, tmp_path: Path) -> None:
    """The message names line, column and byte."""
    (tmp_path / "d.csv").write_bytes(b"passage\na\xff\n")
    answer = cli("map", "shop:pipeline", "--from", "d.csv")
    assert "d.csv:2:2: not UTF-8: byte 0xff" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "a map needs --map-over NAME"),
        (["--from", "data.jsnl"], "cannot tell the format"),
        (["--from", "gone.jsonl"], "cannot read gone.jsonl: No such file"),
        (["--map-over", "passage", "-i", "passage=a"], "must be a JSON list of items"),
        (["--map-over", "pasage", "-i", 'pasage=["a"]'], "did you mean 'passage'?"),
        (["--map-over", "passage", "-i", "passage=[1]"], "item 0: 'passage' must be str: got 1"),
        (["--map-over", "passage", "-i", "passage=[]", "--mode", "zp"], "use zip or product"),
        (["--from", "data.csv", "--map-over", "factr"], "did you mean 'factor'?"),
    ],
)
def test_a_wrong_map_is_refused(
    cli: Cli, write: Callable[[str, str], str], arguments: list[str], said: str
) -> None:
    """The code is 2, and nothing ran."""
    write("data.csv", "passage,factor\na,1\n")
    answer = cli("map", "shop:pipeline", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_an_output_of_an_unknown_format_is_refused_first(cli: Cli) -> None:
    """A mistake in the name of the output costs no run."""
    arguments = ["--map-over", "passage", "-i", 'passage=["boom"]', "-o", "out.xls"]
    assert "cannot tell the format of 'out.xls'" in cli("map", "shop:pipeline", *arguments).err


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere/out.jsonl", "there is no folder 'nowhere'"),
        ("folder.jsonl", "cannot write folder.jsonl: it is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_first(
    cli: Cli, tmp_path: Path, path: str, said: str
) -> None:
    """Nothing is computed that could not be kept."""
    (tmp_path / "folder.jsonl").mkdir()
    arguments = ["--map-over", "passage", "-i", 'passage=["boom"]', "-o", path]
    answer = cli("map", "shop:pipeline", *arguments)
    assert answer.code == 2
    assert said in answer.err


def test_what_a_format_cannot_hold_is_written_beside(
    cli: Cli, write: Callable[[str, str], str], tmp_path: Path
) -> None:
    """Results are not lost over columns of mixed types; the code says that all is not well."""
    pytest.importorskip("pyarrow")
    write("mixed.py", "from hypernodes import *\np = Pipeline([Node(lambda x: x, 'y')])\n")
    arguments = ["--map-over", "x", "-i", 'x=[1,"a"]', "-o", "out.parquet"]
    answer = cli("map", "mixed:p", *arguments)
    assert answer.code == 3
    assert "the rows are in out.jsonl" in answer.err
    assert (tmp_path / "out.jsonl").read_text() == '{"y": 1}\n{"y": "a"}\n'
    assert not (tmp_path / "out.parquet").exists()


def test_strings_may_hold_other_line_breaks(cli: Cli, tmp_path: Path) -> None:
    """A record of jsonl ends with a line feed and with nothing else."""
    (tmp_path / "data.jsonl").write_text('{"passage": "a\u2028b\x85c"}\n', "utf-8")
    found = cli("map", "shop:pipeline", "--from", "data.jsonl", "--json").json
    assert found[0]["cleaned_text"] == "a\u2028b\x85c"


@pytest.mark.parametrize(("name", "text"), [("data.jsonl", ""), ("data.csv", "passage\n")])
def test_no_records_are_no_items(
    cli: Cli, write: Callable[[str, str], str], name: str, text: str
) -> None:
    """An empty file is a map over nothing, and no mistake."""
    answer = cli("map", "shop:pipeline", "--from", write(name, text), "--json")
    assert (answer.code, answer.json) == (0, [])
