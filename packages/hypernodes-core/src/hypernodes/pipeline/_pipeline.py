"""What users hold: a pipeline, how to run it and what to ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from hypernodes.engines import AsyncEngine, SeqEngine, read_engine
from hypernodes.errors import PlanError
from hypernodes.execution import request_map, request_run, stream_pipeline
from hypernodes.explain import Preview, Verification, preview, verify
from hypernodes.graph import MapMode
from hypernodes.pipeline._definition import Definition
from hypernodes.plugins import find_transform_engine
from hypernodes.protocols import Engine
from hypernodes.viz import show_in_notebook, visualize

if TYPE_CHECKING:
    from hypernodes.execution import AsyncMap


class Pipeline(Definition):
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
        # written out, because short runs cost little else
        chosen = self.engine if engine is None else self._chosen(engine)
        merged = _merge_inputs(inputs, kwargs) if kwargs else inputs
        return chosen.run(self, merged, output_name)

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
            chunk_items: How many items travel together; by default one at
                first, then as many as take a moment.
            **kwargs: More inputs, by keyword.

        Raises:
            PlanError: Something is wrong with the request; nothing ran.
            MapLengthError: While yielding: one iterable ended before another.
            Exception: While yielding: what the lowest failing item raised, or
                what an iterable did, after the rows of the items before.
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

    async def arun(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run once on the running event loop; as `run`, to be awaited.

        Coroutine functions that need not wait for each other overlap.  An
        engine that has no event loop of its own runs in a thread meanwhile.

        Raises:
            ExecutionError: A node raised `StopIteration`, which nothing that is
                awaited can raise; it is the cause.
        """
        chosen = self._chosen_async(engine)
        merged = _merge_inputs(inputs, kwargs)
        if isinstance(chosen, AsyncEngine):
            return await chosen.arun(self, merged, output_name)
        # deferred: pipelines that never wait need no event loop
        from hypernodes.execution import run_beside

        return await run_beside(chosen, self, merged, output_name)

    def amap(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        map_over: str | Sequence[str] | None = None,
        map_mode: MapMode = "zip",
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        on_error: Literal["raise", "collect"] = "raise",
        **kwargs: Any,
    ) -> AsyncMap:
        """Run once per item on the running event loop; as `map`, to be awaited or iterated.

        ``await pipeline.amap(...)`` gives the list that `map` gives;
        ``async for row in pipeline.amap(...)`` gives the same in item order,
        each as soon as it is ready; ``.as_completed()`` gives (item, outputs)
        as they come.  The request is checked at once.  A task may be made of it,
        as of a coroutine; one that is never awaited warns.

        Raises:
            PlanError: Something is wrong with the request, or the engine has
                no event loop; nothing ran.
        """
        chosen = self._chosen_async(engine)
        if not isinstance(chosen, AsyncEngine):
            msg = (
                f"amap needs an AsyncEngine, and {type(chosen).__name__} has no event loop; "
                "pass engine=AsyncEngine(...), or use map"
            )
            raise PlanError(msg)
        over: Any = map_over
        merged = _merge_inputs(inputs, kwargs)
        return chosen.amap(self, merged, over, map_mode, output_name, on_error=on_error)

    def transform(
        self,
        /,
        data: Any,
        output_name: str | Sequence[str] | None = None,
        engine: Engine | str | None = None,
        **options: Any,
    ) -> Any:
        """Return *data*, a table of another library, with the outputs as new columns.

        Lazy where the library is: nothing runs before somebody reads the
        result.  The engine is the one that is given, else its own where that
        takes such tables, else the one that claims them, with its own cache.

        Args:
            data: A DataFrame, bag or dataset whose columns are the inputs.
            output_name: The outputs to compute; by default all.
            engine: Used for this call instead.
            **options: What the ``transform`` of that engine takes beside.

        Raises:
            UnknownPluginError: No engine takes such data; a `ValueError`.
            EngineNotInstalledError: Its engine is not installed.
            PlanError: A column is missing, or an output unknown; nothing ran.
        """
        chosen: Any = read_engine(engine) or self.engine
        claims = getattr(chosen, "claims", None)
        if engine is None and (claims is None or not claims(data)):
            chosen = find_transform_engine(data)(cache=chosen.cache)
        if not hasattr(chosen, "transform"):
            msg = f"{type(chosen).__name__} takes no tables; leave engine= out, or use map"
            raise PlanError(msg)
        return chosen.transform(data, self, output_name=output_name, **options)

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

    visualize = visualize
    _repr_mimebundle_ = show_in_notebook

    def _chosen_async(self, engine: Engine | str | None) -> Engine:
        """Return the engine for an event loop: one like a `SeqEngine`, but with it."""
        chosen = self._chosen(engine)
        if not isinstance(chosen, SeqEngine):
            return chosen
        looped = AsyncEngine(
            cache=chosen.cache,
            callbacks=chosen.callbacks,
            strict=chosen.strict,
            salt=chosen.salt,
            check_mutation=chosen.check_mutation,
        )
        looped.run_record = chosen.run_record
        return looped

    def _chosen(self, engine: Engine | str | None) -> Engine:
        return read_engine(engine) or self.engine


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
