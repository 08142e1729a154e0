"""Who observes a run beside the callbacks of its engines: what variables name, and a record.

What a record holds, and how it is written, is decided in `hypernodes.callbacks`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from hypernodes.plan import Settings, all_callbacks

if TYPE_CHECKING:
    from hypernodes.callbacks import RunRecord

_VARIABLE: Final = "HYPERNODES_RUNS"


class Recordable:
    """What every engine offers to keep a log of its runs.

    Attributes:
        run_record: What keeps it; None where this engine was not told to.
    """

    run_record: RunRecord | None = None

    def record(self, folder: str | os.PathLike[str] | None = None) -> Self:
        """Keep a log of every run of this engine from now on; return the engine.

        The log of a run covers everything inside it, nested pipelines with
        engines of their own as well.  `hypernodes.callbacks.RunRecord` says
        what it holds, ``hypernodes report last`` shows it.

        Args:
            folder: Where logs go; by default what ``HYPERNODES_RUNS`` names,
                else ``.hypernodes/runs``.

        Example:
            >>> import tempfile
            >>> from hypernodes import Pipeline, SeqEngine, node
            >>> from hypernodes.callbacks import read_runs
            >>> folder = tempfile.mkdtemp()
            >>> double = node(lambda x: 2 * x, output_name="y")
            >>> Pipeline([double], engine=SeqEngine().record(folder)).run({"x": 4})
            {'y': 8}
            >>> [(run.title, run.executed) for run in read_runs(folder)]
            [('pipeline', 1)]
        """
        # deferred: records are for those who ask for them
        from hypernodes.callbacks import RunRecord

        self.run_record = RunRecord(folder)
        return self


def with_record(settings: Settings) -> Settings:
    """Return *settings* with a record of the run among all observers, where one is to be kept."""
    record: Any = getattr(settings.engine, "run_record", None)
    if record is None and not os.environ.get(_VARIABLE):
        nested = {step: with_record(each) for step, each in settings.nested.items()}
        is_same = all(nested[step] is each for step, each in settings.nested.items())
        return settings if is_same else attrs.evolve(settings, nested=nested)
    # deferred: records are for those who ask for them
    from hypernodes.callbacks import RunRecord

    observers = [each for _, some in all_callbacks(settings) for each in some]
    if any(isinstance(each, RunRecord) for each in observers):
        return settings
    return _with(settings, (record or RunRecord(),))


def observed_by(settings: Settings, observers: Iterable[Any]) -> Settings:
    """Return *settings* with *observers* at every level, but for those of a class that is there."""
    there = {type(each) for _, some in all_callbacks(settings) for each in some}
    added = tuple(each for each in observers if type(each) not in there)
    return _with(settings, added) if added else settings


def _with(settings: Settings, observers: tuple[Any, ...]) -> Settings:
    nested = {step: _with(each, observers) for step, each in settings.nested.items()}
    return attrs.evolve(settings, callbacks=(*settings.callbacks, *observers), nested=nested)
