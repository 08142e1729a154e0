"""``hypernodes run`` and ``hypernodes map``: carry out a pipeline.

Answers go to standard output or a file; progress, and what was kept when
something went wrong, to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from hypernodes.callbacks import PipelineCallback, RunRecord, user_traceback
from hypernodes.cli._faults import ExitCode, exit_code
from hypernodes.cli._options import (
    CacheOption,
    CallbackOption,
    EngineOption,
    EngineOptionOption,
    FromOption,
    InputOption,
    InputsOption,
    JsonOption,
    MapOverOption,
    ModeOption,
    OutOption,
    OutputNameOption,
    ProgressOption,
    RunsOption,
    TargetArgument,
)
from hypernodes.cli._output import print_json, print_table, print_values, say
from hypernodes.cli._plain import to_plain
from hypernodes.cli._request import Request, read_choices, read_request
from hypernodes.cli._table import check_writable, file_format, write_table, write_text
from hypernodes.cli._watchers import MapTally, RunTally
from hypernodes.cli._words import seconds
from hypernodes.values import UNSET

_MOST_ROWS = 20


def run(  # noqa: PLR0913 - an argument per option
    target: TargetArgument = None,
    *,
    inputs: InputOption = None,
    inputs_file: InputsOption = None,
    output_name: OutputNameOption = None,
    output: OutOption = None,
    engine: EngineOption = None,
    engine_option: EngineOptionOption = None,
    cache: CacheOption = None,
    callback: CallbackOption = None,
    runs: RunsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a pipeline once and print its outputs."""
    if output is not None:
        _check_output(output, ("json",))
        check_writable(output)
    asked = read_choices(engine, engine_option, cache, callback, runs)
    request = read_request(target, inputs, inputs_file, output_name, asked)
    tally = RunTally()
    outputs = _carry_out(
        request,
        tally,
        progress,
        lambda chosen: request.pipeline.run(request.inputs, request.outputs, chosen),
    )
    if output is not None:
        write_text(output, _json(outputs))
    elif as_json:
        print_json(outputs)
    else:
        print_values(outputs)
    _say_end(tally, output)


def map_(  # noqa: PLR0913 - an argument per option
    target: TargetArgument = None,
    *,
    map_over: MapOverOption = None,
    source: FromOption = None,
    inputs: InputOption = None,
    inputs_file: InputsOption = None,
    mode: ModeOption = "zip",
    output_name: OutputNameOption = None,
    output: OutOption = None,
    engine: EngineOption = None,
    engine_option: EngineOptionOption = None,
    cache: CacheOption = None,
    callback: CallbackOption = None,
    runs: RunsOption = None,
    progress: ProgressOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a pipeline once per item."""
    if output is not None and output != "-":
        file_format(output)
        check_writable(output)
    asked = read_choices(engine, engine_option, cache, callback, runs)
    mapping = (map_over, source, mode)
    request = read_request(target, inputs, inputs_file, output_name, asked, mapping)
    tally = MapTally()
    rows = _carry_out(
        request,
        tally,
        progress,
        lambda chosen: request.pipeline.map(
            request.inputs, list(request.map_over), request.mode, request.outputs, chosen
        ),
    )
    if output is not None:
        write_table(output, rows)
    elif as_json:
        print_json(rows)
    elif sys.stdout.isatty():
        _print_rows(rows)
    else:
        write_table("-", rows)
    _say_end(tally, output)


def _carry_out(
    request: Request,
    tally: RunTally | MapTally,
    progress: bool | None,
    call: Callable[[Any], Any],
) -> Any:
    """Return what *call* returns for the engine; say what was kept where it fails."""
    engine = request.engine(_watchers(request, tally, progress))
    try:
        return call(engine)
    except KeyboardInterrupt:
        # a map is told of its items in chunks, and this one was not told of
        least = "at least " if isinstance(tally, MapTally) else ""
        done = f"{least}{tally.describe()} finished"
        say(f"interrupted after {seconds(tally.seconds)}: {done}", "yellow")
        _say_kept(engine)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except Exception as error:
        if exit_code(error) is not ExitCode.FAILED:
            raise
        say(user_traceback(error))
        say(f"failed after {seconds(tally.seconds)}: {tally.describe()} finished", "red")
        _say_kept(engine)
        if request.runs is not None:
            say(f"hypernodes report last --runs {request.runs} shows the run", "dim")
        raise typer.Exit(ExitCode.FAILED) from error


def _watchers(
    request: Request, tally: PipelineCallback, progress: bool | None
) -> Sequence[PipelineCallback]:
    watchers = [tally]
    if sys.stderr.isatty() if progress is None else progress:
        # deferred: bars are for those who see them
        from hypernodes.callbacks import ProgressCallback

        watchers.append(ProgressCallback())
    if request.runs is not None:
        watchers.append(RunRecord(request.runs, target=request.target))
    return watchers


def _say_kept(engine: Any) -> None:
    """Say where what was finished is kept."""
    cache = engine.cache
    if cache is None or cache is UNSET:
        say("nothing was kept, because there is no cache; --cache .cache keeps what is finished")
    else:
        say(f"kept in {_place(cache)}; the same command again runs only what is left")


def _place(cache: Any) -> str:
    for name in ("path", "url", "root"):
        found = getattr(cache, name, None)
        if found is not None:
            return str(found)
    return type(cache).__name__


def _say_end(tally: RunTally | MapTally, output: str | None) -> None:
    where = f" to {output}" if output not in (None, "-") else ""
    say(f"{tally.describe()} in {seconds(tally.seconds)}{where}", "dim")


def _print_rows(rows: Sequence[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = [
        [str(number), *(_cell(row.get(name)) for name in names)]
        for number, row in enumerate(rows[:_MOST_ROWS])
    ]
    print_table(["", *names], shown, right=[""])
    if len(rows) > _MOST_ROWS:
        say(f"… and {len(rows) - _MOST_ROWS:,} more; -o FILE or --json gives all", "dim")


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else repr(to_plain(value))
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _check_output(path: str, formats: Sequence[str]) -> None:
    # deferred: the same words as for tables
    from hypernodes.cli._faults import CommandError

    if path.rpartition(".")[2].lower() not in formats:
        known = ", ".join(f".{each}" for each in formats)
        msg = f"cannot write the outputs of a run to {path!r}; use {known}"
        raise CommandError(msg)


def _json(value: Any) -> str:
    # deferred: with the module that knows how
    import json

    return json.dumps(to_plain(value), indent=2, ensure_ascii=False) + "\n"
