"""Random pipelines, carried out in every way there is: the same results, calls and failures.

A pipeline is drawn level by level: functions with one or two outputs, defaults
and keyword-only parameters, pipelines in pipelines, mapped or not, renamed or
bound.  What a function returns depends on what it is given alone, so two ways
that differ in anything differ in what they return, call or raise.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernodes import AsyncEngine, MemoryCache, Node, Pipeline, PipelineCallback, SeqEngine
from hypernodes.hookspecs import hookimpl
from hypernodes.plugins import manager

Calls = list[tuple[str, tuple[Any, ...]]]
Outcome = tuple[Any, ...]
_ERRORS = (ValueError, KeyError, StopIteration, ZeroDivisionError, LookupError)


class Silent(PipelineCallback):
    """Is told of every function, and does nothing."""

    def on_node_start(self, *args: Any) -> None:
        """Do nothing."""


class Everything(Silent):
    """Takes the records too."""

    def on_event(self, *args: Any) -> None:
        """Do nothing."""


class Plugin:
    """Observes every step."""

    @hookimpl
    def hypernodes_step_started(self, run: Any) -> None:
        """Do nothing."""


class Around(Plugin):
    """Could carry out every step, so that nothing goes by a shorter way."""

    @hookimpl
    def hypernodes_execute_step(self, step: Any) -> None:
        """Leave it to others."""


class Plugged(SeqEngine):
    """Runs beside a plugin that observes."""

    plugin: type[Plugin] = Plugin

    def run(self, *args: Any, **options: Any) -> Any:
        """Run with the plugin."""
        with _plugged(self.plugin()):
            return super().run(*args, **options)

    def map(self, *args: Any, **options: Any) -> Any:
        """Map with the plugin."""
        with _plugged(self.plugin()):
            return super().map(*args, **options)


class Watched(Plugged):
    """Goes the long way, past every observer there is."""

    plugin = Around


@contextlib.contextmanager
def _plugged(plugin: Plugin) -> Iterator[None]:
    manager().register(plugin, "watching")
    try:
        yield
    finally:
        manager().unregister("watching")


@attrs.define
class Drawing:
    """One pipeline in the making.

    Attributes:
        draw: Draws from Hypothesis.
        may_fail: Whether functions raise for some values.
        may_wait: Whether some functions are coroutine functions.
        calls: Every call of a function, in order.
    """

    draw: Any
    may_fail: bool = False
    may_wait: bool = False
    calls: Calls = attrs.field(factory=list)
    numbers: Iterator[int] = attrs.field(factory=itertools.count)

    def level(self, kinds: dict[str, str], depth: int) -> tuple[list[Any], dict[str, str]]:
        """Return nodes that read *kinds*, names to ``"one"`` or ``"many"``, and what they make."""
        known, made, nodes = dict(kinds), dict[str, str](), []
        for _ in range(self.draw(st.integers(1, 4))):
            is_nested = depth > 0 and self.draw(st.booleans())
            each, outputs = self.nested(known, depth - 1) if is_nested else self.function(known)
            nodes.append(each)
            known |= outputs
            made |= outputs
        return nodes, made

    def function(self, known: dict[str, str]) -> tuple[Node[..., Any], dict[str, str]]:
        """Return one function, and what it makes."""
        name = f"f{next(self.numbers)}"
        reads = self.draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True))
        split = self.draw(st.integers(0, len(reads)))
        parameters = [*reads[:split], *(["*"] if split < len(reads) else []), *reads[split:]]
        if self.draw(st.booleans()):
            option = self.draw(st.sampled_from(["option", "other"]))
            parameters += [f"{option}=7"] if split < len(reads) or self.draw(st.booleans()) else []
            parameters += [] if parameters and parameters[-1] == f"{option}=7" else ["*", "last=2"]
        outputs = {f"{name}_one": "one", f"{name}_many": "many"}
        kept = self.draw(st.sampled_from([[0], [1], [0, 1]]))
        outputs = {key: kind for n, (key, kind) in enumerate(outputs.items()) if n in kept}
        takes = [each.partition("=")[0] for each in parameters if each != "*"]
        is_async = self.may_wait and self.draw(st.booleans())
        scope: dict[str, Any] = {"work": self.work(name, kept), "pause": _pause}
        head = f"{'async ' if is_async else ''}def {name}({', '.join(parameters)}):"
        pause = f"await pause({self.draw(st.integers(0, 3))}); " if is_async else ""
        exec(f"{head} {pause}return work({', '.join(takes)})", scope)
        names = tuple(outputs) if len(outputs) > 1 else next(iter(outputs))
        return Node(scope[name], names), outputs

    def work(self, name: str, kept: list[int]) -> Callable[..., Any]:
        """Return what a function does with its arguments."""
        modulus, rest = self.draw(st.integers(2, 6)), self.draw(st.integers(0, 5))
        fails = self.may_fail and self.draw(st.booleans())
        error = self.draw(st.sampled_from(_ERRORS))

        def work(*given: Any) -> Any:
            self.calls.append((name, given))
            total = sum(_flat(given)) + len(name)
            if fails and total % modulus == rest:
                msg = f"{name}: {total}"
                raise error(msg)
            made = (total, [total % 5 + n for n in range(total % 4)])
            return [made[n] for n in kept] if len(kept) > 1 else made[kept[0]]

        return work

    def nested(self, known: dict[str, str], depth: int) -> tuple[Any, dict[str, str]]:
        """Return a pipeline as a node, and what it makes."""
        inner_names = {name: self.draw(st.sampled_from([name, f"in_{name}"])) for name in known}
        nodes, made = self.level({inner: known[name] for name, inner in inner_names.items()}, depth)
        inner = Pipeline(nodes, name=self.draw(st.sampled_from([None, "one", "two"])))
        needed = {inner: name for name, inner in inner_names.items()}
        free = {needed[each]: each for each in inner.graph.root_args if each in needed}
        if free and self.draw(st.booleans()):
            bound = self.draw(st.sampled_from(sorted(free)))
            inner.bind(**{free.pop(bound): 3})
        lists = sorted(name for name in free if known[name] == "many")
        over = self.draw(st.lists(st.sampled_from(lists), max_size=2, unique=True)) if lists else []
        mode = self.draw(st.sampled_from(["zip", "product"]))
        renamed = {each: f"{each}_out" for each in made} if self.draw(st.booleans()) else {}
        wired = {name: each for name, each in free.items() if name != each}
        node = inner.as_node(wired, renamed, map_over=over or None, map_mode=mode)
        outputs = {renamed.get(each, each): kind for each, kind in made.items()}
        return node, dict.fromkeys(outputs, "many") if over else outputs


async def _pause(turns: int) -> None:
    """Let other coroutines go on, so many times."""
    for _ in range(turns):
        await asyncio.sleep(0)


def _flat(value: Any) -> Iterator[int]:
    """Yield every number in nested lists."""
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _flat(each)
    else:
        yield value


def _outcome(call: Callable[[], Any]) -> Outcome:
    """Return the result of *call* with the order of its keys, or what it raised."""
    try:
        result = call()
    except Exception as error:
        return type(error), str(error), getattr(error, "__notes__", None)
    rows = [result] if isinstance(result, dict) else result
    return type(result), [[(key, repr(value)) for key, value in row.items()] for row in rows]


def _agree(drawing: Drawing, call: Callable[[Any], Any], engines: Iterable[Any]) -> None:
    """Check that *call* comes to the same with every engine, call by call."""
    found = []
    for engine in engines:
        drawing.calls.clear()
        found.append((_outcome(lambda engine=engine: call(engine)), list(drawing.calls)))
    assert all(each == found[0] for each in found[1:])


@st.composite
def _requests(draw: st.DrawFn, **options: bool) -> tuple[Drawing, Pipeline, dict[str, Any]]:
    """Draw a pipeline, and what a run of it is asked for."""
    drawing = Drawing(draw, **options)
    nodes, made = drawing.level({"x": "one", "y": "one", "items": "many"}, depth=2)
    pipeline = Pipeline(nodes)
    if draw(st.booleans()):
        pipeline.bind(y=draw(st.integers(0, 3)))
    values = {"x": draw(st.integers(0, 5)), "items": [1, 2]}
    options_given = draw(st.dictionaries(st.sampled_from(["option", "last"]), st.integers(0, 3)))
    given_outputs = draw(st.lists(st.sampled_from(sorted(made)), max_size=1))
    values |= {name: 4 if made[name] == "one" else [5, 6] for name in given_outputs}
    if "y" not in pipeline.bound_inputs:
        values["y"] = 1
    wanted = draw(st.none() | st.lists(st.sampled_from(sorted(made)), min_size=1, unique=True))
    if wanted and len(wanted) == 1 and draw(st.booleans()):
        wanted = wanted[0]
    return drawing, pipeline, {"inputs": values | options_given, "output_name": wanted}


def _in_turn() -> list[Any]:
    """Return engines: a first run, a second and a third, observed in several ways, on a loop."""
    plain = SeqEngine()
    return [
        SeqEngine(callbacks=[Everything()]),
        plain,
        plain,
        plain,
        SeqEngine(callbacks=[Silent()]),
        AsyncEngine(),
        plain,
        Watched(callbacks=[Everything()]),
        Plugged(),
    ]


@given(_requests())
@settings(max_examples=60, deadline=None)
def test_every_way_of_running_gives_the_same(request: Any) -> None:
    """One run: values, order of keys and order of calls are the same in every way."""
    drawing, pipeline, asked = request
    _agree(drawing, lambda engine: pipeline.run(**asked, engine=engine), _in_turn())


@given(_requests(may_fail=True))
@settings(max_examples=60, deadline=None)
def test_every_way_of_running_fails_the_same(request: Any) -> None:
    """One run: the same exception with the same message and notes, after the same calls."""
    drawing, pipeline, asked = request
    engines = [each for each in _in_turn() if not isinstance(each, AsyncEngine)]
    _agree(drawing, lambda engine: pipeline.run(**asked, engine=engine), engines)


@given(_requests(may_fail=True), st.integers(0, 12), st.sampled_from(["zip", "product"]), st.data())
@settings(max_examples=60, deadline=None)
def test_every_way_of_mapping_gives_the_same(
    request: Any, count: int, mode: Any, data: st.DataObject
) -> None:
    """A map: values, keys, calls, and the failure of the lowest item are the same in every way."""
    drawing, pipeline, asked = request
    over = data.draw(st.lists(st.sampled_from(["x", "y"]), min_size=1, unique=True))
    asked["inputs"] |= {name: list(range(count)) for name in over}

    def call(engine: Any) -> Any:
        return pipeline.map(**asked, map_over=over, map_mode=mode, engine=engine)

    if "items" in asked["inputs"]:
        _agree(drawing, call, _in_turn())


@given(_requests(may_fail=True), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_every_way_of_collecting_gives_the_same(request: Any, count: int) -> None:
    """Collected failures are the same too, and finished items keep their results."""
    drawing, pipeline, asked = request
    asked["inputs"]["x"] = list(range(count))

    def call(engine: Any) -> Any:
        results = pipeline.map(**asked, map_over="x", on_error="collect", engine=engine)
        return [
            each if isinstance(each, dict) else {each.path: (each.item, each.error, each.inputs)}
            for each in results
        ]

    _agree(drawing, call, _in_turn())


@given(_requests(may_fail=True, may_wait=True), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_overlapping_changes_no_result(request: Any, count: int) -> None:
    """Coroutine functions side by side: results and the failure that counts stay the same."""
    _, pipeline, asked = request
    one = [
        _outcome(lambda engine=engine: pipeline.run(**asked, engine=engine))
        for engine in (SeqEngine(), AsyncEngine(), AsyncEngine(2), AsyncEngine(threads=True))
    ]
    asked["inputs"] |= {"x": list(range(count))}
    many = [
        _outcome(lambda engine=engine: pipeline.map(**asked, map_over="x", engine=engine))
        for engine in (SeqEngine(), AsyncEngine(), AsyncEngine(2, callbacks=[Silent()]))
    ]
    assert one == [one[0]] * len(one)
    assert many == [many[0]] * len(many)


@given(_requests(may_fail=True), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_cache_changes_no_result(request: Any, count: int) -> None:
    """With a cache, cold and warm, results and failures are those without one."""
    _, pipeline, asked = request
    asked["inputs"]["x"] = list(range(count))
    cached = SeqEngine(cache=MemoryCache())
    engines = [SeqEngine(), cached, cached, AsyncEngine(cache=MemoryCache()), cached]
    with warnings.catch_warnings():
        # functions made by exec have no source to be identified by
        warnings.simplefilter("ignore")
        found = [
            _outcome(lambda engine=engine: pipeline.map(**asked, map_over="x", engine=engine))
            for engine in engines
        ]
    assert found == [found[0]] * len(found)
