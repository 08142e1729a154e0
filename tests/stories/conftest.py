"""Runs the Python blocks of a Markdown page in order, as its reader would.

Blocks share one module, so that a later one uses what an earlier one made.
Only blocks marked ``python`` run; a block that starts with ``>>>`` is checked
as a doctest.  The page's source is known to `inspect`, because code without
source is fingerprinted by its bytecode and would tell another story.
"""

from __future__ import annotations

import doctest
import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import attrs
import pytest
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Block:
    """One fenced block: what it says, and the line of the page before it."""

    text: str
    line: int


def python_blocks(page: Path) -> list[Block]:
    """Return the Python blocks of *page*, in order."""
    tokens = MarkdownIt().parse(page.read_text("utf-8"))
    return [
        Block(token.content, token.map[0] + 1)
        for token in tokens
        if token.type == "fence" and token.info.strip() == "python" and token.map
    ]


@pytest.fixture
def run_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], int]]:
    """Give a function that runs a page in an empty folder; it returns how many blocks ran."""
    monkeypatch.chdir(tmp_path)
    names: list[str] = []

    def run(page: Path) -> int:
        module = ModuleType(f"story_{page.stem.lower()}")
        names.append(module.__name__)
        sys.modules[module.__name__] = module
        blocks = python_blocks(page)
        for block in blocks:
            _run_block(block, page, module)
        return len(blocks)

    yield run
    for name in names:
        del sys.modules[name]


def _run_block(block: Block, page: Path, module: ModuleType) -> None:
    if block.text.lstrip().startswith(">>>"):
        _run_doctest(block, page, module)
        return
    # Empty lines in front make tracebacks point at the line of the page.
    source = "\n" * block.line + block.text
    name = f"{page.relative_to(ROOT).as_posix()}:{block.line}"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    module.__file__ = name
    exec(compile(source, name, "exec"), module.__dict__)


def _run_doctest(block: Block, page: Path, module: ModuleType) -> None:
    test = doctest.DocTestParser().get_doctest(
        block.text, module.__dict__, page.name, str(page), block.line
    )
    failures: list[str] = []
    # Without a copy, names made by the block stay for the blocks after it.
    doctest.DocTestRunner().run(test, out=failures.append, clear_globs=False)
    module.__dict__.update(test.globs)
    assert failures == []
