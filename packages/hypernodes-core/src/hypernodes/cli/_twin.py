"""``hypernodes twin``: the same sample on several engines, compared and timed."""

from __future__ import annotations

from typing import Annotated, Any

import attrs
import typer

from hypernodes.cli._faults import CommandError, ExitCode
from hypernodes.cli._options import (
    FromOption,
    InputOption,
    InputsOption,
    JsonOption,
    MapOverOption,
    ModeOption,
    OutputNameOption,
    TargetArgument,
)
from hypernodes.cli._output import print_json, print_table, say
from hypernodes.cli._request import read_choices, read_request
from hypernodes.cli._settings import split_names
from hypernodes.cli._words import count, seconds
from hypernodes.execution import request_map, request_run
from hypernodes.explain import Twin, Twins, compare_engines

EnginesOption = Annotated[
    str, typer.Option("--engines", metavar="NAMES", help="The engines, separated by commas.")
]
SampleOption = Annotated[
    int, typer.Option("--sample", metavar="N", help="How many items are carried out.", min=1)
]


def twin(  # noqa: PLR0913 - an argument per option
    target: TargetArgument = None,
    *,
    inputs: InputOption = None,
    inputs_file: InputsOption = None,
    map_over: MapOverOption = None,
    source: FromOption = None,
    mode: ModeOption = "zip",
    output_name: OutputNameOption = None,
    engines: EnginesOption = "seq,dask,ray,daft",
    sample: SampleOption = 100,
    as_json: JsonOption = False,
) -> None:
    """Run a sample on several engines; say whether it comes out the same, and which to use."""
    names = split_names([engines])
    if not names:
        msg = "no engine is named; give --engines seq,dask"
        raise CommandError(msg)
    mapping = (map_over, source, mode) if map_over or source else None
    asked = read_choices(None, None, None, None, None)
    request = read_request(target, inputs, inputs_file, output_name, asked, mapping)
    if request.map_over:
        wanted = request_map(
            request.pipeline, request.inputs, request.map_over, request.mode, request.outputs
        )
    else:
        wanted = request_run(request.pipeline, request.inputs, request.outputs)
    found = compare_engines(request.pipeline, wanted, request.mode, names, sample)
    _show(found, as_json)
    if not found.are_true:
        raise typer.Exit(ExitCode.FAILED)


def _show(found: Twins, as_json: bool) -> None:
    if as_json:
        print_json(_as_data(found))
        return
    print_table(
        ["engine", "start", "sample", "all items", "results", "keys"],
        [_row(found, each) for each in found.rows],
        right=["start", "sample", "all items"],
        elastic="results",
    )
    items = "" if found.items is None else f" of {found.items:,}"
    say(f"{count(found.sample, 'item')}{items} carried out; {found.advice}", "dim")


def _row(found: Twins, each: Twin) -> list[str]:
    if each.problem:
        return [each.engine, "", "", "", each.problem, ""]
    return [
        each.engine,
        seconds(each.start),
        seconds(each.seconds),
        seconds(found.expected(each)),
        "equal" if each.is_equal else "DIFFERENT",
        "equal" if each.has_same_keys else "DIFFERENT",
    ]


def _as_data(found: Twins) -> dict[str, Any]:
    return {
        "engines": [
            {**attrs.asdict(each), "expected": found.expected(each)} for each in found.rows
        ],
        "items": found.items,
        "sample": found.sample,
        "use": found.best.engine,
    }
