"""A hook exists with its test and its heading in the docs; these are the gates."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path

import attrs
import pytest

from hypernodes import hookspecs

ROOT = Path(__file__).parents[2]
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("hypernodes_"))
SPECS = sorted(name for name in vars(hookspecs) if name.endswith("Spec"))


def heading_of(hook: str) -> str:
    """Return the heading under which the docs describe *hook*."""
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")
    return f"### `{hook}{signature}`"


def docs() -> str:
    """Return the reference page of the hooks."""
    return (ROOT / "docs/reference/hooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test(hook: str) -> None:
    """Some test in the suite is named after the hook."""
    named = re.compile(rf"^\s*(async )?def test_{hook}(_|\()", re.MULTILINE)
    tests = (ROOT / "tests").rglob("test_*.py")
    assert any(named.search(path.read_text(encoding="utf-8")) for path in tests)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_heading_with_its_signature(hook: str) -> None:
    """The docs hold the exact signature of the hook, so they cannot fall behind."""
    assert heading_of(hook) in docs().splitlines()


def test_the_docs_describe_no_hook_that_is_gone() -> None:
    """Every heading of a hook in the docs is that of a hook that exists."""
    headings = re.findall(r"^### `(hypernodes_\w+)", docs(), re.MULTILINE)
    assert sorted(headings) == HOOKS


@pytest.mark.parametrize("spec", SPECS)
def test_the_docs_show_every_spec(spec: str) -> None:
    """What registering hooks return is described with each of its attributes."""
    section = docs().partition(f"### `{spec}(")[2].partition("\n### ")[0]
    for attribute in attrs.fields(getattr(hookspecs, spec)):
        assert f"`{attribute.name}`" in section


@pytest.mark.parametrize("spec", SPECS)
def test_specs_are_data(spec: str) -> None:
    """A spec is frozen, compares by value and travels to other processes."""
    made = getattr(hookspecs, spec)("acme", "acme_hypernodes.engine:Acme")
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.target = "elsewhere:Acme"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_annotated_and_documented(hook: str) -> None:
    """The hookspecs read as the manual: types for all arguments, a docstring each."""
    function = getattr(hookspecs, hook)
    signature = inspect.signature(function)
    named = {*signature.parameters, "return"}
    assert set(function.__annotations__) == named
    assert inspect.getdoc(function)
