"""The command line as the shell sees it: arguments in, two streams and a code out."""

from __future__ import annotations

import json
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hypernodes.cli import main

WORDS = """
from hypernodes import Pipeline, node

@node(output_name="cleaned_text")
def clean_text(passage: str) -> str:
    return passage.strip().lower()

@node(output_name="word_count")
def count_words(cleaned_text: str, factor: int = 1) -> int:
    if "boom" in cleaned_text:
        raise ValueError(f"no good: {cleaned_text}")
    if "stop" in cleaned_text:
        raise KeyboardInterrupt
    return factor * len(cleaned_text.split())

@node(output_name="total")
def add(word_count):
    return sum(word_count)

pipeline = Pipeline([clean_text, count_words], name="words")
corpus = Pipeline([pipeline.as_node(map_over="passage", name="all"), add], name="corpus")
"""


@attrs.frozen
class Answer:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)


Cli = Callable[..., Answer]


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """Give the command, in a folder with a module ``shop`` that holds pipelines."""
    (tmp_path / "shop.py").write_text(WORDS, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    before = set(sys.modules)

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["hypernodes", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return Answer(int(end.value.code or 0), out, err)

    yield run
    for name in set(sys.modules) - before:
        # other tests may have a module of that name
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    """Give a function that writes a file into the folder and returns its name."""

    def write_file(name: str, text: str) -> str:
        (tmp_path / name).write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")
        return name

    return write_file
