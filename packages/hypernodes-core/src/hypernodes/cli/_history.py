"""``hypernodes runs``, ``report`` and ``repro``: what former runs did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hypernodes.callbacks import (
    FailureSummary,
    RunSummary,
    StepSummary,
    find_run_file,
    read_run,
    read_runs,
    runs_folder,
)
from hypernodes.cli._faults import CommandError
from hypernodes.cli._options import JsonOption, OutOption, RunsOption
from hypernodes.cli._output import console, print_json, print_table, say
from hypernodes.cli._settings import read_environment, read_project
from hypernodes.cli._table import check_writable, write_text
from hypernodes.cli._words import count, moment, seconds

_STYLES = {"executed": "green", "failed": "red", "interrupted": "yellow", "unfinished": "yellow"}
_WORDS = {"executed": "done"}

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The id of a run, its beginning, or last.")
]


def runs(
    folder: RunsOption = None,
    most: Annotated[int, typer.Option("--most", metavar="N", help="How many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the recorded runs, the latest first."""
    place = _folder(folder)
    found = read_runs(place, most)
    if as_json:
        print_json([_run_as_data(each) for each in found])
        return
    if not found:
        say(f"there are no runs in {place}; record one with --runs or HYPERNODES_RUNS", "dim")
        return
    headers = ["run", "when", "pipeline", "outcome", "items", "ran", "hit", "failed", "took"]
    print_table(
        [*headers, "saved"] if any(each.saved for each in found) else headers,
        [_run_row(each, has_saved=any(other.saved for other in found)) for each in found],
        right=["items", "ran", "hit", "failed", "took", "saved"],
    )


def report(
    run: RunArgument = "last",
    folder: RunsOption = None,
    output: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run, here or as an HTML page."""
    found = _find(run, folder)
    if as_json:
        print_json(_report_as_data(found))
        return
    if output is not None:
        # deferred: the page is built only for those who want it
        from hypernodes.cli.report import render_report

        check_writable(output)
        write_text(output, render_report(found))
        say(f"written to {output}", "dim")
        return
    _print_report(found)


def repro(
    run: RunArgument,
    node: Annotated[str | None, typer.Argument(metavar="[NODE]", help="The node.")] = None,
    item: Annotated[int | None, typer.Argument(metavar="[ITEM]", help="The item.")] = None,
    folder: RunsOption = None,
    output: OutOption = None,
) -> None:
    """Write a script of a call that failed."""
    # deferred: scripts are written only for those who want one
    from hypernodes.cli._repro import find_failure, write_script

    found = _find(run, folder)
    failure = find_failure(found, node, item)
    text = write_script(found, failure)
    if output is None:
        console().print(Text(text), soft_wrap=True, end="")
        return
    check_writable(output)
    write_text(output, text)
    say(f"written to {output}; run it with: python {output}", "dim")


def _folder(folder: str | None) -> Path:
    chosen = folder or read_environment().runs or read_project().runs
    return runs_folder(chosen)


def _find(run: str, folder: str | None) -> RunSummary:
    try:
        return read_run(find_run_file(_folder(folder), run))
    except LookupError as error:
        raise CommandError(str(error.args[0])) from error


def _run_row(run: RunSummary, *, has_saved: bool) -> list[Text | str]:
    items = "" if run.total is None else f"{run.total:,}"
    outcome = Text(_WORDS.get(run.outcome, run.outcome), _STYLES.get(run.outcome, ""))
    cells: list[Text | str] = [
        Text(run.id, "bold"),
        moment(run.at),
        run.title,
        outcome,
        items,
        _number(run.executed, ""),
        _number(run.hits, "cyan"),
        _number(run.failed, "red"),
        seconds(run.seconds),
    ]
    return [*cells, seconds(run.saved) if run.saved else ""] if has_saved else cells


def _number(value: int, style: str) -> Text:
    return Text(f"{value:,}", style if value else "dim")


def _print_report(run: RunSummary) -> None:
    word = _WORDS.get(run.outcome, run.outcome)
    head = Text.assemble(
        (run.title, "bold"), f"  {run.id}  {moment(run.at)}  ", (word, _STYLES[run.outcome])
    )
    saved = f", {seconds(run.saved)} saved" if run.saved else ""
    items = "" if run.total is None else f"{count(run.total, 'item')}, "
    did = f"{items}{run.executed:,} executed, {count(run.hits, 'hit')}, {run.failed:,} failed"
    console().print(head, soft_wrap=True)
    console().print(Text(f"{did} in {seconds(run.seconds)}{saved}"), soft_wrap=True)
    print_table(
        ["node", "ran", "hit", "failed", "took", "each", "why"],
        [_step_row(step) for step in run.functions],
        right=["ran", "hit", "failed", "took", "each"],
        elastic="why",
    )
    for failure in run.failures[:1]:
        where = "" if failure.item is None else f", {failure.items}"
        said = f"{failure.error} in {failure.path}{where}: {failure.message}"
        console().print(Text(said, "red"), soft_wrap=True)
        for name, words in failure.inputs.items():
            console().print(Text(f"  {name} = {words}"), soft_wrap=True)
        number = "" if failure.item is None else f" {failure.item}"
        say(f"hypernodes repro {run.id} {failure.path}{number} writes a script of it", "dim")


def _step_row(step: StepSummary) -> list[Text | str]:
    calls = step.executed + step.failed
    each = seconds(step.seconds / calls) if calls else ""
    reason = next(iter(step.reasons), "").removeprefix(f"{step.name} runs: ")
    return [
        step.path,
        _number(step.executed, ""),
        _number(step.hits, "cyan"),
        _number(step.failed, "red"),
        seconds(step.seconds) if calls else "",
        each,
        Text(reason, "dim"),
    ]


def _run_as_data(run: RunSummary) -> dict[str, Any]:
    return {
        "run": run.id,
        "file": str(run.file),
        "pipeline": run.about.get("pipeline"),
        "at": run.at,
        "outcome": run.outcome,
        "error": run.error,
        "engine": run.about.get("engine"),
        "items": run.total,
        "executed": run.executed,
        "hits": run.hits,
        "failed": run.failed,
        "seconds": run.seconds,
        "saved": run.saved,
    }


def _report_as_data(run: RunSummary) -> dict[str, Any]:
    return {
        **_run_as_data(run),
        "workers": sorted({span.worker for span in run.spans if span.worker is not None}),
        "steps": [_step_as_data(step) for step in run.functions],
        "failures": [_failure_as_data(failure) for failure in run.failures],
    }


def _failure_as_data(failure: FailureSummary) -> dict[str, Any]:
    names = ("path", "item", "inner", "error", "message", "traceback", "inputs")
    return {name: getattr(failure, name) for name in names}


def _step_as_data(step: StepSummary) -> dict[str, Any]:
    names: Sequence[str] = ("path", "executed", "hits", "failed", "seconds", "saved")
    found: dict[str, Any] = {name: getattr(step, name) for name in names}
    return {**found, "reasons": dict(step.reasons)}
