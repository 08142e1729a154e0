"""The command line: which commands there are, and how it ends.

Each command is a function of its own module; this one gathers them, and turns
what they raise into one line on standard error and an exit code.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Final, TextIO

import typer

from hypernodes.cli._about import doctor, plugins
from hypernodes.cli._ask import plan, show, why
from hypernodes.cli._cache import cache
from hypernodes.cli._faults import ExitCode, exit_code
from hypernodes.cli._history import report, repro, runs
from hypernodes.cli._output import say
from hypernodes.cli._run import map_, run
from hypernodes.cli._twin import twin
from hypernodes.errors import HyperNodesError, HyperNodesWarning

_EPILOG = (
    "Exit codes: 0 done, 1 a function raised, 2 the request was wrong, "
    "3 something around it is broken, 130 interrupted."
)

app = typer.Typer(
    name="hypernodes",
    help="Run pipelines of plain Python functions, and see what they did.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "run": run,
    "map": map_,
    "plan": plan,
    "why": why,
    "show": show,
    "runs": runs,
    "report": report,
    "repro": repro,
    "twin": twin,
    "plugins": plugins,
    "doctor": doctor,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(cache)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        # deferred: reading metadata is for this option alone
        from importlib.metadata import version

        print(f"hypernodes {version('hypernodes')}")
        raise typer.Exit


@app.callback()
def _hypernodes(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say the version and exit."
        ),
    ] = False,
) -> None:
    """Run pipelines of plain Python functions, and see what they did."""


def main() -> None:
    """Carry out the command line, and leave with its exit code."""
    warnings.showwarning = _show_warning
    try:
        sys.exit(app(prog_name="hypernodes", standalone_mode=False))
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted", "yellow")
        sys.exit(ExitCode.INTERRUPTED)
    except (HyperNodesError, LookupError) as error:
        say(f"error: {_sentence(error)}", "red")
        sys.exit(exit_code(error))
    except BrokenPipeError:
        # whoever read the answer has seen enough
        sys.stderr.close()
        sys.exit(ExitCode.DONE)
    except Exception as error:
        # a usage error of the library, which has had more than one home
        if not hasattr(error, "show"):
            raise
        error.show()
        sys.exit(ExitCode.WRONG_REQUEST)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say our own warnings in a line, all others as Python does."""
    if issubclass(category, HyperNodesWarning):
        say(f"warning: {message}", "yellow")
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


def _sentence(error: BaseException) -> str:
    # a KeyError quotes its message
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
