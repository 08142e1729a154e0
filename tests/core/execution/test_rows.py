"""Facts about items in the making: values, where they come from, what identifies them."""

from __future__ import annotations

from typing import Any

import pytest

from hypernodes import MemoryCache, Pipeline, node
from hypernodes.cache import Entry
from hypernodes.errors import FingerprintError
from hypernodes.execution._context import Context, Level
from hypernodes.execution._rows import Linked, Recorded, Row, outward
from hypernodes.hashing import Signature, fingerprint
from hypernodes.plan import Settings

ENTRY = Entry(Signature(bytes(16), bytes(16)), (b"a" * 32, b"b" * 32))


@pytest.fixture
def level() -> Level:
    """A level with one constant."""
    plan = Pipeline(nodes=[node(output_name="y")(lambda x, c: x)]).compiled(None, ("x", "c"))
    settings = Settings(None, MemoryCache(), (), (True,), {})
    return Context(settings).root_level(plan, {"c": 3})


def row(level: Level, values: dict[str, Any] | None = None, **options: Any) -> Row:
    """Return a row."""
    return Row(level, values or {}, **options)


def test_a_row_has_its_values_and_the_constants(level: Level) -> None:
    """Constants are at hand beside the row's own values."""
    one = row(level, {"x": 1})
    assert (one.values, one.has("x"), one.has("c"), one.has("y")) == (
        {"c": 3, "x": 1}, True, True, False,
    )  # fmt: skip


def test_a_source_is_as_good_as_a_value(level: Level) -> None:
    """What can be had without executing anything counts as there."""
    one = row(level)
    one.sources["y"] = Recorded(ENTRY, 1)
    assert (one.has("y"), "y" in one.values) == (True, False)


def test_items_lead_outward(level: Level) -> None:
    """The item numbers of all maps around, outermost first; single runs have none."""
    outer = row(level, item=3)
    single = row(level, outer=outer)
    inner = row(level, item=7, outer=single)
    assert (outer.items, single.items, inner.items) == ((3,), (3,), (3, 7))
    assert list(outward(inner)) == [inner, single, outer]


def test_a_value_is_identified_by_its_fingerprint(level: Level) -> None:
    """The digest of a value at hand is its fingerprint, found once."""
    one = row(level, {"x": [1]})
    first = one.digest("x")
    one.values["x"].append(2)
    assert (first, one.digest("x")) == (fingerprint([1]), first)


def test_a_recorded_value_is_identified_by_its_record(level: Level) -> None:
    """The digest of a value in the cache is in its record; nothing is read."""
    one = row(level)
    one.sources["y"] = Recorded(ENTRY, 1)
    assert one.digest("y") == b"b" * 32


def test_a_linked_value_is_identified_where_it_is(level: Level) -> None:
    """The digest of a value outside is that of the row it belongs to."""
    outer = row(level, {"x": 5})
    inner = row(level, outer=outer)
    inner.sources["z"] = Linked(((outer, "x"),))
    assert inner.digest("z") == fingerprint(5)


def test_a_column_is_identified_by_its_items(level: Level) -> None:
    """Lists of other items, another order or another length are told apart."""
    rows = [row(level, {"x": number}) for number in (1, 2)]

    def digest(*targets: Row) -> Any:
        one = row(level)
        one.sources["y"] = Linked(tuple((target, "x") for target in targets), is_column=True)
        return one.digest("y")

    first, second = rows
    digests = {digest(first, second), digest(second, first), digest(first), digest()}
    assert (len(digests), digest(first, second)) == (4, digest(*rows))


def test_constants_are_identified_once_for_all_rows(level: Level) -> None:
    """The digest of a constant is found once per level."""
    row(level).digest("c")
    level.constant_digests["c"] = b"known"
    assert row(level).digest("c") == b"known"


def test_what_has_no_fingerprint_says_why(level: Level) -> None:
    """The digest of such a value is the error, also through a link and in a column."""
    outer = row(level, {"x": (each for each in ())})
    inner = row(level, outer=outer)
    inner.sources["link"] = Linked(((outer, "x"),))
    inner.sources["column"] = Linked(((row(level, {"x": 1}), "x"), (outer, "x")), is_column=True)
    found = [outer.digest("x"), inner.digest("link"), inner.digest("column")]
    assert [type(each) for each in found] == [FingerprintError] * 3


def test_constants_are_told_from_what_varies(level: Level) -> None:
    """What all items of the innermost map share is constant; items and results are not."""
    outer = row(level, {"x": 1}, item=0)
    outer.sources["made"] = Recorded(ENTRY, 0)
    mapped = row(level, {"own": 1}, item=0, outer=outer)
    mapped.sources["given"] = Linked(((outer, "made"),), is_shared=True)
    nested = row(level, outer=mapped)
    nested.sources["deep"] = Linked(((mapped, "given"),))
    nested.sources["item"] = Linked(((mapped, "own"),))
    found = [
        outer.is_constant("c"), outer.is_constant("x"), outer.is_constant("made"),
        mapped.is_constant("given"), mapped.is_constant("own"),
        nested.is_constant("deep"), nested.is_constant("item"),
    ]  # fmt: skip
    assert found == [True, False, False, True, False, True, False]


def test_an_item_is_a_hit_when_nothing_was_executed(level: Level) -> None:
    """Hits and executions count for all rows around; nothing at all is no hit."""
    outer, other = row(level), row(level)
    inner = row(level, outer=outer)
    before = outer.is_hit
    inner.note_hit()
    after = outer.is_hit
    row(level, outer=outer).note_execution()
    assert (before, after, outer.is_hit, inner.is_hit, other.is_hit) == (
        False, True, False, True, False,
    )  # fmt: skip


def test_the_last_signature_is_that_of_the_last_hit(level: Level) -> None:
    """A row without hits has none."""
    one = row(level)
    before = one.last_signature
    one.found[0] = ENTRY
    assert (before, one.last_signature) == (None, str(ENTRY.signature))
