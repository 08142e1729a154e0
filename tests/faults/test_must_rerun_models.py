"""Edits of pydantic models after which a node must run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("pydantic")

DOC = ("'one'", "'two'")
PYDANTIC = "from typing import Annotated\nfrom pydantic import *\n"
TRY = (
    "@node\ndef f(x):\n    try:\n        return A(n=x).model_dump()\n"
    "    except ValueError:\n        return -1"
)

#: Per case a project, what is replaced in it, and by what.
CASES = {
    "docstring of a model": (
        PYDANTIC + "class A(BaseModel):\n    'one'\n"
        "@node\ndef f(x): return A.model_json_schema()['description']",
        *DOC,
    ),
    "annotation that arguments are checked for": (
        PYDANTIC + "T = Annotated[int, Field(gt=1)]\n@validate_call\ndef h(x: T): return x\n"
        "@node\ndef f(x):\n    try: return h(x)\n    except ValueError: return -1",
        "gt=1",
        "gt=9",
    ),
    "annotation as text that arguments are checked for": (
        "from a import h\n@node\ndef f(x):\n    try:\n        return h(x)\n"
        "    except ValueError:\n        return -1\n"
        "# a.py\nfrom __future__ import annotations\n"
        + PYDANTIC
        + "T = Annotated[int, Field(gt=1)]"
        "\n@validate_call\ndef h(x: T): return x",
        "gt=1",
        "gt=9",
    ),
    "body of a function whose arguments are checked": (
        PYDANTIC
        + "class A(BaseModel):\n    n: int = 1\n@validate_call\ndef h(x: A): return x.n + 1\n"
        "@node\ndef f(x): return h(A())",
        "x.n + 1",
        "x.n + 2",
    ),
    "model in an adapter": (
        PYDANTIC + "class A(BaseModel):\n    n: int = 1\nT = TypeAdapter(list[A])\n"
        "@node\ndef f(x): return T.validate_python([{}])[0].n",
        "int = 1",
        "int = 2",
    ),
    "default of a field": (
        PYDANTIC + "class A(BaseModel):\n    n: int = Field(1)\n@node\ndef f(x): return A().n",
        "(1)",
        "(2)",
    ),
    "bound of a field": (
        PYDANTIC + "class A(BaseModel):\n    n: int = Field(1, ge=0)\n" + TRY,
        "ge=0",
        "ge=9",
    ),
    "validator of a field": (
        PYDANTIC + "class A(BaseModel):\n    n: int\n    @field_validator('n')\n    @classmethod\n"
        "    def v(cls, n): return n + 1\n" + TRY,
        "n + 1",
        "n + 2",
    ),
    "validator of a base class": (
        PYDANTIC + "class B(BaseModel):\n    n: int\n    @field_validator('n')\n    @classmethod\n"
        "    def v(cls, n): return n + 1\nclass A(B): pass\n" + TRY,
        "n + 1",
        "n + 2",
    ),
    "validator in an annotation": (
        PYDANTIC + "def v(n): return n + 1\nT = Annotated[int, AfterValidator(v)]\n"
        "class A(BaseModel):\n    n: T\n" + TRY,
        "n + 1",
        "n + 2",
    ),
    "serializer of a field": (
        PYDANTIC + "class A(BaseModel):\n    n: int\n    @field_serializer('n')\n"
        "    def s(self, n): return n + 1\n" + TRY,
        "n + 1",
        "n + 2",
    ),
    "settings of a model": (
        PYDANTIC + "class A(BaseModel):\n    model_config = {'extra': 'allow'}\n" + TRY,
        "allow",
        "ignore",
    ),
    "argument of a generic model": (
        PYDANTIC + "from typing import *\nT = TypeVar('T')\nclass M(BaseModel, Generic[T]):\n"
        "    n: T\nA = M[int]\n" + TRY,
        "M[int]",
        "M[str]",
    ),
    "method of a model as an input": (
        PYDANTIC + "class A(BaseModel):\n    def h(self): return 1\n"
        "@node\ndef f(g): return g.h()\ninputs = {'g': A()}",
        "return 1",
        "return 2",
    ),
}


@pytest.fixture(scope="module")
def played(play_edits: Callable[..., Any]) -> Any:
    """Run every project, its edited version, and itself again."""
    return play_edits("models", CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_edit_runs_the_node_again(played: tuple[dict[str, Any], ...], name: str) -> None:
    """After the edit the node runs, says why, and gives what it gives without a cache."""
    old, new, _ = (each[name] for each in played)
    assert (new.executed, new.result, new.said) == (old.executed, new.plain, [])
    assert new.names_a_cause
    assert new.result != old.result


@pytest.mark.parametrize("name", CASES)
def test_undoing_the_edit_hits(played: tuple[dict[str, Any], ...], name: str) -> None:
    """The text as it was, in another folder and another process, hits."""
    old, _, copy = (each[name] for each in played)
    assert (copy.executed, copy.result, copy.said) == ([], old.result, [])
