"""Which Ray this process talks to: the one it has, the one it is told, or its own.

A Ray that is started here serves this machine only and leaves nothing behind:
no dashboard, no usage statistics, no token file in the user's home.  Ray
listens on every network interface, so its token authentication stays on, with
a token that lives in the environment of this process and of its workers.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypernodes.errors import ExecutionError

if TYPE_CHECKING:
    from hypernodes_ray.options import RayOptions

_lock: Final = threading.RLock()
_token: Final = secrets.token_hex(32)
_AUTH_NAMES: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_ADDRESS_NAME: Final = "RAY_ADDRESS"
#: What Ray calls one that is started on this machine.
_HERE: Final = "local"
_HOST_AND_PORT: Final = re.compile(r"(ray://)?(?P<host>[^/:]+|\[[^\]]+\]):(?P<port>[0-9]+)")
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1"})
_KNOCK_SECONDS: Final = 10.0


class RayCluster:
    """The cluster of one engine, attached to when it is needed."""

    def __init__(self, options: RayOptions) -> None:
        self._options = options
        self._ending: contextlib.ExitStack | None = None

    def attach(self) -> None:
        """Make sure that this process is connected to a Ray.

        Raises:
            ExecutionError: No Ray answers at the address, or none could be started.
        """
        # deferred: Ray takes seconds to import
        import ray

        with _lock:
            if ray.is_initialized():
                return
            address = self._options.address or os.environ.get(_ADDRESS_NAME) or _HERE
            if address == _HERE:
                self._start()
            else:
                _connect(address)

    def __getstate__(self) -> dict[str, Any]:
        """Travel without what was started: that belongs to this process."""
        return {"_options": self._options, "_ending": None}

    def close(self) -> None:
        """Stop the Ray that `attach` started; any other one goes on."""
        with _lock:
            ending, self._ending = self._ending, None
            if ending is not None:
                ending.close()

    def _start(self) -> None:
        # deferred: see above
        import ray

        with contextlib.ExitStack() as starting:
            starting.enter_context(_variables(_quiet()))
            try:
                ray.init(
                    address=_HERE,
                    num_cpus=self._options.num_cpus,
                    include_dashboard=False,
                    logging_level=logging.ERROR,
                )
            except Exception as error:
                msg = f"no Ray could be started here: {type(error).__name__}: {error}"
                raise ExecutionError(msg) from error
            starting.callback(ray.shutdown)
            self._ending = starting.pop_all()


def _connect(address: str) -> None:
    # deferred: see above
    import ray

    try:
        _knock(address)
        ray.init(address=address, logging_level=logging.ERROR)
    except Exception as error:
        msg = (
            f"no Ray cluster answers at {address!r}: {error}; start one with 'ray start --head', "
            "correct address=, or leave it out to have one started here"
        )
        raise ExecutionError(msg) from error


def _knock(address: str) -> None:
    """Make sure that somebody listens: Ray tries for minutes.

    Raises:
        OSError: Nobody does.
    """
    found = _HOST_AND_PORT.fullmatch(address)
    if found is None:
        return
    hosts = [found["host"].strip("[]")]
    if hosts[0] in _LOCAL_HOSTS:
        # Ray puts the address on the network in its place
        hosts.append(_own_host())
    refused: OSError | None = None
    for host in hosts:
        try:
            socket.create_connection((host, int(found["port"])), _KNOCK_SECONDS).close()
        except OSError as error:
            refused = refused or error
        else:
            return
    if refused is not None:
        raise refused


def _own_host() -> str:
    # deferred: see above
    from ray.util import get_node_ip_address

    host: str = get_node_ip_address()  # type: ignore[no-untyped-call]  # Ray has no types here
    return host


def _quiet() -> dict[str, str]:
    """Return the variables that keep Ray from writing and sending what nobody asked for."""
    found = {"RAY_USAGE_STATS_ENABLED": "0"}
    has_token = any(name in os.environ for name in _AUTH_NAMES)
    has_file = (Path.home() / ".ray" / "auth_token").exists()
    if not (has_token or has_file or os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled"):
        found["RAY_AUTH_TOKEN"] = _token
    return found


@contextlib.contextmanager
def _variables(values: dict[str, str]) -> Any:
    """Set those of *values* that are not set; take back, at the end, these and what Ray set."""
    before = {name: os.environ.get(name) for name in (*values, "RAY_AUTH_MODE")}
    for name, value in values.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        for name, was in before.items():
            if was is None:
                os.environ.pop(name, None)
