"""What went wrong with a command, and which exit code says so.

::

    0    done
    1    a function of the pipeline raised, or a check found something
    2    the request was wrong: nothing ran
    3    something around it is broken: a plugin, a cache, a missing distribution
    130  interrupted; what was finished is kept
"""

from __future__ import annotations

from enum import IntEnum

from hypernodes.errors import CacheError, HyperNodesError, PlanError, PluginError


class ExitCode(IntEnum):
    """What the command says to the shell."""

    DONE = 0
    FAILED = 1
    WRONG_REQUEST = 2
    BROKEN = 3
    INTERRUPTED = 130


class CommandError(HyperNodesError, ValueError):
    """A request that cannot be answered; nothing ran."""


class OutputError(HyperNodesError, OSError):
    """What came of a request cannot be written down."""


def exit_code(error: BaseException) -> ExitCode:
    """Return the exit code for *error*."""
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(error, CommandError | PlanError):
        return ExitCode.WRONG_REQUEST
    if isinstance(error, OutputError):
        return ExitCode.BROKEN
    if isinstance(error, PluginError | CacheError):
        # an unknown name is a mistake in the request, not in the installation
        is_unknown = isinstance(error, ValueError)
        return ExitCode.WRONG_REQUEST if is_unknown else ExitCode.BROKEN
    return ExitCode.FAILED
