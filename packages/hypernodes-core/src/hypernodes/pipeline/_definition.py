"""What a pipeline is: nodes wired by names, values bound to inputs, an engine.

Running it and asking about it are added in `_pipeline`.
"""

from __future__ import annotations

import hashlib
import reprlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Self

from hypernodes.engines import SeqEngine, read_engine
from hypernodes.graph import AnyNode, Graph, MapMode, NestedNode, check_types
from hypernodes.plan import Plan, compile_plan
from hypernodes.protocols import Engine


class Definition:
    """Nodes, what is bound, and an engine; see `Pipeline`."""

    def __init__(
        self,
        nodes: Sequence[AnyNode | Definition],
        engine: Engine | str | None = None,
        name: str | None = None,
        strict_types: bool = False,
    ) -> None:
        self.nodes: list[AnyNode] = [
            each.as_node() if isinstance(each, Definition) else each for each in nodes
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

    def with_engine(self, engine: Engine | str | None) -> Self:
        """Give it an engine, None to inherit again; return it."""
        self._own_engine = read_engine(engine)
        return self._changed()

    def with_name(self, name: str | None) -> Self:
        """Give it a name; return it."""
        self.name = name
        return self._changed()

    def bind(self, /, **values: Any) -> Self:
        """Give values to inputs, for every run and wherever it is nested; return it.

        Calls add up, later ones win.  Values in ``inputs=`` win over bound
        ones; names that it does not know are kept and ignored.
        """
        self._bound.update(values)
        return self._changed()

    def unbind(self, *names: str) -> Self:
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
        alone: Any = Definition([node])
        return self._default_engine.run(alone, inputs)

    def _changed(self) -> Self:
        self._version += 1
        self.shortcuts.clear()
        return self

    def __hypernodes_key__(self) -> Any:
        """Return what stands for it where a function reaches it or is given it."""
        return self.nodes, self._bound

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plans": (None, {}), "shortcuts": {}}
