"""Facts about nodes with two bodies, before anything runs."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from hypernodes import DualNode, HyperNode
from hypernodes.errors import NodeDefinitionError

pytest.importorskip("pyarrow")


def embed_one(text: Any, model: Any = None) -> Any:
    """Embed one text."""
    return (text, model)


def embed_batch(text: Any, model: Any = None) -> Any:
    """Embed many texts."""
    return [(each, model) for each in text.to_pylist()]


def test_its_attributes_are_what_was_given() -> None:
    """A dual node holds its two bodies, its output name and its flag."""
    dual = DualNode("vector", embed_one, embed_batch, cache=False)
    given = (dual.output_name, dual.singular, dual.batch, dual.cache)
    assert given == ("vector", embed_one, embed_batch, False)


def test_root_args_are_those_of_singular() -> None:
    """The inputs are the parameters of the body for one item, in order."""
    assert DualNode("v", embed_one, embed_batch).root_args == ("text", "model")


@pytest.mark.parametrize("suffix", ["_singular", "_one", "_single"])
def test_its_name_has_no_suffix(suffix: str) -> None:
    """The name is that of `singular` without what marks it as such."""

    def body(x):
        return x

    body.__name__ = f"embed{suffix}"
    assert DualNode("v", body, body).name == "embed"


def test_a_name_that_is_only_a_suffix_stays() -> None:
    """Nothing is left of a name that is the suffix itself, so it stays."""

    def _one(x):
        return x

    assert DualNode("v", _one, _one).name == "_one"


def test_calling_it_calls_singular() -> None:
    """A dual node is tested as the function for one item."""
    assert DualNode("v", embed_one, embed_batch)("a", model="m") == ("a", "m")


def test_code_hash_covers_both_bodies() -> None:
    """Another batch body is another code hash."""
    hashes = {
        DualNode("v", embed_one, lambda text, model: [1]).code_hash,
        DualNode("v", embed_one, lambda text, model: [2]).code_hash,
        DualNode("v", lambda text, model: 3, lambda text, model: [2]).code_hash,
    }
    assert (len(hashes), {len(each) for each in hashes}) == (3, {64})


def test_batch_parameters_are_matched_by_name() -> None:
    """Equal names are matched, whatever their order."""
    dual = DualNode("v", lambda a, b: a, lambda b, a: a)
    assert dual.batch_parameters == {"a": "a", "b": "b"}


def test_batch_parameters_are_else_matched_by_position() -> None:
    """Other names (plurals, say) are matched by position."""
    dual = DualNode("v", lambda text, model: text, lambda texts, model: texts)
    assert dual.batch_parameters == {"text": "texts", "model": "model"}


def test_bodies_that_take_other_numbers_of_parameters_are_refused() -> None:
    """What cannot be matched is refused, with both parameter lists."""
    with pytest.raises(NodeDefinitionError, match=r"same parameters: \(a\) and \(a, b\)"):
        DualNode("v", lambda a: a, lambda a, b: a)


def test_bound_methods_are_bodies() -> None:
    """Both bodies may be methods of one object."""

    class Model:
        def embed_one(self, x):
            return x

        def embed(self, x):
            return x

    model = Model()
    dual = DualNode("v", model.embed_one, model.embed)
    assert (dual.name, dual.root_args) == ("embed", ("x",))


def test_without_pyarrow_it_names_the_requirement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is missing, construction says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ImportError, match="DualNode batch execution requires 'pyarrow'"):
        DualNode("v", embed_one, embed_batch)


def test_it_is_a_hyper_node() -> None:
    """A dual node has everything the protocol names."""
    assert isinstance(DualNode("v", embed_one, embed_batch), HyperNode)


def test_repr_names_what_identifies_it() -> None:
    """The text shows name, output and inputs."""
    text = repr(DualNode("v", embed_one, embed_batch))
    assert text == "DualNode(name='embed', output_name='v', root_args=('text', 'model'))"
