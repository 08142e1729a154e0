from __future__ import annotations

import re

import pytest

from hypernodes import Node, Pipeline
from hypernodes.viz import make_drawing, render_text

EXPECTED = """\
search

                                                            ╭────────╮
                                                            │ corpus │
                                                            ╰────┬───╯
                                                                 │
                                                                 ▼
╭───────────────────────╮   ╔═ prepare (mapped over corpus) ══════════════════╗
│ model: object (bound) │   ║                         each corpus -> passage  ║
╰───────────┬───────────╯   ║                                    │            ║
            │               ║                                    ▼            ║
            │               ║  ╭─────────────────────╮   ┌──────────────┐     ║
            │               ║  │ lower: bool (bound) │   │ clean        │     ║
            │               ║  ╰──────────┬──────────╯   │ cleaned: str │     ║
            │               ║             │              └───────┬──────┘     ║
            │               ║             └──────┐       ┌───────┘            ║
            │               ║                    ▼       ▼                    ║
            │               ║              ┌───────────────────┐              ║
            │               ║              │ split             │              ║
            │               ║              │ tokens: list[str] │              ║
            │               ║              │ count: int        │              ║
            │               ║              └─────────┬─────────┘              ║
            │               ║                        │                        ║
            │               ║                        │                        ║
            │               ║              tokens -> all_tokens               ║
            │               ╚════════════════════════╤════════════════════════╝
            └────────────────┐    ┌──────────────────┘
                             ▼    ▼
                        ┌──────────────┐
                        │ build        │
                        │ index: int   │
                        │ (async)      │
                        │ (not cached) │
                        └──────────────┘
"""


def test_a_pipeline_becomes_a_drawing(search: Pipeline) -> None:
    """Boxes in ranks, nested pipelines as frames, names where a border is crossed."""
    expected = """\
search

                         ╭────────╮
                         │ corpus │
                         ╰────┬───╯
                              │
                              ▼
╔═ prepare (mapped over corpus) ═════════════════╗
║             each corpus -> passage             ║
║                        │                       ║
║                        ▼                       ║
║                 ┌──────────────┐               ║
║                 │ clean        │               ║
║                 │ cleaned: str │               ║
║                 └───────┬──────┘               ║
"""
    drawn = render_text(make_drawing(search, depth=2))
    assert expected.splitlines()[:2] == drawn.splitlines()[:2]
    for part in ("╔═ prepare (mapped over corpus) ═", "each corpus -> passage", "┌──────────────┐"):
        assert part in drawn
    assert "tokens -> all_tokens" in drawn


def test_a_chain_is_straight() -> None:
    """Three boxes below each other are joined by straight lines."""
    nodes = [Node(lambda x: x, "a"), Node(lambda a: a, "b")]
    expected = """\
     ╭───╮
     │ x │
     ╰─┬─╯
       │
       ▼
 ┌──────────┐
 │ <lambda> │
 │ a        │
 └─────┬────┘
       │
       ▼
 ┌──────────┐
 │ <lambda> │
 │ b        │
 └──────────┘
"""
    drawn = render_text(make_drawing(Pipeline(nodes)))
    assert [line.strip() for line in expected.splitlines()] == [
        line.strip() for line in drawn.splitlines()
    ]


def test_what_is_too_wide_loses_its_types(search: Pipeline) -> None:
    """A narrow terminal gets names only, still in boxes."""
    drawn = render_text(make_drawing(search), width=50)
    assert ["┌" in drawn, "list" in drawn] == [True, False]
    assert max(map(len, drawn.splitlines())) <= 50


def test_what_is_still_too_wide_is_a_tree(search: Pipeline) -> None:
    """A terminal that is narrower still gets a list."""
    expected = """search
inputs: corpus
bound: model: object
├─ prepare  (mapped over corpus)
│  ├─ clean(passage) -> cleaned: str
│  └─ split(cleaned, lower) -> tokens: list[str], count: int
└─ build(all_tokens, model) -> index: int  (async; not cached)
"""
    assert expected == render_text(make_drawing(search, depth=2), width=20)


@pytest.mark.parametrize("width", [30, 60, 80, 120, None])
def test_every_name_is_there_at_any_width(search: Pipeline, width: int | None) -> None:
    """Whatever the form, no function and no input is lost."""
    drawn = render_text(make_drawing(search, None), width=width)
    names = ("corpus", "model", "prepare", "clean", "split", "lower", "build")
    assert [] == [name for name in names if name not in drawn]


def test_colour_is_only_colour(search: Pipeline) -> None:
    """Without its escape sequences a coloured drawing is the plain one."""
    drawing = make_drawing(search, None)
    coloured = render_text(drawing, colour=True)
    assert "\x1b[1m" in coloured
    plain = re.sub(r"\x1b\[\d*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == render_text(drawing).splitlines()


def test_arrows_end_at_every_reader() -> None:
    """One value that three nodes read has three arrowheads."""
    nodes = [Node(lambda x: x, "a"), *(Node(lambda a: a, f"r{n}") for n in range(3))]
    assert 4 == render_text(make_drawing(Pipeline(nodes))).count("▼")


def test_wide_signs_take_two_columns() -> None:
    """Frames stay closed around names that are written with wide signs."""
    scope: dict[str, object] = {}
    exec("def 数える(x): return x", scope)
    lines = render_text(make_drawing(Pipeline([Node(scope["数える"], "y")]))).splitlines()  # type: ignore[arg-type]  # a function
    assert "┌────────┐" == lines[5].strip()
    assert "│ 数える │" == lines[6].strip()
