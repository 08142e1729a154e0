"""A plan as Python source: one line per step, loops for mapped pipelines.

Decides how the source looks; `_program` compiles and runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from hypernodes.errors import PlanError
from hypernodes.execution._errors import add_note
from hypernodes.execution._policy import prepared_call
from hypernodes.execution._step import match_outputs
from hypernodes.graph import DualNode, Node
from hypernodes.plan import Nested, Plan, Step
from hypernodes.values import expand_columns

#: Loops within loops that Python compiles; the function itself takes one.
MOST_LOOPS: Final = 18
#: The list of finished items in the outermost loop.
DONE: Final = "done"


class Writer:
    """Source in the making: lines, what their names stand for, which step a line is."""

    def __init__(self) -> None:
        self.source: list[str] = []
        self.scope: dict[str, Any] = {}
        self.steps: dict[int, tuple[Step, tuple[str, ...]]] = {}
        self.plain: dict[str, Step] = {}
        self.lists: list[str] = []
        self._passed_through: set[str] = set()
        self._indent = ""
        self._number = 0

    def line(self, text: str) -> None:
        """Add one line."""
        self.source.append(self._indent + text)

    def open(self, text: str) -> None:
        """Add the first line of a block."""
        self.line(text)
        self._indent += " "

    def close(self) -> None:
        """End a block."""
        self._indent = self._indent[:-1]

    def begin_items(self) -> None:
        """Write what comes before the loop over items."""

    def begin_item(self, inputs: str) -> None:
        """Write what comes before the steps of an item; *inputs* is the source of a dict."""

    def end_item(self, outputs: str) -> None:
        """Write what comes after the steps of an item; *outputs* is the source of a dict."""
        self.line(f"{DONE}.append({outputs})")

    def level(self, plan: Plan, slots: Mapping[str, str]) -> dict[str, str]:
        """Write all steps of *plan*; return {value name: variable}."""
        found = dict(slots)
        for step in plan.steps:
            if step.nested is None:
                self.call(step, found)
            elif step.nested.map_over:
                self._loop(step, step.nested, found)
            else:
                inner = self._inside(step.nested, found)
                inside = self.level(step.nested.plan, inner)
                results = {outer: inside[name] for name, outer in step.nested.results}
                self._passed_through.update(set(inner.values()).intersection(results.values()))
                found.update(results)
            self._release(plan.releases[step.index], found)
        return found

    def _release(self, names: Sequence[str], found: Mapping[str, str]) -> None:
        """Let go of values that nobody needs any more."""
        # one that goes by two names may be needed under the other
        done = [found[name] for name in names if found[name] not in self._passed_through]
        if done:
            self.line(f"{' = '.join(done)} = None")

    def call(self, step: Step, found: dict[str, str]) -> None:
        """Write the call of one function."""
        node = step.node
        if node is None:
            return
        function = self.name("f", prepared_call(node))
        if not node.is_async:
            self.plain[function] = step
        given = [
            found[name] if position < step.positional else f"{parameter}={found[name]}"
            for position, (parameter, name) in enumerate(step.arguments)
        ]
        targets = []
        for name in step.writes:
            variable = self.name("v")
            targets.append(variable)
            if name is not None:
                found[name] = variable
        call = f"{function}({', '.join(given)})"
        if node.is_async:
            call = f"(await {call})"
        if isinstance(node, Node | DualNode) and not isinstance(node.output_name, str):
            call = f"{self.name('m', _matcher(step))}({call})"
            targets.append("")
        self.step(step, f"{', '.join(targets).strip()} = {call}")

    def _loop(self, step: Step, nested: Nested, found: dict[str, str]) -> None:
        """Write the loop of a mapped pipeline; its results are lists."""
        inner = self._inside(nested, found)
        mapped = [found[name] for name in nested.map_over]
        expand = self.name("x", _expander(step, nested))
        items, done = self.name("n"), self.name("d")
        self.step(step, f"{items} = {expand}({', '.join(mapped)})")
        self.line(f"{done} = []")
        variables = [self.name("i") for _ in nested.map_over]
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
            found[outer] = self.name("v")
            self.line(f"{found[outer]} = [each[{position}] for each in {done}]")

    def _inside(self, nested: Nested, found: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that a nested pipeline begins with."""
        slots = {name: self.name("b", value) for name, value in nested.bound.items()}
        slots.update({name: found[outer] for name, outer in nested.wiring})
        return slots

    def step(self, step: Step, text: str) -> None:
        """Add the line that stands for *step* in tracebacks."""
        self.line(text)
        self.steps[len(self.source)] = (step, tuple(self.lists))

    def name(self, kind: str, *value: Any) -> str:
        """Return a new variable; one for *value* where there is one."""
        self._number += 1
        name = f"{kind}{self._number}"
        if value:
            self.scope[name] = value[0]
        return name


def dict_of(found: Mapping[str, str], outputs: Sequence[str]) -> str:
    """Return the source of a dict of values by name."""
    return "{" + ", ".join(f"{name!r}: {found[name]}" for name in outputs) + "}"


def _matcher(step: Step) -> Callable[[Any], tuple[Any, ...]]:
    return lambda result: match_outputs(step, result)


def _expander(step: Step, nested: Nested) -> Callable[..., Any]:
    """Return what gives the items of a mapped pipeline, one value or tuple each."""
    over, mode = nested.map_over, nested.map_mode

    def expand(*values: Any) -> Iterator[Any] | list[Any]:
        if len(values) == 1 and type(values[0]) is list:
            # a new one: functions inside may change the one they are given
            return list(values[0])
        try:
            _, columns = expand_columns(dict(zip(over, values, strict=True)), over, mode)
        except PlanError as error:
            add_note(error, f"while mapping over the items of nested pipeline {step.name!r}")
            raise
        return zip(*columns.values(), strict=True) if len(over) > 1 else columns[over[0]]

    return expand
