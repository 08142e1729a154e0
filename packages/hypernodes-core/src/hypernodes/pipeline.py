"""What users hold: nodes wired by name, and how to run them."""

from __future__ import annotations

import hashlib
import os
import reprlib
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal

from hypernodes.engines import SeqEngine, read_engine
from hypernodes.errors import PlanError
from hypernodes.execution import request_map, request_run, stream_pipeline
from hypernodes.explain import Preview, Verification, preview, verify
from hypernodes.graph import AnyNode, Graph, MapMode, NestedNode, check_types
from hypernodes.plan import Plan, compile_plan
from hypernodes.protocols import Engine
from hypernodes.viz import Picture, visualize


class Pipeline:
    """A graph of nodes plus how to run it.

    Nodes are wired by names: a parameter takes the output of that name, or,
    where no node produces it, the input.  Building it checks all that can be
    seen without values; `run` takes one input, `map` many.

    Args:
        nodes: Nodes and pipelines, in any order; may be empty.
        engine: Decides where and how it runs: an engine or its name; without
            one it inherits, at the root it is a `SeqEngine`.
        name: What observers call it.
        strict_types: Refuse nodes whose annotations do not fit together.

    Attributes:
        nodes: The nodes, bare pipelines wrapped by `as_node`.
        name: Its name, or None.

    Raises:
        NodeDefinitionError: Something in *nodes* is not a node.
        DependencyError: Two nodes produce one output.
        CycleError: Nodes wait for each other.
        TypeMismatchError: With *strict_types*, two ends do not fit.

    Example:
        >>> from hypernodes import node
        >>> @node(output_name="count")
        ... def count_words(text: str) -> int:
        ...     return len(text.split())
        >>> pipeline = Pipeline(nodes=[count_words])
        >>> pipeline.run(inputs={"text": "plain to test"})
        {'count': 3}
        >>> pipeline.map(inputs={"text": ["a b", "c"]}, map_over="text")
        [{'count': 2}, {'count': 1}]
    """

    def __init__(
        self,
        nodes: Sequence[AnyNode | Pipeline],
        engine: Engine | str | None = None,
        name: str | None = None,
        strict_types: bool = False,
    ) -> None:
        self.nodes: list[AnyNode] = [
            each.as_node() if isinstance(each, Pipeline) else each for each in nodes
        ]
        self.name = name
        self._version = 0
        self._own_engine = read_engine(engine)
        self._default_engine = SeqEngine()
        self._bound: dict[str, Any] = {}
        self._graph = Graph(self.nodes)
        self._graph_state = self._graph.state
        self._plans: tuple[Hashable, dict[Any, Plan]] = (None, {})
        self.shortcuts: dict[Any, Any] = {}
        if strict_types:
            check_types(self._graph)

    # -- what it is -------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        """The graph; built again where a nested pipeline was changed meanwhile."""
        state = self._graph.state
        if state != self._graph_state:
            self._graph, self._graph_state = Graph(self.nodes), state
        return self._graph

    @property
    def state(self) -> Hashable:
        """What changes when it, or something nested in it, is bound, named or given an engine."""
        return self._version, self._graph.state

    @property
    def engine(self) -> Engine:
        """Its engine; a `SeqEngine` where it has none of its own."""
        return self._default_engine if self._own_engine is None else self._own_engine

    @property
    def own_engine(self) -> Engine | None:
        """The engine it was given; None where it inherits."""
        return self._own_engine

    @property
    def id(self) -> str:
        """A text that identifies its structure; the same in every process."""
        hasher = hashlib.sha256()
        for node in self.graph.execution_order:
            inside = node.pipeline.id if isinstance(node, NestedNode) else ""
            for part in (node.name or "", inside, *node.outputs, "<-", *node.root_args):
                hasher.update(f"{len(part)}:{part}".encode())
        return f"pipeline-{hasher.hexdigest()[:16]}"

    @property
    def bound_inputs(self) -> dict[str, Any]:
        """A copy of the bound values by name."""
        return dict(self._bound)

    @property
    def unfulfilled_args(self) -> tuple[str, ...]:
        """The inputs that are not bound, alphabetically."""
        return tuple(name for name in self.graph.root_args if name not in self._bound)

    def __repr__(self) -> str:
        parts = [f"name={self.name!r}", f"nodes={len(self.nodes)}"]
        if self._bound:
            bound = ", ".join(
                f"{name}={reprlib.repr(value)}" for name, value in self._bound.items()
            )
            parts.append(f"bound=[{bound}]")
        if self.unfulfilled_args:
            parts.append(f"needs=[{', '.join(self.unfulfilled_args)}]")
        return f"Pipeline({', '.join(parts)})"

    # -- changing it --------------------------------------------------------------

    def with_engine(self, engine: Engine | str | None) -> Pipeline:
        """Give it an engine, None to inherit again; return it."""
        self._own_engine = read_engine(engine)
        return self._changed()

    def with_name(self, name: str | None) -> Pipeline:
        """Give it a name; return it."""
        self.name = name
        return self._changed()

    def bind(self, /, **values: Any) -> Pipeline:
        """Give values to inputs, for every run and wherever it is nested; return it.

        Calls add up, later ones win.  Values in ``inputs=`` win over bound
        ones; names that it does not know are kept and ignored.
        """
        self._bound.update(values)
        return self._changed()

    def unbind(self, *names: str) -> Pipeline:
        """Take bound values back, without *names* all of them; return it."""
        for name in names or tuple(self._bound):
            self._bound.pop(name, None)
        return self._changed()

    def as_node(
        self,
        input_mapping: Mapping[str, str] | None = None,
        output_mapping: Mapping[str, str] | None = None,
        map_over: str | Sequence[str] | None = None,
        map_mode: MapMode = "zip",
        name: str | None = None,
        cache: bool = True,
    ) -> NestedNode:
        """Return a node that runs this pipeline inside another one.

        Args:
            input_mapping: {outer name: inner name}; others stay.
            output_mapping: {inner name: outer name}; where not empty, only
                these outputs are visible outside, and only they and what they
                need are computed.
            map_over: Outer names that take sequences; the pipeline is mapped
                over their items, and each output is a list.
            map_mode: ``"zip"``, or ``"product"`` for all combinations.
            name: What observers call it; by default the pipeline's name.
            cache: False turns caching off for everything inside.

        Raises:
            DependencyError: A mapping names what is not there, or two names
                would become one.
            PlanError: There is no such *map_mode*.
        """
        return NestedNode(self, input_mapping, output_mapping, map_over, map_mode, name, cache)

    # -- running it ----------------------------------------------------------------

    def run(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run once and return the outputs by name, in execution order.

        Args:
            inputs: Values by name; extra ones are ignored.  A value for an
                intermediate output replaces its producer, which does not run.
            output_name: The outputs to compute; by default all.  Only what
                they need runs, and only its inputs are required.
            engine: Used for this call instead of its own.
            **kwargs: More inputs, by keyword.

        Raises:
            UnknownOutputError: No node produces *output_name*; nothing ran.
            MissingInputError: Inputs are missing; nothing ran.
            Exception: Whatever a node raised, with a note where it happened.
        """
        return self._chosen(engine).run(self, _merge_inputs(inputs, kwargs), output_name)

    def map(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        map_over: str | Sequence[str] | None = None,
        map_mode: MapMode = "zip",
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        on_error: Literal["raise", "collect"] = "raise",
        **kwargs: Any,
    ) -> list[Any]:
        """Run once per item and return the outputs of each, in item order.

        Args:
            inputs: Values by name; those in *map_over* are sized iterables of
                items, all others are the same for every item, lists too.
            map_over: The names that vary from item to item.
            map_mode: ``"zip"`` walks them together; ``"product"`` takes every
                combination, the last name varying fastest.
            output_name: The outputs to compute; by default all.
            engine: Used for this call instead of its own.
            on_error: ``"raise"`` ends the map at the lowest failing item;
                what was finished is in the cache.  ``"collect"`` carries on:
                a failed item's place holds a `FailedItem`, and the list is a
                `MapResults`, which tells them apart.
            **kwargs: More inputs, by keyword.

        Raises:
            MapLengthError: Under ``"zip"`` the lengths differ; nothing ran.
            PlanError: Something else is wrong with the request; nothing ran.
            Exception: What the lowest failing item raised, with a note where.
        """
        merged = _merge_inputs(inputs, kwargs)
        over: Any = map_over
        # an engine need not know of a rule that nobody asks for
        rule: dict[str, Any] = {} if on_error == "raise" else {"on_error": on_error}
        return self._chosen(engine).map(self, merged, over, map_mode, output_name, **rule)

    def map_iter(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        map_over: str | Sequence[str] | None = None,
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        on_error: Literal["raise", "collect"] = "raise",
        chunk_items: int | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Run once per item of iterators; yield the outputs of each in item order.

        For inputs that are larger than memory, or that come as they come: of
        items and results only those under way are held.  The request is
        checked at once; items are taken, and functions called, as results are
        asked for.  Cached like any map.

        Args:
            inputs: Values by name; those in *map_over* are iterables of items,
                walked together, which must end together.
            map_over: The names that vary from item to item.
            output_name: The outputs to compute; by default all.
            engine: Used for this call instead of its own.
            on_error: As for `map`; failed items are yielded in their places.
            chunk_items: How many items travel together, at most; by default
                1,000.
            **kwargs: More inputs, by keyword.

        Raises:
            PlanError: Something is wrong with the request; nothing ran.
            MapLengthError: While yielding: one iterable ended before another.
            Exception: While yielding: what the lowest failing item raised.
        """
        merged = _merge_inputs(inputs, kwargs)
        over: Any = map_over
        return stream_pipeline(
            self._chosen(engine),
            self,
            merged,
            over,
            output_name,
            on_error=on_error,
            pace=chunk_items,
        )

    # -- asking about it --------------------------------------------------------------

    def plan(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        **kwargs: Any,
    ) -> Preview:
        """Return what `run` would do with the same arguments; executes nothing.

        The preview says for each function whether it would hit or run, why,
        and what that should take by recorded times.

        Raises:
            PlanError: The request cannot be answered.
        """
        request = request_run(self, _merge_inputs(inputs, kwargs), output_name)
        return preview(self._chosen(engine), self, request)

    def plan_map(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        map_over: str | Sequence[str] | None = None,
        map_mode: MapMode = "zip",
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        **kwargs: Any,
    ) -> Preview:
        """Return what `map` would do with the same arguments; executes nothing.

        Raises:
            PlanError: The request cannot be answered.
        """
        merged = _merge_inputs(inputs, kwargs)
        request = request_map(self, merged, map_over, map_mode, output_name)
        return preview(self._chosen(engine), self, request)

    def explain(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        **kwargs: Any,
    ) -> str:
        """Return why each function would run, a sentence a line; empty if all would hit.

        Raises:
            PlanError: The request cannot be answered.
        """
        return "\n".join(self.plan(inputs, output_name, engine, **kwargs).reasons())

    def verify(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        map_over: str | Sequence[str] | None = None,
        map_mode: MapMode = "zip",
        sample: float = 0.01,
        engine: Engine | str | None = None,
        **kwargs: Any,
    ) -> Verification:
        """Compute a sample of the hits again and compare them with what is recorded.

        A function whose result differs depends on something that is not
        among its inputs; the outcome names it.  Nothing is stored.

        Args:
            inputs: Values by name, as for `run`, or, with *map_over*, `map`.
            map_over: The names that vary from item to item.
            map_mode: How several of them combine.
            sample: The share of the hits of each function, at least one hit.
            engine: Whose cache counts, instead of its own engine's.
            **kwargs: More inputs, by keyword.

        Raises:
            PlanError: The request cannot be answered, or *sample* is no share.
            Exception: Whatever a function raised.
        """
        merged = _merge_inputs(inputs, kwargs)
        if map_over is None:
            request = request_run(self, merged, None)
        else:
            request = request_map(self, merged, map_over, map_mode, None)
        return verify(self._chosen(engine), self, request, sample)

    def visualize(self, filename: str | os.PathLike[str] | None = None, **options: Any) -> Picture:
        """Draw it; with *filename*, also write it there.  See `hypernodes.visualize`."""
        return visualize(self, filename, **options)

    def compiled(self, outputs: tuple[str, ...] | None, available: Collection[str]) -> Plan:
        """Return the plan for *outputs* given values for *available* names; made once.

        Raises:
            UnknownOutputError: No node produces one of *outputs*.
        """
        graph = self.graph
        given = frozenset(name for name in available if name in graph.names)
        state, plans = self._plans
        if state != self.state:
            # older plans would keep alive what was bound in nested pipelines
            plans = {}
            self._plans = (self.state, plans)
        if (outputs, given) not in plans:
            plans[outputs, given] = compile_plan(self, outputs, given)
        return plans[outputs, given]

    def run_alone(self, node: NestedNode, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run *node*, which wraps this pipeline, as the only one of a pipeline."""
        return Pipeline(nodes=[node]).run(inputs)

    def _chosen(self, engine: Engine | str | None) -> Engine:
        return read_engine(engine) or self.engine

    def _changed(self) -> Pipeline:
        self._version += 1
        self.shortcuts.clear()
        return self

    def __hypernodes_key__(self) -> Any:
        """Return what stands for it where a function reaches it or is given it."""
        return self.nodes, self._bound

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plans": (None, {}), "shortcuts": {}}


def _merge_inputs(
    inputs: Mapping[str, Any] | None, kwargs: dict[str, Any]
) -> Mapping[str, Any] | None:
    if not kwargs or inputs is None:
        return kwargs or inputs
    twice = sorted(kwargs.keys() & inputs.keys())
    if twice:
        msg = f"given both in inputs and by keyword: {', '.join(twice)}; give each once"
        raise PlanError(msg)
    return {**inputs, **kwargs}
