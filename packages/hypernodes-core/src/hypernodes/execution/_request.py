"""What is asked for, checked before anything runs.

A request holds the plan and the values of one call of ``run`` or ``map``,
from the pipeline, what is bound in it and what the caller gave.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from hypernodes.errors import MissingInputError, PlanError, did_you_mean
from hypernodes.execution._pace import Pace
from hypernodes.execution._records import Chunk
from hypernodes.execution._streamed import StreamedRows
from hypernodes.graph import Graph, MapMode, check_map_mode
from hypernodes.plan import Plan
from hypernodes.values import expand_columns, stream_column


@attrs.frozen
class Request:
    """One call of ``run`` or ``map``.

    Attributes:
        plan: What is to be done.
        inputs: The values it reads, as they were given.
        columns: Those that vary, one value per item; of a stream, iterators.
        count: The number of items; None for a single run, and for a stream.
        is_stream: Whether items are taken from iterators, as they are needed.
    """

    plan: Plan
    inputs: Mapping[str, Any]
    columns: Mapping[str, Any]
    count: int | None
    is_stream: bool = False

    @property
    def constants(self) -> dict[str, Any]:
        """The values that are the same for all items."""
        return {name: value for name, value in self.inputs.items() if name not in self.columns}

    def asks_plainly(self, graph: Graph) -> bool:
        """Say whether no value is given for what a node produces."""
        return not self.columns and graph.producers.keys().isdisjoint(self.inputs)

    def whole(self) -> Chunk:
        """Return everything as one chunk."""
        if self.count is None:
            return Chunk(index=0, first=None, size=1, columns={}, constants=self.inputs)
        return Chunk(0, 0, self.count, self.columns, self.constants)

    def chunks(self, pace: Pace) -> Iterator[Chunk]:
        """Yield the items in chunks of the size that *pace* says when each is taken.

        Of a stream, chunks are smaller where items are long in coming.

        Raises:
            MapLengthError: One stream ended before another; after the items that all of them had.
            Exception: Whatever a stream raised; after the items before.
        """
        if self.is_stream:
            yield from self._streamed(pace)
            return
        constants, start = self.constants, 0
        for index in itertools.count():
            size = min(pace.size, (self.count or 0) - start)
            if size <= 0:
                return
            columns = {name: each[start : start + size] for name, each in self.columns.items()}
            yield Chunk(index, start, size, columns, constants)
            start += size

    def _streamed(self, pace: Pace) -> Iterator[Chunk]:
        """Yield what iterators give; names that nobody reads are walked and left out."""
        rows, constants, start = StreamedRows(self.columns), self.constants, 0
        for index in itertools.count():
            taken = rows.take(pace.size, pace.seconds)
            if taken:
                columns = dict(zip(self.columns, map(list, zip(*taken, strict=True)), strict=True))
                read = {name: each for name, each in columns.items() if name in self.plan.reads}
                yield Chunk(index, start, len(taken), read, constants)
            start += len(taken)
            if rows.error is not None:
                raise rows.error
            if rows.is_over:
                return


def request_run(
    pipeline: Any, inputs: Mapping[str, Any] | None, output_name: str | Sequence[str] | None
) -> Request:
    """Return the request of one run.

    Raises:
        PlanError: An input is missing, or an output unknown.
    """
    values = _merge(pipeline, inputs)
    plan = _compile(pipeline, output_name, values)
    return Request(plan, {name: values[name] for name in sorted(plan.reads)}, {}, None)


def request_map(
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    map_over: str | Sequence[str] | None,
    map_mode: MapMode,
    output_name: str | Sequence[str] | None,
) -> Request:
    """Return the request of one map.

    Raises:
        PlanError: An input is missing, an output unknown, or something cannot
            be mapped over.
    """
    values = _merge(pipeline, inputs)
    over = _check_map_over(pipeline, map_over, values)
    mapped = {name: values[name] for name in over}
    count, columns = expand_columns(mapped, over, check_map_mode(map_mode))
    plan = _compile(pipeline, output_name, values)
    reads = {name: values[name] for name in sorted(plan.reads)}
    varying = {name: column for name, column in columns.items() if name in plan.reads}
    return Request(plan, reads, varying, count)


def request_stream(
    pipeline: Any,
    inputs: Mapping[str, Any] | None,
    map_over: str | Sequence[str] | None,
    output_name: str | Sequence[str] | None,
) -> Request:
    """Return the request of one map over iterators, of which nothing is taken yet.

    Raises:
        PlanError: An input is missing, an output unknown, or something cannot
            be mapped over.
    """
    values = _merge(pipeline, inputs)
    over = _check_map_over(pipeline, map_over, values)
    columns = {name: stream_column(name, values[name]) for name in over}
    plan = _compile(pipeline, output_name, values)
    reads = {name: values[name] for name in sorted(plan.reads)}
    return Request(plan, reads, columns, None, is_stream=True)


def _merge(pipeline: Any, inputs: object) -> dict[str, Any]:
    if inputs is None:
        inputs = {}
    if not isinstance(inputs, Mapping):
        msg = f"inputs must be a dict of values by name, got {type(inputs).__name__}"
        raise TypeError(msg)
    return {**pipeline.bound_inputs, **inputs}


def _compile(
    pipeline: Any, output_name: str | Sequence[str] | None, values: Mapping[str, Any]
) -> Plan:
    outputs = (output_name,) if isinstance(output_name, str) else output_name
    plan: Plan = pipeline.compiled(None if outputs is None else tuple(outputs), values)
    if plan.missing:
        given = ", ".join(sorted(values)) or "nothing"
        unused = set(values) - plan.reads
        hints = dict.fromkeys(did_you_mean(name, unused) for name in plan.missing)
        names = ", ".join(plan.missing)
        msg = f"Missing required input(s): {names}; given: {given}{''.join(hints)}"
        raise MissingInputError(msg)
    return plan


def _check_map_over(
    pipeline: Any, map_over: str | Sequence[str] | None, values: Mapping[str, Any]
) -> tuple[str, ...]:
    over = (map_over,) if isinstance(map_over, str) else tuple(map_over or ())
    if not over:
        msg = "map needs map_over: the name or names of the inputs that hold the items"
        raise PlanError(msg)
    graph = pipeline.graph
    known = [*graph.root_args, *graph.available_output_names]
    for name in over:
        if name not in known:
            hint = did_you_mean(name, known)
            msg = f"cannot map over {name!r}: not an input of this pipeline{hint}"
            raise PlanError(msg)
        if name not in values:
            msg = f"cannot map over {name!r}: no value is given for it; put its items into inputs"
            raise PlanError(msg)
    return over
