"""The command ``hypernodes``; loaded by it alone, never by ``import hypernodes``."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Carry out the command line, and leave with its exit code."""
    # deferred: the packaging of the command asks for this function, its libraries are heavy
    from hypernodes.cli._app import main as carry_out

    carry_out()
