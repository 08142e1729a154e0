"""Functions as nodes: `node` in every spelling, and the `Node` it makes.

A node adds three things to a function: the names of its outputs, the names of
its inputs, and whether its results may be cached.  Calling it calls the
function, so a node is tested as what it is.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, overload

from hypernodes.errors import NodeDefinitionError
from hypernodes.graph._parameters import Parameter, callable_name, is_async, read_parameters
from hypernodes.graph._policy import CallPolicy, RateOption, RetryOption, read_policy
from hypernodes.graph._resources import Resources, read_resources
from hypernodes.hashing import CodeIdentity, CodeOptions, TrackedCode, track_code

P = ParamSpec("P")
R = TypeVar("R")
OutputName = str | tuple[str, ...]


class Node(Generic[P, R]):
    """A function with named inputs and outputs.

    Args:
        func: Any callable whose parameters all have names: a function, a
            coroutine function, a lambda, a bound method, a partial, an object
            with ``__call__``.
        output_name: The name of its output, or one name per returned value;
            by default the function's own name.
        cache: Whether engines may cache its results.
        options: What the user says about its code.
        policy: When engines call it again, give it up or make it wait.
        resources: What it needs where it is called.

    Attributes:
        name: The function's ``__name__``.
        func: The function.
        output_name: As given: a string or a tuple.
        outputs: The same, always as a tuple.
        cache: Writable; read when a run starts.
        root_args: The parameter names, in order.
        parameters: The parameters themselves.
        is_async: Whether calling it gives a coroutine.
        policy: How engines call it; None where nothing is asked for.  It is
            no part of the code.
        resources: What engines are asked to give it; None where nothing is
            asked for.  No part of the code either.

    Raises:
        NodeDefinitionError: *func* cannot be wired by names, or an output
            name is not a name.
    """

    def __init__(
        self,
        func: Callable[P, R],
        output_name: str | Sequence[str] | None = None,
        cache: bool = True,
        options: CodeOptions | None = None,
        policy: CallPolicy | None = None,
        resources: Resources | None = None,
    ) -> None:
        # a pickled method of a class comes back through the node in the class
        func = func.func if isinstance(func, Node) else func
        _refuse_uncallable(func)
        functools.update_wrapper(self, func, updated=())
        self.name: str = callable_name(func)
        self.func: Callable[P, R] = func
        self.output_name: OutputName = read_output_name(self.name, output_name)
        self.cache = cache
        self.options: CodeOptions = options or CodeOptions()
        self.policy = policy
        self.resources = resources
        self.parameters: tuple[Parameter, ...] = read_parameters(func)
        self.is_async: bool = is_async(func)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output names, always as a tuple."""
        return (self.output_name,) if isinstance(self.output_name, str) else self.output_name

    @property
    def root_args(self) -> tuple[str, ...]:
        """The parameter names, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def code(self) -> CodeIdentity:
        """What calling it does, as of this run."""
        return self._tracked.current()

    @property
    def code_hash(self) -> str:
        """64 hex digits that change when the function's code does, or what it reaches."""
        return self.code.digest.hex()

    @property
    def _wishes(self) -> tuple[CodeOptions, CallPolicy | None, Resources | None]:
        """What a copy of it is made with, beside its function."""
        return self.options, self.policy, self.resources

    @functools.cached_property
    def _tracked(self) -> TrackedCode:
        return track_code(self.func, self.options)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, once: only engines follow the policy."""
        return self.func(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Node[..., R]:
        """Bind like a function, so that a decorated method is a node of its object."""
        bind = getattr(self.func, "__get__", None)
        if instance is None or bind is None:
            return self
        return Node(bind(instance, owner), self.output_name, self.cache, *self._wishes)

    def __hypernodes_key__(self) -> Any:
        """Return what stands for it where a function reaches it or is given it."""
        return self.func, self.output_name, self.options.version, self.options.depends_on

    def __repr__(self) -> str:
        wires = f"output_name={self.output_name!r}, root_args={self.root_args!r}"
        return f"Node(name={self.name!r}, {wires})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle an importable node by reference, any other by its function.

        A decorated function is not what its module holds under its name, so
        pickling the function itself would copy all that it refers to.  A
        method goes as the node in its class and the object.
        """
        return self.reduced()

    def reduced(self, *, by_value: bool = False) -> tuple[Any, ...]:
        """Return what pickles it; *by_value*, where others cannot import its module."""
        qualname = getattr(self, "__qualname__", "")
        found = _find_global(self.__module__, qualname)
        if found is self and not by_value:
            return (_restore_global, (self.__module__, qualname, self.cache))
        if isinstance(found, Node) and getattr(self.func, "__func__", None) is found.func:
            return (_restore_bound, (found, self.func.__self__, self.cache))  # type: ignore[attr-defined]  # a method has one
        return (Node, (self.func, self.output_name, self.cache, *self._wishes))


def _refuse_uncallable(func: object) -> None:
    if not callable(func):
        msg = f"a node needs a callable, got {type(func).__name__}"
        raise NodeDefinitionError(msg)


def read_output_name(owner: str, output_name: str | Sequence[str] | None) -> OutputName:
    """Return *output_name* checked, as a string or a tuple; *owner* by default."""
    if output_name is None:
        if not owner.isidentifier():
            msg = f"{owner} has no usable name; give it one with output_name='...'"
            raise NodeDefinitionError(msg)
        return owner
    names = [output_name] if isinstance(output_name, str) else list(output_name)
    if not names or not all(isinstance(name, str) and name for name in names):
        msg = f"output_name of {owner!r} must be a name or several names, got {output_name!r}"
        raise NodeDefinitionError(msg)
    if len(set(names)) < len(names):
        msg = f"output_name of {owner!r} repeats a name: {output_name!r}"
        raise NodeDefinitionError(msg)
    return output_name if isinstance(output_name, str) else tuple(names)


