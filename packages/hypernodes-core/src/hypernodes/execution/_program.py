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
it.  How the source looks is decided in `_source`, and when it may be used
instead of the way through `_items` in `_direct`.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import CodeType, FunctionType, TracebackType
from typing import Any, Final

from hypernodes.execution._errors import Failure, annotate
from hypernodes.execution._source import DONE, Writer, dict_of
from hypernodes.execution._step import refuse_coroutine
from hypernodes.plan import Plan, Step

#: The function that was written, and the same with a look at what each function returns.
_Pair = tuple[Callable[..., Any], Callable[..., Any]]


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
        # programs are found by their plan: one that held it would keep it alive
        self._plan = copy.copy(plan)
        self._one: _Pair | None = None
        self._is_checked = False
        self._many: dict[tuple[str, ...], _Pair] = {}
        self._lines: dict[CodeType, dict[int, tuple[Step, tuple[str, ...]]]] = {}

    def run(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the outputs for *values*, which stand for `reads` in order.

        Raises:
            Exception: Whatever a function raised, with a note where it happened.
        """
        one, careful = self._one or self._make_one()
        try:
            found: dict[str, Any] = (one if self._is_checked else careful)(*values)
        except Exception as error:
            self._annotate(error)
            raise
        self._is_checked = True
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
        many, careful = self._many.get(names) or self._make_many(names)
        done: list[Any] = []
        fixed = [constants[name] for name in self.reads if name not in columns]
        items: Any = range(count)
        if columns:
            items = zip(*columns.values(), strict=True) if len(names) > 1 else columns[names[0]]
        # an iterator goes on behind the item that failed
        items = iter(items)
        while True:
            try:
                if not self._is_checked:
                    before = len(done)
                    careful(done, itertools.islice(items, 1), first or 0, *fixed)
                    self._is_checked = len(done) > before
                many(done, items, first or 0, *fixed)
            except Exception as error:
                step = self._annotate(error, first)
                path = "" if step is None else step.path
                failure = Failure(error, None if first is None else first + len(done), path)
                self._note_failure(failure, step)
                if not collects:
                    return done, failure
                done.append(failure)
            else:
                return done, None

    def coroutine(self, values: Sequence[Any]) -> Coroutine[Any, Any, dict[str, Any]]:
        """Return the coroutine of one item, for a plan whose functions are awaited in turn."""
        _, careful = self._one or self._make_one()
        return careful(*values)  # type: ignore[no-any-return]  # what exec made

    def unwrap(self, error: Exception) -> Exception:
        """Return what a `coroutine` raised, where Python put another exception around it."""
        cause = error.__cause__
        if type(error) is not RuntimeError or not isinstance(cause, StopIteration):
            return error
        trace = cause.__traceback__
        return cause if trace is not None and trace.tb_frame.f_code in self._lines else error

    def locate(self, error: Exception, item: int | None) -> str:
        """Note on *error* where a `coroutine` raised it; return the path of the step."""
        step = self._annotate(error, item, is_one=True)
        return "" if step is None else step.path

    def _writer(self) -> Writer:
        """Return what writes the loop."""
        return Writer()

    def _note_failure(self, failure: Failure, step: Step | None) -> None:
        """Learn of an item that failed, in *step*."""

    def _make_one(self) -> _Pair:
        writer = Writer()
        slots = {name: f"r{number}" for number, name in enumerate(self.reads)}
        kind = "async def" if self._plan.is_async else "def"
        writer.open(f"{kind} one({', '.join(slots.values())}):")
        found = writer.level(self._plan, slots)
        writer.line(f"return {dict_of(found, self._plan.outputs)}")
        self._one = self._compile(writer, "one")
        return self._one

    def _make_many(self, names: tuple[str, ...]) -> _Pair:
        writer = self._writer()
        slots = {name: f"r{number}" for number, name in enumerate(self.reads)}
        fixed = [slot for name, slot in slots.items() if name not in names]
        writer.open(f"def many({', '.join([DONE, 'items', 'first', *fixed])}):")
        writer.begin_items()
        writer.open(f"for {', '.join(slots[name] for name in names) or '_'} in items:")
        writer.lists.append(DONE)
        writer.begin_item(dict_of(slots, self.reads))
        found = writer.level(self._plan, slots)
        writer.end_item(dict_of(found, self._plan.outputs))
        self._many[names] = many = self._compile(writer, "many")
        return many

    def _compile(self, writer: Writer, name: str) -> _Pair:
        """Return the function that was written, and one that looks at what functions return."""
        code = _compiled("\n".join(writer.source), f"<{name} of {self._plan.pipeline_id}>")
        exec(code, writer.scope)
        # what it reaches would keep it alive
        function: Any = writer.scope.pop(name)
        self._lines[function.__code__] = writer.steps
        plain = writer.plain.items()
        checked = {each: _checked(step, writer.scope[each]) for each, step in plain}
        return function, FunctionType(function.__code__, {**writer.scope, **checked})

    def _annotate(
        self, error: Exception, first: int | None = None, is_one: bool = False
    ) -> Step | None:
        """Note on *error* which step raised it, for which items; return the step."""
        trace: TracebackType | None = error.__traceback__
        while trace is not None and trace.tb_frame.f_code not in self._lines:
            trace = trace.tb_next
        if trace is None:
            return None
        found = self._lines[trace.tb_frame.f_code].get(trace.tb_lineno)
        if found is None:
            # between two steps: a signal handler raised it
            return None
        step, lists = found
        local = trace.tb_frame.f_locals
        items = [len(local[name]) for name in lists]
        if is_one and first is not None:
            items.insert(0, first)
        elif lists and lists[0] == DONE:
            items[:1] = () if first is None else (first + items[0],)
        annotate(error, step.name, step.path, tuple(items))
        return step


@functools.lru_cache(maxsize=32)
def _compiled(source: str, title: str) -> CodeType:
    """Return the code of *source*; loops with observers are written anew for each run."""
    return compile(source, title, "exec")


def _checked(step: Step, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return *call*, refusing coroutines that nobody would await."""

    def checked(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        refuse_coroutine(step, result)
        return result

    return checked
