"""The arguments that several commands share, each written down once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hypernodes.plugins import list_plugins

_MOST_FILES = 200


def _complete_target(incomplete: str) -> list[str]:
    return [each for each in _targets() if each.startswith(incomplete)]


def _targets() -> Iterator[str]:
    """Yield ``module:name`` for what is assigned a pipeline here; nothing is imported."""
    for path in sorted(Path.cwd().glob("*.py"))[:_MOST_FILES]:
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, ValueError, OSError):
            continue
        for line in tree.body:
            if isinstance(line, ast.Assign) and "Pipeline(" in ast.unparse(line.value):
                names = [each.id for each in line.targets if isinstance(each, ast.Name)]
                yield from (f"{path.stem}:{name}" for name in names)


def _complete_engine(incomplete: str) -> list[str]:
    return _registered("engines", incomplete)


def _complete_callback(incomplete: str) -> list[str]:
    return _registered("callbacks", incomplete)


def _registered(kind: str, incomplete: str) -> list[str]:
    names = [name for plugin in list_plugins() for name in plugin.registers.get(kind, ())]
    return [name for name in names if name.startswith(incomplete)]


TargetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="MODULE:PIPELINE",
        help="The pipeline, as module:name or file.py:name.",
        autocompletion=_complete_target,
        show_default=False,
    ),
]
InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=VALUE",
        help="An input; @FILE takes the value from a file. Repeat for more.",
        show_default=False,
    ),
]
InputsOption = Annotated[
    str | None,
    typer.Option(
        "--inputs", metavar="FILE", help="A JSON file with all inputs.", show_default=False
    ),
]
OutputNameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output-name", "-n", metavar="NAME", help="Compute only this.", show_default=False
    ),
]
MapOverOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="An input that varies from item to item. Repeat for more.",
        show_default=False,
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="A record per item: .jsonl, .json, .csv or .parquet; - reads jsonl.",
        show_default=False,
    ),
]
ModeOption = Annotated[
    str, typer.Option("--mode", metavar="zip|product", help="How mapped inputs combine.")
]
OutOption = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write there.", show_default=False),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The engine, such as seq or dask.",
        autocompletion=_complete_engine,
        show_default=False,
    ),
]
EngineOptionOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="An option of the engine.", show_default=False),
]
CacheOption = Annotated[
    str | None,
    typer.Option(
        "--cache", metavar="URL", help="A folder or URL; none caches nothing.", show_default=False
    ),
]
CallbackOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A callback, such as logging or otel.",
        autocompletion=_complete_callback,
        show_default=False,
    ),
]
RunsOption = Annotated[
    str | None,
    typer.Option(
        "--runs", metavar="FOLDER", help="Where records of runs are kept.", show_default=False
    ),
]
ProgressOption = Annotated[
    bool | None,
    typer.Option("--progress/--no-progress", help="Bars, by default on a terminal."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
