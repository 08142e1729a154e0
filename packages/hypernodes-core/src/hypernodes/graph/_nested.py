"""Pipelines as nodes: names mapped between inside and outside, items mapped over."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from hypernodes.errors import DependencyError, PlanError, did_you_mean
from hypernodes.graph._parameters import Parameter

if TYPE_CHECKING:
    from hypernodes.graph._graph import Graph

MapMode = Literal["zip", "product"]
MAP_MODES: Final = ("zip", "product")


class NestedPipeline(Protocol):
    """What a nested node needs of the pipeline in it."""

    @property
    def graph(self) -> Graph: ...
    @property
    def bound_inputs(self) -> dict[str, Any]: ...
    @property
    def name(self) -> str | None: ...
    @property
    def id(self) -> str: ...
    @property
    def own_engine(self) -> Any: ...
    @property
    def state(self) -> Hashable: ...
    def run_alone(self, node: NestedNode, inputs: Mapping[str, Any]) -> dict[str, Any]: ...


class NestedNode:
    """A pipeline used as a node of another one; made by ``Pipeline.as_node``.

    *Outer* names are those of the pipeline around it, *inner* names those of
    the pipeline in it.

    Attributes:
        pipeline: The pipeline in it; never changed by a run.
        input_mapping: {outer: inner}; unmapped names are the same.
        output_mapping: {inner: outer}; where not empty, only these outputs
            are visible outside.
        map_over: Outer names that take sequences.
        map_mode: ``"zip"`` or ``"product"``.
        cache: False turns caching off for everything inside; writable.
    """

    is_async: Final = False

    def __init__(
        self,
        pipeline: NestedPipeline,
        input_mapping: Mapping[str, str] | None = None,
        output_mapping: Mapping[str, str] | None = None,
        map_over: str | Sequence[str] | None = None,
        map_mode: MapMode = "zip",
        name: str | None = None,
        cache: bool = True,
    ) -> None:
        self.pipeline = pipeline
        self.input_mapping: dict[str, str] = dict(input_mapping or {})
        self.output_mapping: dict[str, str] = dict(output_mapping or {})
        self.map_over: tuple[str, ...] = (
            (map_over,) if isinstance(map_over, str) else tuple(map_over or ())
        )
        self.map_mode = check_map_mode(map_mode)
        self.cache = cache
        self._name = name
        self._check_mappings()

    @property
    def name(self) -> str | None:
        """The name given to it, else the pipeline's, else None."""
        return self._name or self.pipeline.name

    @property
    def visible_outputs(self) -> dict[str, str]:
        """{inner: outer} of what is visible outside, by inner name."""
        inner = self.output_mapping or self.pipeline.graph.available_output_names
        return {name: self.output_mapping.get(name, name) for name in sorted(inner)}

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outer output names, ordered by inner name."""
        return tuple(self.visible_outputs.values())

    @property
    def output_name(self) -> str | tuple[str, ...]:
        """One string, or a tuple ordered by inner output name."""
        outputs = self.outputs
        return outputs[0] if len(outputs) == 1 else outputs

    @property
    def wiring(self) -> dict[str, str]:
        """{inner: outer} of every input that is not bound inside."""
        outer = {inner: name for name, inner in self.input_mapping.items()}
        bound = self.pipeline.bound_inputs
        names = [*self.pipeline.graph.root_args, *(i for i in outer if i in self._producible)]
        return {name: outer.get(name, name) for name in names if name not in bound}

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The outer inputs that are not bound inside."""
        required: dict[str, bool] = {}
        needed = self.pipeline.graph.required_args
        for inner, outer in self.wiring.items():
            required[outer] = (
                required.get(outer, False) or inner in needed or outer in self.map_over
            )
        return tuple(Parameter(name, must, keyword_only=True) for name, must in required.items())

    @property
    def root_args(self) -> tuple[str, ...]:
        """The outer names of the inputs that are not bound inside."""
        return tuple(dict.fromkeys(self.wiring.values()))

    unfulfilled_args = root_args

    @property
    def bound_inputs(self) -> dict[str, Any]:
        """A copy of what is bound inside, by inner name."""
        return self.pipeline.bound_inputs

    @property
    def code_hash(self) -> str:
        """64 hex digits over the code inside, the mappings and the mode."""
        hasher = hashlib.sha256(b"nested")
        shape = (self.input_mapping, self.output_mapping)
        parts = [f"{key}>{mapping[key]}" for mapping in shape for key in sorted(mapping)]
        parts += [*self.map_over, self.map_mode]
        parts += [f"{node.name}={node.code_hash}" for node in self.pipeline.graph.execution_order]
        for part in parts:
            hasher.update(f"{len(part)}:{part}".encode())
        return hasher.hexdigest()

    def __hypernodes_key__(self) -> Any:
        """Return what stands for it where a function reaches it or is given it."""
        mappings = (self.input_mapping, self.output_mapping)
        return self.pipeline, mappings, self.map_over, self.map_mode

    def __call__(self, /, **inputs: Any) -> dict[str, Any]:
        """Run it alone and return its visible outputs by outer name."""
        return self.pipeline.run_alone(self, inputs)

    def __repr__(self) -> str:
        mapped = f", map_over={self.map_over!r}" if self.map_over else ""
        return (
            f"NestedNode(name={self.name!r}, output_name={self.output_name!r}, "
            f"root_args={self.root_args!r}{mapped})"
        )

    @property
    def _producible(self) -> set[str]:
        return set(self.pipeline.graph.available_output_names)

    def _check_mappings(self) -> None:
        """Refuse names that are not there, and two names that become one."""
        title = f"nested pipeline {self.name!r}"
        outputs = self._producible
        inputs = outputs.union(self.pipeline.graph.root_args)
        for inner in self.input_mapping.values():
            _check_name(f"input_mapping of {title}: {inner!r} is not an input in it", inner, inputs)
        for inner in self.output_mapping:
            _check_name(
                f"output_mapping of {title}: {inner!r} is not an output in it", inner, outputs
            )
        _refuse_twins(f"input_mapping of {title}", self.input_mapping)
        _refuse_twins(f"output_mapping of {title}", self.output_mapping)
        for outer in self.map_over:
            message = f"cannot map over {outer!r}: not an input of {title}"
            _check_name(message, outer, self.wiring.values())


def check_map_mode(mode: str) -> MapMode:
    """Return *mode* if there is such a mode.

    Raises:
        PlanError: There is none.
    """
    if mode not in MAP_MODES:
        msg = f"unknown map_mode {mode!r}; use 'zip' or 'product'"
        raise PlanError(msg)
    return mode  # type: ignore[return-value]  # narrowed by the check above


def _check_name(message: str, name: str, known: Any) -> None:
    if name not in known:
        msg = f"{message}{did_you_mean(name, known)}"
        raise DependencyError(msg)


def _refuse_twins(where: str, mapping: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for key, value in mapping.items():
        if value in seen:
            both = f"{seen[value]!r} and {key!r}"
            msg = f"{where} maps both {both} to {value!r}; map each to its own name"
            raise DependencyError(msg)
        seen[value] = key
