"""One call of ``run`` or ``map``, seen from the driver.

Checks the request, makes the plan, opens the run for observers, and has the
chunks carried out by the engine.  Engines call `run_pipeline` and
`map_pipeline` from their ``run`` and ``map``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hypernodes.errors import PlanError
from hypernodes.execution._chunk import run_chunk
from hypernodes.execution._direct import keep_shortcut
from hypernodes.execution._errors import stand_in
from hypernodes.execution._gathering import Gathering
from hypernodes.execution._open_run import OpenRun, tell_finished
from hypernodes.execution._pace import Pace, read_pace
from hypernodes.execution._request import Request, request_map, request_run, request_stream
from hypernodes.execution._results import MapResults
from hypernodes.graph import MapMode
from hypernodes.protocols import Engine

_USE_MAP: Final = "call map, or collect failures with on_error='collect'"


def run_pipeline(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None = None,
    output_name: str | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Run *pipeline* once, here, with the cache and callbacks of *engine*.

    Args:
        engine: Whose settings count.
        pipeline: The pipeline; what it has bound takes part.
        inputs: Values by name; they win over bound ones.
        output_name: The wanted outputs; None for all.

    Returns:
        The outputs by name, in execution order.

    Raises:
        PlanError: An input is missing, or an output unknown; nothing has run.
        ValueError: A callback does not support the engine; nothing has run.
        Exception: Whatever a node raised, with a note where it happened.
    """
    if output_name is None or type(output_name) is str:
        shortcut = pipeline.shortcuts.get(output_name)
        found: dict[str, Any] | None = shortcut and shortcut.run(engine, inputs)
        if found is not None:
            return found
    state = pipeline.state
    request = request_run(pipeline, inputs, output_name)
    with OpenRun(engine, pipeline, request) as context:
        started = time.perf_counter()
        result = run_chunk(request.plan, request.whole(), context, live=True)
        if result.failure is not None:
            raise result.failure.error
        outputs: dict[str, Any] = result.rows[0]
        tell_finished(context, outputs, time.perf_counter() - started)
    if output_name is None or isinstance(output_name, str):
        keep_shortcut(context, pipeline, request, output_name, state)
    return outputs


def map_pipeline(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    map_over: str | Sequence[str],
    map_mode: MapMode = "zip",
    output_name: str | Sequence[str] | None = None,
    *,
    on_error: str = "raise",
    pace: Pace | int | None = None,
) -> list[Any]:
    """Run *pipeline* once per item; *engine* carries the chunks.

    Args:
        engine: Carries out the chunks through its ``submit``.
        pipeline: The pipeline; what it has bound takes part.
        inputs: Values by name; those in *map_over* hold the items.
        map_over: The names that vary from item to item.
        map_mode: ``"zip"``, or ``"product"`` for all combinations, the last
            name in *map_over* varying fastest.
        output_name: The wanted outputs; None for all.
        on_error: ``"raise"`` ends the map at the lowest failing item;
            ``"collect"`` carries on and gives `MapResults`.
        pace: How many items travel together: a `Pace` or a number.

    Returns:
        The outputs of each item by name, in item order.

    Raises:
        PlanError: The request cannot be answered; nothing has run.
        ValueError: A callback does not support the engine; nothing has run.
        Exception: What the lowest failing item raised, with a note where;
            finished work is in the cache.
    """
    request = request_map(pipeline, inputs, map_over, map_mode, output_name)
    collects, pace = read_on_error(on_error), read_pace(pace)
    found: list[Any] = MapResults() if collects else []
    with OpenRun(engine, pipeline, request, collects) as context:
        gathering = Gathering(engine, context, request, pace)
        for rows in gathering:
            found.extend(rows)
        gathering.end()
    return found


def stream_pipeline(
    engine: Engine,
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    map_over: str | Sequence[str],
    output_name: str | Sequence[str] | None = None,
    *,
    on_error: str = "raise",
    pace: Pace | int | None = None,
) -> Iterator[Any]:
    """Run *pipeline* once per item of iterators; results come in item order, as they are ready.

    Holds the items and results of the chunks under way, and nothing else.
    The request is checked at once; items are taken when results are asked for.

    Args:
        engine: Carries out the chunks through its ``submit``.
        pipeline: The pipeline; what it has bound takes part.
        inputs: Values by name; those in *map_over* are iterables of items.
        map_over: The names that vary from item to item.
        output_name: The wanted outputs; None for all.
        on_error: As for `map_pipeline`.
        pace: How many items travel together; by default few at first, then as
            many as take a moment.

    Raises:
        PlanError: The request cannot be answered; nothing has run.
        ExecutionError: While iterating: a node raised `StopIteration`, which
            no iterator can raise; it is the cause.
    """
    request = request_stream(pipeline, inputs, map_over, output_name)
    pace = read_pace(pace, is_stream=True)
    return _stream(engine, pipeline, request, read_on_error(on_error), pace)


def read_on_error(on_error: str) -> bool:
    """Return whether failures are to be collected.

    Raises:
        PlanError: There is no such rule.
    """
    if on_error not in {"raise", "collect"}:
        msg = f"unknown on_error {on_error!r}; use 'raise' or 'collect'"
        raise PlanError(msg)
    return on_error == "collect"


def _stream(
    engine: Engine, pipeline: Any, request: Request, collects: bool, pace: Pace
) -> Iterator[Any]:
    try:
        with OpenRun(engine, pipeline, request, collects) as context:
            gathering = Gathering(engine, context, request, pace)
            for rows in gathering:
                yield from rows
            gathering.end()
    except StopIteration as error:
        raise stand_in(error, _USE_MAP) from error
