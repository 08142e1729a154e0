"""Daft itself: is it there, is it new enough, and where does it run?

The one place that imports Daft for the rest of this distribution, so that a
missing or old one is told in the same words everywhere.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hypernodes.errors import EngineNotInstalledError, ExecutionError
from hypernodes_daft.options import Placement, Runner

_LEAST: Final = (0, 7, 20)
_REACH_SECONDS: Final = 5.0
_config_lock = threading.Lock()
_runner_lock = threading.Lock()


@functools.cache
def load_daft() -> Any:
    """Return the module `daft`.

    Raises:
        EngineNotInstalledError: It is missing, or too old.
    """
    try:
        # deferred: heavy, and only a map needs it
        import daft
    except ImportError as error:
        msg = f"DaftEngine needs daft, which cannot be imported: {error}; "
        msg += "run: pip install 'hypernodes[daft]'"
        raise EngineNotInstalledError(msg) from error
    found = tuple(int(part) for part in re.findall(r"\d+", daft.__version__)[:3])
    # a build of their own has no number
    if found < _LEAST and found[:2] != (0, 0):
        least = ".".join(map(str, _LEAST))
        msg = f"DaftEngine needs daft {least} or newer, found {daft.__version__}; "
        msg += f"run: pip install -U 'daft>={least}'"
        raise EngineNotInstalledError(msg)
    return daft


def choose_runner(placement: Placement) -> Runner:
    """Return which runner carries out queries; set it where nobody has.

    Raises:
        EngineNotInstalledError: Daft or Ray is missing.
        ExecutionError: Daft runs elsewhere already, or Ray cannot be reached.
    """
    daft = load_daft()
    if placement.runner == "ray":
        _connect(daft, placement.address)
    current: Runner = "ray" if daft.get_or_infer_runner_type() == "ray" else "native"
    if placement.runner is not None and placement.runner != current:
        msg = (
            f"this process has Daft on its {current} runner, and Daft changes it only once; "
            f"make the engine with runner={placement.runner!r} before anything else uses Daft"
        )
        raise ExecutionError(msg)
    return current


def _connect(daft: Any, address: str | None) -> None:
    """Let Daft use Ray, unless it does so already."""
    with _runner_lock:
        if address is not None:
            _check_reachable(address)
        try:
            daft.set_runner_ray(address=address, noop_if_initialized=True)
        except ImportError as error:
            msg = f"the Ray runner of Daft needs ray: {error}; run: pip install ray"
            raise EngineNotInstalledError(msg) from error
        except ConnectionError as error:
            raise _unreachable(address, error) from error


def _check_reachable(address: str) -> None:
    """Refuse an address where nobody answers; Ray itself would wait for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        # "auto" and the like are Ray's to find
        return
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_SECONDS).close()
    except OSError as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str | None, cause: Exception) -> ExecutionError:
    msg = f"there is no Ray cluster at {address!r}: {cause}; start one, or leave address out"
    return ExecutionError(msg)


@contextlib.contextmanager
def execution_config(config: Mapping[str, Any]) -> Iterator[None]:
    """Tell Daft *config* while a query starts; the process's own is restored."""
    if not config:
        yield
        return
    daft = load_daft()
    # Daft's configuration belongs to the process: two queries must not mix theirs
    with _config_lock, daft.execution_config_ctx(**config):
        yield


def show_plan(frame: Any) -> str:
    """Return all plans of a lazy DataFrame as text."""
    text = io.StringIO()
    frame.explain(show_all=True, file=text)
    return text.getvalue()
