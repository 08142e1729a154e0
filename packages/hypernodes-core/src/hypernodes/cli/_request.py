"""What a command asks of a pipeline: its inputs, its outputs and its engine.

Everything that can be wrong with a request is found here, before anything
runs: names, values, columns, missing inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import attrs

from hypernodes.cli._faults import CommandError
from hypernodes.cli._settings import (
    Choices,
    build_engine,
    parse_options,
    read_environment,
    read_project,
    split_names,
)
from hypernodes.cli._table import read_table
from hypernodes.cli._target import load_pipeline
from hypernodes.cli._values import Inputs, parse_inputs
from hypernodes.errors import did_you_mean
from hypernodes.pipeline import Pipeline

Mode = Literal["zip", "product"]


@attrs.frozen
class Request:
    """One call of `run`, `map` or one of their dry forms.

    Attributes:
        pipeline: What is asked.
        target: How it was named.
        inputs: Values by name.
        map_over: The names that vary from item to item; empty for a single run.
        mode: How they combine.
        outputs: The wanted outputs; None for all.
        asked: What options and variables decide.
        project: What pyproject.toml decides.
    """

    pipeline: Pipeline
    target: str
    inputs: Mapping[str, Any]
    map_over: tuple[str, ...]
    mode: Mode
    outputs: list[str] | None
    asked: Choices
    project: Choices

    def engine(self, watchers: Sequence[Any] = ()) -> Any:
        """Return the engine that carries it out, told to *watchers* as well."""
        return build_engine(self.pipeline, self.asked, self.project, watchers)

    @property
    def runs(self) -> str | None:
        """Where a record is kept; None for nowhere."""
        return self.asked.over(self.project).runs


def read_choices(
    engine: str | None,
    options: Sequence[str] | None,
    cache: str | None,
    callbacks: Sequence[str] | None,
    runs: str | None,
) -> Choices:
    """Return what options and ``HYPERNODES_*`` variables decide."""
    names = None if callbacks is None else split_names(callbacks)
    given = Choices(None, engine, parse_options(options or ()), cache, names, runs)
    return given.over(read_environment())


def read_request(
    target: str | None,
    inputs: Sequence[str] | None,
    inputs_file: str | None,
    outputs: Sequence[str] | None,
    asked: Choices,
    mapping: tuple[Sequence[str] | None, str | None, str] | None = None,
) -> Request:
    """Return the request that the options of a command make.

    Args:
        target: The pipeline; by default the project's.
        inputs: ``name=value`` texts.
        inputs_file: A file with all inputs.
        outputs: The wanted outputs.
        asked: What options and variables decide.
        mapping: Names, file and mode of a map; None for a single run.

    Raises:
        CommandError: Something is wrong with it.
    """
    project = read_project()
    chosen = target or asked.target or project.target
    pipeline = load_pipeline(chosen)
    known = Inputs.of(pipeline)
    over, file, mode = mapping or (None, None, "zip")
    known.check_names(split_names(over or ()), pipeline.graph.available_output_names)
    values, names = _read_values(inputs or (), inputs_file, over, file, known, mapping is not None)
    known.check_names(list(values), pipeline.graph.available_output_names)
    wanted = _read_outputs(outputs, pipeline)
    names_wanted = None if wanted is None else tuple(wanted)
    plan = pipeline.compiled(names_wanted, {*values, *pipeline.bound_inputs})
    known.check_complete(list(values), frozenset(plan.missing))
    if mode not in ("zip", "product"):
        msg = f"unknown mode {mode!r}; use zip or product"
        raise CommandError(msg)
    return Request(pipeline, str(chosen), values, names, cast("Mode", mode), wanted, asked, project)


def _read_values(
    pairs: Sequence[str],
    inputs_file: str | None,
    over: Sequence[str] | None,
    file: str | None,
    known: Inputs,
    is_map: bool,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values by name, and the names that are mapped over."""
    if not is_map:
        return parse_inputs(pairs, inputs_file, known), ()
    names = split_names(over or ())
    if not names and file is None:
        msg = "a map needs --map-over NAME, or --from FILE with a column for each mapped input"
        raise CommandError(msg)
    plain = attrs.evolve(known, types={**known.types, **dict.fromkeys(names, Any)})
    values = parse_inputs(pairs, inputs_file, plain)
    if file is not None:
        table = read_table(file)
        names = names or tuple(each for each in table.columns if each in known.types)
        if not names and not table.rows:
            # no records are no items of whatever a record would have to hold
            names = tuple(sorted(known.required - values.keys()))
        if not names:
            msg = (
                f"no column of {file} is an input of the pipeline; "
                f"it has {', '.join(table.columns) or 'none'}, "
                f"the pipeline takes {', '.join(map(known.describe, known.types)) or 'none'}"
            )
            raise CommandError(msg)
        values |= {name: known.column(table, name) for name in names if name not in values}
    return {**values, **_items(values, names, known, pairs)}, names


def _items(
    values: Mapping[str, Any], names: Sequence[str], known: Inputs, pairs: Sequence[str]
) -> dict[str, list[Any]]:
    """Return the items of mapped inputs that were given as options."""
    found: dict[str, list[Any]] = {}
    for name in names:
        given = any(pair.startswith(f"{name}=") for pair in pairs)
        if not given:
            continue
        if not isinstance(values[name], list):
            msg = f"--input {name} is mapped over, so it must be a JSON list of items"
            raise CommandError(msg)
        found[name] = [
            known.structure(name, each, f"--input, item {number}")
            for number, each in enumerate(values[name])
        ]
    return found


def _read_outputs(outputs: Sequence[str] | None, pipeline: Pipeline) -> list[str] | None:
    names = list(split_names(outputs or ()))
    known = pipeline.graph.available_output_names
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"; it has {', '.join(known)}"
            msg = f"the pipeline has no output {name!r}{hint}"
            raise CommandError(msg)
    return names or None
