"""The whole error tree, and the warnings.

::

    HyperNodesError
    ├─ GraphError (ValueError)
    │  ├─ CycleError
    │  ├─ DependencyError
    │  │  └─ DuplicateOutputError
    │  ├─ NodeDefinitionError
    │  └─ TypeMismatchError
    ├─ PlanError (ValueError)
    │  ├─ MissingInputError
    │  ├─ UnknownOutputError
    │  └─ MapLengthError
    ├─ FingerprintError (TypeError)
    ├─ CacheError
    │  ├─ SerializationError
    │  ├─ CorruptEntryError
    │  └─ CacheUnavailableError
    ├─ ExecutionError (RuntimeError)
    │  ├─ NodeTimeoutError (also TimeoutError)
    │  ├─ OutputCountError (also ValueError)
    │  ├─ TransferError (also TypeError)
    │  ├─ WorkerLostError
    │  └─ UnsupportedStepError
    └─ PluginError
       ├─ PluginLoadError
       ├─ PluginConflictError
       ├─ UnknownPluginError (also ValueError)
       └─ EngineNotInstalledError (also ImportError)

    HyperNodesWarning (UserWarning)
    ├─ CacheWarning
    ├─ CallbackWarning
    └─ PluginWarning

Each error also subclasses the built-in that a reader would guess.  A message
is one lowercase sentence that says what, where, and what to do now.  The
user's own exception is never wrapped: it keeps its type and gains a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class HyperNodesError(Exception):
    """The base of every error that HyperNodes raises itself."""


class GraphError(HyperNodesError, ValueError):
    """Nodes that cannot form a graph; raised when a pipeline is built."""


class CycleError(GraphError):
    """Nodes that wait for each other; the message prints the cycle."""


class DependencyError(GraphError):
    """Names that cannot be wired: an unknown name, or two producers of one."""


class DuplicateOutputError(DependencyError):
    """Two nodes that produce one output."""


class NodeDefinitionError(GraphError):
    """A function that cannot be a node."""


class TypeMismatchError(GraphError):
    """An edge whose two ends are annotated with types that do not fit."""


class PlanError(HyperNodesError, ValueError):
    """A request that a pipeline cannot answer; raised before anything runs."""


class MissingInputError(PlanError):
    """Inputs without which the requested outputs cannot be computed."""


class UnknownOutputError(PlanError):
    """A requested output that no node produces."""


class MapLengthError(PlanError):
    """Mapped inputs of different lengths in ``zip`` mode."""


class FingerprintError(HyperNodesError, TypeError):
    """A value without a fingerprint: its type, its place, and the remedies.

    Attributes:
        path: Where it was found: ``inputs['model'].tokenizer``.
        type_name: The module-qualified name of its type.
    """

    path: str = ""
    type_name: str = ""


class CacheError(HyperNodesError):
    """A cache that failed; only ``strict=True`` lets it reach a run."""


class SerializationError(CacheError):
    """A value that no serializer can encode or decode.

    Attributes:
        failed: After a bulk store, the position of each such value and its cause.
    """

    failed: Mapping[int, SerializationError]

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.failed = {}


class CorruptEntryError(CacheError):
    """A stored entry whose bytes are not the ones that were written."""


class CacheUnavailableError(CacheError):
    """A cache that cannot be opened, read or written."""


class ExecutionError(HyperNodesError, RuntimeError):
    """A step that could not be carried out, for a reason of ours."""


class NodeTimeoutError(TimeoutError, ExecutionError):
    """A call that took longer than the ``timeout`` of its node."""


class OutputCountError(ExecutionError, ValueError):
    """A function that returned more or fewer values than its node declares."""


class TransferError(ExecutionError, TypeError):
    """Something cannot be sent to a worker, or back."""


class WorkerLostError(ExecutionError):
    """A worker that died; the message lists the items that were lost."""


class UnsupportedStepError(ExecutionError):
    """A step that this engine cannot carry out."""


class PluginError(HyperNodesError):
    """An extension that cannot be used."""


class PluginLoadError(PluginError):
    """A plugin that failed to import or to register; holds the cause."""


class PluginConflictError(PluginError):
    """Two plugins that claim one name; the message names both."""


class UnknownPluginError(PluginError, ValueError):
    """A name that no plugin provides; the message lists the known ones."""


class EngineNotInstalledError(PluginError, ImportError):
    """A name that lives in a distribution which is not installed."""


class HyperNodesWarning(UserWarning):
    """The base of every warning that HyperNodes gives."""


class CacheWarning(HyperNodesWarning):
    """Something was not cached, or not read from the cache; the run goes on."""


class CallbackWarning(HyperNodesWarning):
    """An observer raised; the run goes on without that one event."""


class PluginWarning(HyperNodesWarning):
    """A plugin could not be loaded; what it provides is missing."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, else ``""``."""
    # deferred: only a failing call needs it
    import difflib

    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
