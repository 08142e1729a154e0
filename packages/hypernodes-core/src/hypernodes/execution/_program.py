"""A plan as one Python function: the loop you would write yourself.

Where nothing is cached and nobody observes, carrying out a plan is calling
functions in order, and the fastest and plainest way to say so is Python
source.  A pipeline of two functions with a mapped pipeline inside becomes::

    def many(done, items, corpus):
        for passage in items:
            v0 = f0(passage)
            d1 = []
            for word in expand1(v0):
                v2 = f2(word, corpus)
                d1.append(v2)
            v3 = d1
            done.append({'words': v0, 'scores': v3})

Items go through one after another, exactly as a run of each would, so a
failure stops everything at once.  Each step has a line of its own: where an
exception came from is read from its traceback, and the loop pays nothing for
it.  This module decides how the source looks; when it may be used instead of
`_chunk` is decided in `_direct`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from types import CodeType, TracebackType
from typing import Any, Final

from hypernodes.errors import ExecutionError, PlanError
from hypernodes.execution._errors import Failure, add_note, annotate
from hypernodes.execution._policy import prepared_call
from hypernodes.execution._step import match_outputs, refuse_coroutine
from hypernodes.graph import DualNode, Node
from hypernodes.plan import Nested, Plan, Step
from hypernodes.values import expand_columns

#: Loops within loops that Python compiles; the function itself takes one.
MOST_LOOPS: Final = 18
_DONE: Final = "done"


class Program:
    """The functions that carry out *plan*, made when they are first needed.

    Any thread may use one program at any time; it keeps nothing of a run.

    Args:
        plan: Functions and nested pipelines only, no coroutines.

    Attributes:
        reads: The names of the values that it takes, in order.
    """

    def __init__(self, plan: Plan) -> None:
        self.reads: Final = tuple(sorted(plan.reads))
        self._plan = plan
        self._one: Callable[..., Any] | None = None
        self._many: dict[tuple[str, ...], Callable[..., None]] = {}
        self._lines: dict[CodeType, dict[int, tuple[Step, tuple[str, ...]]]] = {}

    def run(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the outputs for *values*, which stand for `reads` in order.

        Raises:
            Exception: Whatever a function raised, with a note where it happened.
        """
        one = self._one or self._make_one()
        try:
            found: dict[str, Any] = one(*values)
        except Exception as error:
            self._annotate(error)
            raise
        return found

    def map(
        self,
        columns: Mapping[str, Sequence[Any]],
        constants: Mapping[str, Any],
        count: int,
        first: int | None,
        collects: bool = False,
    ) -> tuple[list[Any], Failure | None]:
        """Return the outputs of each item, up to the first that fails, and its failure.

        Args:
            columns: Values by name, one per item.
            constants: Values by name, the same for all items.
            count: The number of items.
            first: The number of the first item, for messages; None where it
                is not one of a map.
            collects: Go on after a failure, which then stands in the place of
                the outputs.
        """
        names = tuple(columns)
        many = self._many.get(names) or self._make_many(names)
        done: list[Any] = []
        fixed = [constants[name] for name in self.reads if name not in columns]
        items: Any = range(count)
        if columns:
            items = zip(*columns.values(), strict=True) if len(names) > 1 else columns[names[0]]
        # an iterator goes on behind the item that failed
        items = iter(items)
        while True:
            try:
                many(done, items, *fixed)
            except Exception as error:
                path = self._annotate(error, first)
                failure = Failure(error, None if first is None else first + len(done), path)
                if not collects:
                    return done, failure
                done.append(failure)
            else:
                return done, None if first is None else self._refuse_coroutines(done, first)

    def _refuse_coroutines(self, done: Sequence[Any], first: int) -> Failure | None:
        """Return a failure where a plain function returned what nobody awaits; looks once."""
        outputs = done[0] if done and type(done[0]) is dict else {}
        for name, value in outputs.items():
            step = self._plan.producers.get(name)
            try:
                refuse_coroutine(step, value) if step is not None else None
            except ExecutionError as error:
                return Failure(error, first, step.path if step is not None else "")
        return None

    def coroutine(self, values: Sequence[Any]) -> Coroutine[Any, Any, dict[str, Any]]:
        """Return the coroutine of one item, for a plan whose functions are awaited in turn."""
        one = self._one or self._make_one()
        return one(*values)  # type: ignore[no-any-return]  # what exec made

    def locate(self, error: Exception, item: int | None) -> str:
        """Note on *error* where a `coroutine` raised it; return the path of the step."""
        return self._annotate(error, item, is_one=True)

    def _make_one(self) -> Callable[..., Any]:
        writer = _Writer(self._plan)
        slots = {name: f"i{number}" for number, name in enumerate(self.reads)}
        kind = "async def" if self._plan.is_async else "def"
        writer.open(f"{kind} one({', '.join(slots.values())}):")
        found = writer.level(self._plan, slots)
        writer.line(f"return {_dict_of(found, self._plan.outputs)}")
        self._one = self._compile(writer, "one")
        return self._one

    def _make_many(self, names: tuple[str, ...]) -> Callable[..., None]:
        writer = _Writer(self._plan)
        slots = {name: f"i{number}" for number, name in enumerate(self.reads)}
        fixed = [slot for name, slot in slots.items() if name not in names]
        writer.open(f"def many({', '.join([_DONE, 'items', *fixed])}):")
        writer.line(f"append = {_DONE}.append")
        writer.open(f"for {', '.join(slots[name] for name in names) or '_'} in items:")
        writer.lists.append(_DONE)
        found = writer.level(self._plan, slots)
        writer.line(f"append({_dict_of(found, self._plan.outputs)})")
        self._many[names] = many = self._compile(writer, "many")
        return many

    def _compile(self, writer: _Writer, name: str) -> Callable[..., Any]:
        code = compile("\n".join(writer.source), f"<{name} of {self._plan.pipeline_id}>", "exec")
        exec(code, writer.scope)
        function: Any = writer.scope[name]
        self._lines[function.__code__] = writer.steps
        return function  # type: ignore[no-any-return]  # what exec made

    def _annotate(self, error: Exception, first: int | None = None, is_one: bool = False) -> str:
        """Note on *error* which step raised it, for which items; return its path."""
        trace: TracebackType | None = error.__traceback__
        while trace is not None and trace.tb_frame.f_code not in self._lines:
            trace = trace.tb_next
        if trace is None:
            return ""
        step, lists = self._lines[trace.tb_frame.f_code][trace.tb_lineno]
        local = trace.tb_frame.f_locals
        items = [len(local[name]) for name in lists]
        if is_one and first is not None:
            items.insert(0, first)
        elif lists and lists[0] == _DONE:
            items[:1] = () if first is None else (first + items[0],)
        annotate(error, step.name, step.path, tuple(items))
        return step.path


