"""``hypernodes plan``, ``why`` and ``show``: ask a pipeline without executing anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import attrs
import typer
from rich.text import Text

from hypernodes.cli._faults import CommandError
from hypernodes.cli._options import (
    CacheOption,
    EngineOption,
    EngineOptionOption,
    FromOption,
    InputOption,
    InputsOption,
    JsonOption,
    MapOverOption,
    ModeOption,
    OutOption,
    OutputNameOption,
    TargetArgument,
)
from hypernodes.cli._output import print_json, print_lines, print_table, say
from hypernodes.cli._request import read_choices, read_request
from hypernodes.cli._settings import read_environment, read_project
from hypernodes.cli._table import check_writable
from hypernodes.cli._target import load_pipeline
from hypernodes.cli._values import Inputs, show_type
from hypernodes.cli._words import count, seconds
from hypernodes.errors import did_you_mean
from hypernodes.explain import Preview
from hypernodes.graph import output_types
from hypernodes.pipeline import Pipeline

_MOST_REASONS = 2
NodeOption = Annotated[
    list[str] | None,
    typer.Option("--node", metavar="NAME", help="Only this node.", show_default=False),
]


def plan(  # noqa: PLR0913 - an argument per option
    target: TargetArgument = None,
    *,
    inputs: InputOption = None,
    inputs_file: InputsOption = None,
    map_over: MapOverOption = None,
    source: FromOption = None,
    mode: ModeOption = "zip",
    output_name: OutputNameOption = None,
    engine: EngineOption = None,
    engine_option: EngineOptionOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what would run, what would hit, and why."""
    mapping = (map_over, source, mode) if map_over or source else None
    asked = read_choices(engine, engine_option, cache, None, None)
    request = read_request(target, inputs, inputs_file, output_name, asked, mapping)
    found = _preview(request)
    if as_json:
        print_json(_plan_as_data(found))
        return
    print_table(
        ["node", "hits", "to run", "should take", "why"],
        [_plan_row(step) for step in found.steps],
        right=["hits", "to run", "should take"],
        elastic="why",
    )
    items = "" if found.items is None else f" over {count(found.items, 'item')}"
    say(
        f"{found.title}{items}: {count(found.hits, 'hit')}, {found.runs:,} to run, about "
        f"{seconds(found.seconds)} to come, {seconds(found.saved)} saved",
        "dim",
    )
    if found.not_needed:
        say(f"not needed: {', '.join(found.not_needed)}", "dim")


def why(  # noqa: PLR0913 - an argument per option
    target: TargetArgument = None,
    *,
    inputs: InputOption = None,
    inputs_file: InputsOption = None,
    map_over: MapOverOption = None,
    source: FromOption = None,
    mode: ModeOption = "zip",
    node: NodeOption = None,
    engine: EngineOption = None,
    engine_option: EngineOptionOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why nodes would run."""
    mapping = (map_over, source, mode) if map_over or source else None
    asked = read_choices(engine, engine_option, cache, None, None)
    request = read_request(target, inputs, inputs_file, None, asked, mapping)
    found = _preview(request)
    for name in node or ():
        _check_node(name, found)
    steps = [step for step in found.steps if not node or _is_meant(step, node)]
    if as_json:
        print_json({step.path: list(step.reasons) for step in steps if step.runs})
    elif any(step.runs for step in steps):
        print_lines(f"{s.path} runs: {_some(s.reasons)}" for s in steps if s.runs)
    else:
        say("nothing would run: everything is in the cache", "dim")


def show(
    target: TargetArgument = None,
    *,
    output: OutOption = None,
    depth: Annotated[
        int, typer.Option(metavar="N", help="How many levels are opened; 0 opens all.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Draw a pipeline, here or into a file."""
    chosen = target or read_environment().target or read_project().target
    pipeline = load_pipeline(chosen)
    levels = None if depth == 0 else depth
    if output is not None:
        check_writable(output)
        try:
            pipeline.visualize(output, depth=levels)
        except ValueError as error:
            raise CommandError(str(error)) from error
        say(f"written to {output}", "dim")
    elif as_json:
        print_json(_pipeline_as_data(pipeline))
    else:
        sys.stdout.write(str(pipeline.visualize(engine="text", depth=levels)).rstrip() + "\n")


def _preview(request: Any) -> Preview:
    pipeline, engine = request.pipeline, request.engine()
    if not request.map_over:
        found: Preview = pipeline.plan(request.inputs, request.outputs, engine)
        return found
    over = list(request.map_over)
    mapped: Preview = pipeline.plan_map(request.inputs, over, request.mode, request.outputs, engine)
    return mapped


def _plan_row(step: Any) -> Sequence[Text | str]:
    is_idle = not step.runs
    style = "dim" if is_idle else ""
    runs = f"{step.runs:,}" if step.is_known else "?"
    took = "" if is_idle else "?" if step.seconds is None else seconds(step.seconds)
    reason = _some(step.reasons)
    hits = Text(f"{step.hits:,}", "cyan" if step.hits else "dim")
    return [Text(step.path, style), hits, Text(runs, style), took, Text(reason, "dim")]


def _some(reasons: Sequence[str]) -> str:
    """Return the first reasons as one text, and how many more there are."""
    left = len(reasons) - _MOST_REASONS
    more = [f"and {left:,} more like these"] if left > 0 else []
    return "; ".join([*reasons[:_MOST_REASONS], *more])


def _plan_as_data(found: Preview) -> dict[str, Any]:
    return {
        "pipeline": found.title,
        "items": found.items,
        "hits": found.hits,
        "runs": found.runs,
        "seconds": found.seconds,
        "saved": found.saved,
        "steps": [attrs.asdict(step) for step in found.steps],
        "not_needed": list(found.not_needed),
    }


def _check_node(name: str, found: Preview) -> None:
    if not any(_is_meant(step, [name]) for step in found.steps):
        known = [step.path for step in found.steps]
        hint = did_you_mean(name, known) or f"; it has {', '.join(known)}"
        msg = f"the pipeline has no node {name!r}{hint}"
        raise CommandError(msg)


def _is_meant(step: Any, names: Sequence[str]) -> bool:
    return any(name in (step.name, step.path) for name in names)


def _pipeline_as_data(pipeline: Pipeline) -> dict[str, Any]:
    known = Inputs.of(pipeline)
    bound = pipeline.bound_inputs
    return {
        "name": pipeline.name,
        "id": pipeline.id,
        "inputs": [
            {
                "name": name,
                "type": show_type(hint),
                "required": name in known.required,
                "bound": name in bound,
            }
            for name, hint in known.types.items()
        ],
        "nodes": list(_nodes_as_data(pipeline)),
    }


def _nodes_as_data(pipeline: Pipeline) -> Iterator[dict[str, Any]]:
    for each in pipeline.graph.execution_order:
        inner = getattr(each, "pipeline", None)
        types = output_types(each)
        found = {
            "name": each.name,
            "inputs": list(each.root_args),
            "outputs": {name: show_type(types.get(name, Any)) for name in each.outputs},
            "cache": each.cache,
        }
        yield found if inner is None else {**found, "pipeline": _pipeline_as_data(inner)}