@overload
def node(
    func: Callable[P, R],
    /,
    *,
    output_name: str | Sequence[str] | None = ...,
    cache: bool = ...,
    version: str | int | None = ...,
    depends_on: Sequence[Any] = ...,
    track: Sequence[str] = ...,
    ignore: Sequence[str] = ...,
    retry: RetryOption | None = ...,
    timeout: float | None = ...,
    rate_limit: RateOption | None = ...,
    gpus: float = ...,
    cpus: float | None = ...,
    use_process: bool | None = ...,
    max_concurrency: int | None = ...,
) -> Node[P, R]: ...
@overload
def node(
    func: str | tuple[str, ...] | None = ...,
    /,
    *,
    output_name: str | Sequence[str] | None = ...,
    cache: bool = ...,
    version: str | int | None = ...,
    depends_on: Sequence[Any] = ...,
    track: Sequence[str] = ...,
    ignore: Sequence[str] = ...,
    retry: RetryOption | None = ...,
    timeout: float | None = ...,
    rate_limit: RateOption | None = ...,
    gpus: float = ...,
    cpus: float | None = ...,
    use_process: bool | None = ...,
    max_concurrency: int | None = ...,
) -> Callable[[Callable[P, R]], Node[P, R]]: ...
def node(  # noqa: PLR0913 - users write them by name, each where it is wanted
    func: Any = None,
    /,
    *,
    output_name: str | Sequence[str] | None = None,
    cache: bool = True,
    version: str | int | None = None,
    depends_on: Sequence[Any] = (),
    track: Sequence[str] = (),
    ignore: Sequence[str] = (),
    retry: RetryOption | None = None,
    timeout: float | None = None,
    rate_limit: RateOption | None = None,
    gpus: float = 0,
    cpus: float | None = None,
    use_process: bool | None = None,
    max_concurrency: int | None = None,
) -> Any:
    """Make a node of a function; works with and without arguments.

    Parameters become inputs by their names; those with defaults are optional.
    The returned node is called like the function.

    Args:
        func: The function; a string or tuple here is the output name.
        output_name: The name of the output, or a name for each returned
            value; by default the function's name.
        cache: Whether engines may cache its results.
        version: Stands for the code: what it reaches does not count, and
            only another version is another code.  Of lambdas, which share a
            name, their own code still counts.
        depends_on: Functions, classes, modules or values that count as if the
            function read them.
        track: Captured names whose contents are looked at in every run; the
            others are checked by identity.
        ignore: Names that do not count, wherever they are read.
        retry: The most attempts, a `Retry`, or either for each of several
            exception classes: ``{ConnectionError: 5, TimeoutError: Retry(2)}``.
        timeout: The seconds that one attempt may take.
        rate_limit: ``"10/s"``, ``"600/min"``, a number of calls per second,
            or a `RateLimit`; for each process by itself.
        gpus: Graphics cards that a call occupies, for engines that know them.
        cpus: Processors that a call occupies.
        use_process: Whether it is to be called in a process of its own.
        max_concurrency: How many workers call it at most.

    Returns:
        The node, or, without a function, a decorator that makes it.

    Raises:
        NodeDefinitionError: The function takes ``*args`` or ``**kwargs``, is
            a generator function; an output name is not a name; or one of
            the other options makes no sense.

    Example:
        >>> @node(output_name="word_count")
        ... def count_words(text: str) -> int:
        ...     return len(text.split())
        >>> count_words("plain to test")
        3
        >>> count_words.output_name, count_words.root_args
        ('word_count', ('text',))
    """
    options = CodeOptions(version, tuple(depends_on), tuple(track), frozenset(ignore))
    policy = read_policy(retry, timeout, rate_limit)
    resources = read_resources(gpus, cpus, use_process, max_concurrency)
    if func is None or isinstance(func, str | tuple | list):
        return functools.partial(_make_node, func or output_name, cache, options, policy, resources)
    return Node(func, output_name, cache, options, policy, resources)


def _make_node(
    output_name: str | Sequence[str] | None,
    cache: bool,
    options: CodeOptions,
    policy: CallPolicy | None,
    resources: Resources | None,
    func: Callable[P, R],
) -> Node[P, R]:
    """Make what a decorator makes; each function it decorates has a limit of its own."""
    return Node(func, output_name, cache, options, policy and policy.renew(), resources)


def _find_global(module: str | None, qualname: str) -> object:
    """Return what *qualname* means in an importable module, else None."""
    if module in {None, "__main__"}:
        return None
    found: object = sys.modules.get(module or "")
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _restore_global(module: str, qualname: str, cache: bool) -> Node[..., Any]:
    """Return the node that a module holds; a copy where its cache flag differs."""
    __import__(module)
    found = _find_global(module, qualname)
    if not isinstance(found, Node):
        msg = f"{module}.{qualname} is no longer a node; restart the process that sent it"
        raise NodeDefinitionError(msg)
    if found.cache == cache:
        return found
    return Node(found.func, found.output_name, cache, found.options, found.policy, found.resources)


def _restore_bound(found: Node[..., Any], instance: object, cache: bool) -> Node[..., Any]:
    """Return the node of a method, bound to its object again."""
    bound = found.__get__(instance)
    bound.cache = cache
    return bound