class _Writer:
    """Source in the making: lines, what their names stand for, which step a line is."""

    def __init__(self, plan: Plan) -> None:
        self.source: list[str] = []
        self.scope: dict[str, Any] = {}
        self.steps: dict[int, tuple[Step, tuple[str, ...]]] = {}
        self.lists: list[str] = []
        self._indent = ""
        self._number = 0

    def line(self, text: str) -> None:
        self.source.append(self._indent + text)

    def open(self, text: str) -> None:
        self.line(text)
        self._indent += " "

    def close(self) -> None:
        self._indent = self._indent[:-1]

    def level(self, plan: Plan, slots: Mapping[str, str]) -> dict[str, str]:
        """Write all steps of *plan*; return {value name: variable}."""
        found = dict(slots)
        for step in plan.steps:
            if step.nested is None:
                self._call(step, found)
            elif step.nested.map_over:
                self._loop(step, step.nested, found)
            else:
                inner = self._inside(step.nested, found)
                inside = self.level(step.nested.plan, inner)
                found.update({outer: inside[name] for name, outer in step.nested.results})
        return found

    def _call(self, step: Step, found: dict[str, str]) -> None:
        node = step.node
        if node is None:
            return
        function = self._name("f", prepared_call(node))
        given = [
            found[name] if position < step.positional else f"{parameter}={found[name]}"
            for position, (parameter, name) in enumerate(step.arguments)
        ]
        targets = []
        for name in step.writes:
            variable = self._name("v")
            targets.append(variable)
            if name is not None:
                found[name] = variable
        call = f"{function}({', '.join(given)})"
        if node.is_async:
            call = f"(await {call})"
        if isinstance(node, Node | DualNode) and not isinstance(node.output_name, str):
            call = f"{self._name('m', _matcher(step))}({call})"
            targets.append("")
        self._step(step, f"{', '.join(targets).strip()} = {call}")

    def _loop(self, step: Step, nested: Nested, found: dict[str, str]) -> None:
        """Write the loop of a mapped pipeline; its results are lists."""
        inner = self._inside(nested, found)
        mapped = [found[name] for name in nested.map_over]
        expand = self._name("x", _expander(step, nested))
        items, done = self._name("n"), self._name("d")
        self._step(step, f"{items} = {expand}({', '.join(mapped)})")
        self.line(f"{done} = []")
        variables = [self._name("i") for _ in nested.map_over]
        for outer, variable in zip(nested.map_over, variables, strict=True):
            for name, wire in nested.wiring:
                if wire == outer:
                    inner[name] = variable
        self.open(f"for {', '.join(variables)} in {items}:")
        self.lists.append(done)
        inside = self.level(nested.plan, inner)
        names = [inside[name] for name, _ in nested.results]
        self.line(f"{done}.append({names[0] if len(names) == 1 else '(' + ', '.join(names) + ')'})")
        self.close()
        self.lists.pop()
        self._unzip(nested, done, found)

    def _unzip(self, nested: Nested, done: str, found: dict[str, str]) -> None:
        if len(nested.results) == 1:
            found[nested.results[0][1]] = done
            return
        for position, (_, outer) in enumerate(nested.results):
            found[outer] = self._name("v")
            self.line(f"{found[outer]} = [each[{position}] for each in {done}]")

    def _inside(self, nested: Nested, found: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that a nested pipeline begins with."""
        slots = {name: self._name("b", value) for name, value in nested.bound.items()}
        slots.update({name: found[outer] for name, outer in nested.wiring})
        return slots

    def _step(self, step: Step, text: str) -> None:
        self.line(text)
        self.steps[len(self.source)] = (step, tuple(self.lists))

    def _name(self, kind: str, *value: Any) -> str:
        """Return a new variable; one for *value* where there is one."""
        self._number += 1
        name = f"{kind}{self._number}"
        if value:
            self.scope[name] = value[0]
        return name


def _dict_of(found: Mapping[str, str], outputs: Sequence[str]) -> str:
    return "{" + ", ".join(f"{name!r}: {found[name]}" for name in outputs) + "}"


def _matcher(step: Step) -> Callable[[Any], tuple[Any, ...]]:
    return lambda result: match_outputs(step, result)


def _expander(step: Step, nested: Nested) -> Callable[..., Any]:
    """Return what gives the items of a mapped pipeline, one value or tuple each."""
    over, mode = nested.map_over, nested.map_mode

    def expand(*values: Any) -> Iterator[Any] | list[Any]:
        try:
            _, columns = expand_columns(dict(zip(over, values, strict=True)), over, mode)
        except PlanError as error:
            add_note(error, f"while mapping over the items of nested pipeline {step.name!r}")
            raise
        return zip(*columns.values(), strict=True) if len(over) > 1 else columns[over[0]]

    return expand
