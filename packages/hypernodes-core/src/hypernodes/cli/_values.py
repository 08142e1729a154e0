"""From text and JSON to the values that annotations ask for.

Decides how ``--input name=value`` is read and how a value from a file becomes
an ``int``, a ``Path``, an enum, a record of attrs, a dataclass or a pydantic
model.  What has no annotation stays as it came.
"""

from __future__ import annotations

import enum
import json
import os
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
import cattrs
from cattrs.preconf.json import make_converter

from hypernodes.cli._faults import CommandError
from hypernodes.cli._table import Table, parse_json, read_text
from hypernodes.errors import did_you_mean
from hypernodes.graph import input_types
from hypernodes.pipeline import Pipeline
from hypernodes.values import File

_MISFITS = (ValueError, TypeError, KeyError, cattrs.BaseValidationError)
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@attrs.frozen
class Inputs:
    """The inputs of one pipeline: what there are, and what they should be.

    Attributes:
        types: {input: annotation}, in alphabetical order.
        required: Those without default and binding.
    """

    types: Mapping[str, Any]
    required: frozenset[str]

    @classmethod
    def of(cls, pipeline: Pipeline) -> Inputs:
        """Return the inputs of *pipeline*; given values may also replace outputs."""
        found: dict[str, Any] = {}
        for node in pipeline.graph.nodes:
            for name, hint in input_types(node).items():
                if found.get(name, Any) is Any:
                    found[name] = hint
        roots = {name: found[name] for name in pipeline.graph.root_args}
        required = pipeline.graph.required_args - pipeline.bound_inputs.keys()
        return cls(roots, frozenset(required))

    def describe(self, name: str) -> str:
        """Return ``"name: type"``."""
        hint = self.types.get(name, Any)
        return name if hint is Any else f"{name}: {show_type(hint)}"

    def check_names(self, names: Sequence[str], known: Sequence[str] = ()) -> None:
        """Refuse names that are neither inputs nor outputs.

        Raises:
            CommandError: One is unknown.
        """
        for name in names:
            if name not in self.types and name not in known:
                there = ", ".join(map(self.describe, self.types)) or "none"
                hint = did_you_mean(name, [*self.types, *known]) or f"; it has {there}"
                msg = f"the pipeline has no input {name!r}{hint}"
                raise CommandError(msg)

    def check_complete(self, names: Sequence[str], wanted: frozenset[str]) -> None:
        """Refuse a request that lacks inputs, naming each with its type.

        Raises:
            CommandError: Some are missing.
        """
        missing = [each for each in self.types if each in wanted and each not in names]
        if missing:
            noun = "input" if len(missing) == 1 else "inputs"
            listed = ", ".join(map(self.describe, missing))
            msg = f"missing {noun} {listed}; give --input {missing[0]}=..."
            raise CommandError(msg)

    def structure(self, name: str, value: Any, where: str, *, is_text: bool = False) -> Any:
        """Return *value* as the annotation of input *name* wants it.

        Args:
            name: The input.
            value: What was given.
            where: Where, for messages.
            is_text: Whether it is text that may stand for something else.

        Raises:
            CommandError: It cannot be that.
        """
        hint = self.types.get(name, Any)
        if is_text:
            value = _read_text_value(value, hint)
        try:
            return structure(value, hint)
        except _MISFITS as error:
            said = _explain(error, value)
            msg = f"{where}: {name!r} must be {show_type(hint)}{_show_choices(hint)}: {said}"
            raise CommandError(msg) from error

    def column(self, table: Table, name: str) -> list[Any]:
        """Return a column of *table*, each value as the annotation wants it.

        Raises:
            CommandError: There is no such column, or a value does not fit.
        """
        values = table.column(name)
        return [
            self.structure(name, value, table.where(number), is_text=table.is_text)
            for number, value in enumerate(values)
        ]


