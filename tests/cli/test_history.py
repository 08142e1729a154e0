"""``hypernodes runs``, ``report`` and ``repro``: what former runs did."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Cli


@pytest.fixture
def failed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Give the command, after a run that was recorded and one that failed."""
    monkeypatch.setenv("HYPERNODES_RUNS", "runs")
    cli("run", "shop:pipeline", "-i", "passage=a b")
    inputs = ["--map-over", "passage", "-i", 'passage=["a","<b>boom","c"]']
    cli("map", "shop:pipeline", *inputs)
    return cli


def test_runs_are_listed_the_latest_first(failed: Cli) -> None:
    """Every run that was recorded is there with its counts."""
    found = failed("runs", "--json").json
    assert [(run["pipeline"], run["outcome"], run["items"]) for run in found] == [
        ("words", "failed", 3),
        ("words", "executed", None),
    ]


def test_the_list_is_a_table(failed: Cli) -> None:
    """People see outcome and counts."""
    out = failed("runs").out
    assert [word in out for word in ("words", "done", "failed")] == [True] * 3


def test_no_runs_is_said(cli: Cli) -> None:
    """An empty folder is no mistake."""
    answer = cli("runs", "--runs", "nowhere")
    assert (answer.code, answer.out) == (0, "")
    assert "there are no runs in nowhere" in answer.err


def test_a_run_is_shown_in_short(failed: Cli) -> None:
    """Steps, reasons and the failure with its inputs."""
    out = failed("report", "last").out
    assert "ValueError in count_words, item 1: no good: <b>boom" in out
    assert "cleaned_text = '<b>boom'" in out


def test_a_report_in_json_has_the_steps(failed: Cli) -> None:
    """Scripts get counts and times per step."""
    steps = {each["path"]: each for each in failed("report", "--json").json["steps"]}
    assert (steps["clean_text"]["executed"], steps["count_words"]["failed"]) == (2, 1)


class _Page(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [str(v) for k, v in attrs if k in ("src", "href", "srcset", "data")]


def test_a_report_in_json_has_the_failures(failed: Cli) -> None:
    """Scripts get what failed, for which item, and its inputs in words."""
    (failure,) = failed("report", "--json").json["failures"]
    assert (failure["path"], failure["item"], failure["error"]) == ("count_words", 1, "ValueError")
    assert failure["inputs"] == {"cleaned_text": "'<b>boom'"}


def test_a_report_shows_where_work_was_done(cli: Cli, tmp_path: Path) -> None:
    """Where workers took part each has a lane of its own."""
    step = {"event": "step", "run": "r1", "step": "f", "kind": "executed", "at": 1.0, "seconds": 1}
    begin = {"event": "begin", "run": "r1", "nodes": ["f"], "items": 2, "at": 1.0}
    lines = [begin, *({**step, "item": n, "worker": f"host:{n}"} for n in (0, 1))]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (tmp_path / "run-r1.jsonl").write_text(text, "utf-8")
    assert cli("report", "run-r1.jsonl", "--json").json["workers"] == ["host:0", "host:1"]
    cli("report", "run-r1.jsonl", "-o", "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert ("<h2>Workers</h2>" in page, page.count(">host:")) == (True, 2)


def test_a_report_is_one_page_that_fetches_nothing(failed: Cli, tmp_path: Path) -> None:
    """It can be sent to somebody and opened without a network."""
    failed("report", "-o", "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert (_Page(text).fetched, "url(" in text, "@import" in text) == ([], False, False)


def test_values_in_a_report_are_escaped(failed: Cli, tmp_path: Path) -> None:
    """What a user's value says is text, whatever it looks like."""
    failed("report", "-o", "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "&lt;b&gt;boom" in text
    assert "<b>boom" not in text


def test_a_script_makes_the_failed_call_again(failed: Cli, tmp_path: Path) -> None:
    """It runs alone, and fails as the call did."""
    failed("repro", "last", "count_words", "1", "-o", "again.py")
    text = (tmp_path / "again.py").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "again.py"], capture_output=True, text=True, check=False
    )
    assert "'cleaned_text': '<b>boom'" in text
    assert done.stderr.splitlines()[-1] == "ValueError: no good: <b>boom"


def test_inputs_that_are_not_plain_travel_as_a_pickle(
    cli: Cli, write: Callable[[str, str], str], tmp_path: Path
) -> None:
    """The script needs nothing but itself and the module."""
    write(
        "things.py",
        """
        from collections import Counter
        from hypernodes import Pipeline, node

        @node(output_name="counts")
        def tally(word: str) -> Counter:
            return Counter(word)

        @node(output_name="out")
        def refuse(counts: Counter) -> int:
            raise RuntimeError(counts.most_common(1))

        pipeline = Pipeline([tally, refuse])
        """,
    )
    cli("run", "things", "-i", "word=aab", "--runs", "runs")
    script = cli("repro", "last", "--runs", "runs").out
    (tmp_path / "again.py").write_text(script, "utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "again.py"], capture_output=True, text=True, check=False
    )
    assert "# counts: Counter" in script
    assert done.stderr.splitlines()[-1] == "RuntimeError: [('a', 2)]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["last", "count_word"], "has no node 'count_word'; did you mean 'count_words'?"),
        (["last", "count_words", "0"], "count_words of item 0 did not fail"),
        (["zzz"], "there is no run 'zzz' in runs"),
    ],
)
def test_what_did_not_fail_cannot_be_made_again(
    failed: Cli, arguments: list[str], said: str
) -> None:
    """The message names what did."""
    answer = failed("repro", *arguments)
    assert answer.code == 2
    assert said in answer.err


def test_a_run_without_failures_has_no_script(cli: Cli) -> None:
    """There is nothing to make again."""
    cli("run", "shop:pipeline", "-i", "passage=a", "--runs", "runs")
    answer = cli("repro", "last", "--runs", "runs")
    assert answer.code == 2
    assert "nothing failed in run" in answer.err
