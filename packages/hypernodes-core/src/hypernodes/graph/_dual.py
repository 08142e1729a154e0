"""Nodes with two bodies: one for a single item, one for a whole batch."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from hypernodes.errors import NodeDefinitionError
from hypernodes.graph._node import OutputName, read_output_name
from hypernodes.graph._parameters import Parameter, callable_name, is_async, read_parameters
from hypernodes.graph._policy import CallPolicy, RateOption, RetryOption, read_policy
from hypernodes.graph._resources import Resources, read_resources
from hypernodes.hashing import CodeIdentity, TrackedCode, track_code

_SUFFIXES: Final = ("_singular", "_single", "_one")


class DualNode:
    """A node that ``run`` calls once per value and ``map`` once per batch.

    In a map, mapped parameters and upstream results reach *batch* as
    ``pyarrow.Array``, constants as themselves; it returns a
    ``pyarrow.Array``, list or numpy array of the same length.  Both bodies
    must agree: results are cached under one key.

    Args:
        output_name: The name of the output, or one name per returned value.
        singular: Called by ``run`` with plain values.
        batch: Called by ``map`` with columns; it takes the parameters of
            *singular*, by name where the names agree, else by position.
        cache: Whether engines may cache its results.
        retry: As in `node`; a batch is called again as a whole.
        timeout: The seconds that one attempt may take, of a value or a batch.
        rate_limit: As in `node`; a batch counts as one call.
        gpus: As in `node`.
        cpus: As in `node`.
        use_process: As in `node`.
        max_concurrency: As in `node`.

    Attributes:
        name: The name of *singular* without a trailing ``_singular``,
            ``_one`` or ``_single``.
        is_async: Whether calling *singular* gives a coroutine.
        is_batch_async: Whether calling *batch* does.
        policy: How engines call both bodies; None where nothing is asked for.
        resources: What both need; None where nothing is asked for.

    Raises:
        ImportError: pyarrow is not installed.
        NodeDefinitionError: The two bodies take different numbers of
            parameters, or one cannot be wired by names; or one of the
            other options makes no sense.
    """

    def __init__(  # noqa: PLR0913 - users write them by name, each where it is wanted
        self,
        output_name: str | Sequence[str],
        singular: Callable[..., Any],
        batch: Callable[..., Any],
        cache: bool = True,
        *,
        retry: RetryOption | None = None,
        timeout: float | None = None,
        rate_limit: RateOption | None = None,
        gpus: float = 0,
        cpus: float | None = None,
        use_process: bool | None = None,
        max_concurrency: int | None = None,
    ) -> None:
        if importlib.util.find_spec("pyarrow") is None:
            msg = (
                "DualNode batch execution requires 'pyarrow'; run: pip install 'hypernodes[batch]'"
            )
            raise ImportError(msg)
        self.singular = singular
        self.batch = batch
        self.cache = cache
        self.name: str = _strip_suffix(callable_name(singular))
        self.output_name: OutputName = read_output_name(self.name, output_name)
        self.parameters: tuple[Parameter, ...] = read_parameters(singular)
        self.batch_parameters: dict[str, str] = _match_batch(
            self.name, self.parameters, read_parameters(batch)
        )
        self.is_async: bool = is_async(singular)
        self.is_batch_async: bool = is_async(batch)
        self.policy: CallPolicy | None = read_policy(retry, timeout, rate_limit)
        self.resources: Resources | None = read_resources(gpus, cpus, use_process, max_concurrency)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output names, always as a tuple."""
        return (self.output_name,) if isinstance(self.output_name, str) else self.output_name

    @property
    def root_args(self) -> tuple[str, ...]:
        """The parameter names of *singular*, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def code(self) -> CodeIdentity:
        """What calling either body does, as of this run."""
        one, many = (body.current() for body in self._tracked)
        return attrs.evolve(
            one,
            digest=hashlib.sha256(b"dual" + one.digest + many.digest).digest(),
            libraries=one.libraries | many.libraries,
            account=one.account.joined(many.account),
        )

    @property
    def code_hash(self) -> str:
        """64 hex digits that change when the code of either body does."""
        return self.code.digest.hex()

    @functools.cached_property
    def _tracked(self) -> tuple[TrackedCode, TrackedCode]:
        return track_code(self.singular), track_code(self.batch)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was found about the code: another process looks for itself."""
        return {name: value for name, value in vars(self).items() if name != "_tracked"}

    def __hypernodes_key__(self) -> Any:
        """Return what stands for it where a function reaches it or is given it."""
        return self.singular, self.batch, self.output_name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call *singular*, once: only engines follow the policy."""
        return self.singular(*args, **kwargs)

    def __repr__(self) -> str:
        wires = f"output_name={self.output_name!r}, root_args={self.root_args!r}"
        return f"DualNode(name={self.name!r}, {wires})"


def _strip_suffix(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and name != suffix:
            return name.removesuffix(suffix)
    return name


def _match_batch(
    name: str, singular: tuple[Parameter, ...], batch: tuple[Parameter, ...]
) -> dict[str, str]:
    """Return {parameter of singular: parameter of batch}."""
    if len(singular) != len(batch):
        one, many = (", ".join(p.name for p in side) for side in (singular, batch))
        msg = f"both bodies of {name!r} must take the same parameters: ({one}) and ({many})"
        raise NodeDefinitionError(msg)
    if {p.name for p in singular} == {p.name for p in batch}:
        return {p.name: p.name for p in singular}
    return {one.name: many.name for one, many in zip(singular, batch, strict=True)}