def parse_inputs(pairs: Sequence[str], file: str | None, inputs: Inputs) -> dict[str, Any]:
    """Return the values of ``--input name=value`` options and of an inputs file.

    ``name=@file.json`` and ``name=@file.txt`` take the value from a file.

    Raises:
        CommandError: Something is not ``name=value``, or does not fit.
    """
    found: dict[str, Any] = {}
    if file is not None:
        content = parse_json(read_text(file), file)
        if not isinstance(content, dict):
            msg = f"{file} must hold an object of input names and values"
            raise CommandError(msg)
        found |= {name: inputs.structure(name, each, file) for name, each in content.items()}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            msg = f"--input {pair!r} is not name=value"
            raise CommandError(msg)
        if text.startswith("@"):
            found[name] = _from_file(name, text[1:], inputs)
        else:
            found[name] = inputs.structure(name, text, "--input", is_text=True)
    return found


def _from_file(name: str, path: str, inputs: Inputs) -> Any:
    text = read_text(path)
    if path.endswith(".json"):
        return inputs.structure(name, parse_json(text, path), path)
    return inputs.structure(name, text, path, is_text=True)


def _read_text_value(text: str, hint: Any) -> Any:
    """Return what *text* stands for: itself where text is wanted, else JSON if it is that."""
    members = get_args(hint) if get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if type(None) in members and text == "":
        return None
    if str in members or any(_takes_text(each) for each in members):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _takes_text(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, str | os.PathLike | File)


def structure(value: Any, hint: Any) -> Any:
    """Return *value* as *hint* wants it; unknown kinds of hints change nothing.

    Raises:
        ValueError: It cannot be that.
        TypeError: Likewise.
    """
    if hint is Any or isinstance(hint, str | typing.TypeVar):
        return value
    if get_origin(hint) in (typing.Union, types.UnionType):
        return _structure_union(value, get_args(hint))
    try:
        return _converter.structure(value, hint)
    except cattrs.StructureHandlerNotFoundError:
        return value


def _structure_union(value: Any, members: tuple[Any, ...]) -> Any:
    exact = [each for each in members if isinstance(each, type) and type(value) is each]
    if exact:
        return value
    errors: list[Exception] = []
    for each in members:
        try:
            return structure(value, each)
        except _MISFITS as error:
            errors.append(error)
    raise errors[-1]


def show_type(hint: Any) -> str:
    """Return an annotation as one would write it."""
    if hint is None or hint is type(None):
        return "None"
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _show_choices(hint: Any) -> str:
    """Return which values an enum or a literal takes; empty for all else."""
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return f" ({' or '.join(repr(each.value) for each in hint)})"
    return ""


def _explain(error: Exception, value: Any) -> str:
    got = f"got {value!r}" if len(repr(value)) <= 60 else f"got a {type(value).__name__}"
    if isinstance(error, cattrs.BaseValidationError):
        return "; ".join(cattrs.transform_error(error))
    return got


def _make_converter() -> cattrs.Converter:
    converter = make_converter()
    converter.register_structure_hook(bool, _to_bool)
    converter.register_structure_hook(int, _to_int)
    converter.register_structure_hook(float, _to_float)
    converter.register_structure_hook(str, _to_str)
    converter.register_structure_hook(Path, lambda value, _: Path(_to_str(value, str)))
    converter.register_structure_hook(File, lambda value, _: File(_to_str(value, str)))
    converter.register_structure_hook_func(
        lambda hint: hasattr(hint, "model_validate"),
        lambda value, hint: hint.model_validate(value),
    )
    converter.register_structure_hook_func(_is_array, _to_array)
    return converter


def _is_array(hint: Any) -> bool:
    hint = get_origin(hint) or hint
    return getattr(hint, "__module__", "") == "numpy" and hint.__name__ == "ndarray"


def _to_array(value: Any, _hint: Any) -> Any:
    # deferred: who annotates with arrays has it
    import numpy as np

    return np.asarray(value)


def _to_bool(value: Any, _hint: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise ValueError(value)
    return text in _TRUE


def _to_int(value: Any, _hint: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    return int(value)


def _to_float(value: Any, _hint: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - one kind of error for every value that does not fit
    return float(value)


def _to_str(value: Any, _hint: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


_converter = _make_converter()
