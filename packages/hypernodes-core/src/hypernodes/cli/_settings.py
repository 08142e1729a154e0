"""What is decided outside of the command line, and the engine that comes of it all.

Options win over ``HYPERNODES_*`` variables, these over what the pipeline
brings, and that over ``[tool.hypernodes]`` of the nearest pyproject.toml.
"""

from __future__ import annotations

import copy
import inspect
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from hypernodes.cli._faults import CommandError
from hypernodes.engines import SeqEngine
from hypernodes.errors import did_you_mean
from hypernodes.pipeline import Pipeline
from hypernodes.plugins import get_engine_class, open_cache, resolve_callbacks
from hypernodes.values import UNSET

NO_CACHE = "none"
_KINDS: Mapping[str, tuple[type, str]] = {
    "engine-options": (dict, "a table"),
    "callbacks": (str, "a list of names"),
}
_VARIABLES = {
    "target": "HYPERNODES_TARGET",
    "engine": "HYPERNODES_ENGINE",
    "cache": "HYPERNODES_CACHE",
    "callbacks": "HYPERNODES_CALLBACKS",
    "runs": "HYPERNODES_RUNS",
}


@attrs.frozen
class Choices:
    """What one source decides; None leaves it to others.

    Attributes:
        target: The pipeline.
        engine: The name of the engine.
        engine_options: What its class is given.
        cache: A folder or a URL; ``"none"`` turns caching off.
        callbacks: Names of callbacks.
        runs: The folder for records of runs.
    """

    target: str | None = None
    engine: str | None = None
    engine_options: Mapping[str, Any] = attrs.field(factory=dict)
    cache: str | None = None
    callbacks: tuple[str, ...] | None = None
    runs: str | None = None

    def over(self, other: Choices) -> Choices:
        """Return these choices, those of *other* where there are none."""
        merged = {
            field.name: other_value if value is None else value
            for field in attrs.fields(Choices)
            for value, other_value in [(getattr(self, field.name), getattr(other, field.name))]
            if field.name != "engine_options"
        }
        options = self.engine_options if self.engine or self.engine_options else {}
        return Choices(**merged, engine_options=options or other.engine_options)


def read_project(folder: Path | None = None) -> Choices:
    """Return what ``[tool.hypernodes]`` of the nearest pyproject.toml says.

    Relative folders in it are taken from where the file is.

    Raises:
        CommandError: The file is malformed, or a setting is unknown.
    """
    path = find_project(folder)
    return Choices() if path is None else _read_table(path)


def find_project(folder: Path | None = None) -> Path | None:
    """Return the nearest pyproject.toml in *folder* or around it; None where there is none."""
    folder = (folder or Path.cwd()).resolve()
    found = (place / "pyproject.toml" for place in (folder, *folder.parents))
    return next((path for path in found if path.is_file()), None)


def read_environment(environ: Mapping[str, str] = os.environ) -> Choices:
    """Return what the ``HYPERNODES_*`` variables say."""
    found: dict[str, Any] = {
        name: environ[variable] for name, variable in _VARIABLES.items() if environ.get(variable)
    }
    if "callbacks" in found:
        found["callbacks"] = split_names([found["callbacks"]])
    return Choices(**found)


def split_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the names in *texts*, each of which may hold several between commas."""
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``name=value`` options, each value read as JSON if it is that.

    Raises:
        CommandError: One is not ``name=value``.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            msg = f"--engine-option {pair!r} is not name=value"
            raise CommandError(msg)
        try:
            found[name.replace("-", "_")] = json.loads(text)
        except json.JSONDecodeError:
            found[name.replace("-", "_")] = text
    return found


def build_engine(
    pipeline: Pipeline, asked: Choices, project: Choices, watchers: Sequence[Any] = ()
) -> Any:
    """Return the engine for *pipeline*; its own is copied, never changed.

    Args:
        pipeline: What is to be run.
        asked: Options and variables.
        project: Defaults of the project.
        watchers: Callbacks of the command line itself, added to all others.

    Raises:
        CommandError: The engine does not take one of the options.
        PluginError: There is no such engine, cache or callback.
    """
    own = pipeline.own_engine
    cache = _choose_cache(own, asked, project)
    callbacks = (*_choose_callbacks(own, asked, project), *watchers)
    name = asked.engine or (project.engine if own is None else None)
    if name is not None:
        # what the project gives its engine is not for another one
        is_own = asked.engine in (None, project.engine)
        options = asked.engine_options or (project.engine_options if is_own else {})
        return _make_engine(name, {**options, "cache": cache, "callbacks": callbacks})
    engine: Any = SeqEngine() if own is None else copy.copy(own)
    engine.cache, engine.callbacks = cache, callbacks
    return engine


def _choose_cache(own: Any, asked: Choices, project: Choices) -> Any:
    brought = getattr(own, "cache", UNSET)
    chosen = asked.cache or (project.cache if brought is UNSET else None)
    if chosen is None:
        return brought
    return None if chosen == NO_CACHE else open_cache(chosen)


def _choose_callbacks(own: Any, asked: Choices, project: Choices) -> Sequence[Any]:
    if asked.callbacks is not None:
        return resolve_callbacks(asked.callbacks)
    brought = getattr(own, "callbacks", UNSET)
    if brought is UNSET or brought is None:
        return resolve_callbacks(project.callbacks or ())
    return tuple(brought)


def _make_engine(name: str, options: Mapping[str, Any]) -> Any:
    found = get_engine_class(name)
    known = inspect.signature(found).parameters
    unknown = [each for each in options if each not in known]
    if unknown:
        takes = ", ".join(each for each in known if each not in ("cache", "callbacks"))
        hint = did_you_mean(unknown[0], known) or f"; it takes {takes}"
        msg = f"engine {name!r} has no option {unknown[0]!r}{hint}"
        raise CommandError(msg)
    try:
        return found(**options)
    except (TypeError, ValueError) as error:
        said = error.args[0] if error.args else error
        msg = f"engine {name!r} cannot be made: {said}"
        raise CommandError(msg) from error


def _read_table(path: Path) -> Choices:
    try:
        content: Any = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path.name} is malformed: {error}"
        raise CommandError(msg) from error
    table = content.get("tool", {}).get("hypernodes", {})
    if not isinstance(table, dict):
        msg = f"hypernodes in [tool] of {path.name} must be a table, [tool.hypernodes]"
        raise CommandError(msg)
    known = {field.name.replace("_", "-"): field.name for field in attrs.fields(Choices)}
    for name in table:
        if name not in known:
            hint = did_you_mean(name, known) or f"; known are {', '.join(known)}"
            msg = f"[tool.hypernodes] of {path.name} has an unknown setting {name!r}{hint}"
            raise CommandError(msg)
        _check_setting(name, table[name], path.name)
    found: dict[str, Any] = {known[name]: value for name, value in table.items()}
    for name in ("cache", "runs"):
        if name in found:
            found[name] = _from_folder(path.parent, found[name])
    if found.get("target", "").partition(":")[0].endswith(".py"):
        found["target"] = _from_folder(path.parent, found["target"])
    if "callbacks" in found:
        given = found["callbacks"]
        found["callbacks"] = split_names([given] if isinstance(given, str) else given)
    return Choices(**found)


def _check_setting(name: str, value: object, file: str) -> None:
    wanted, words = _KINDS.get(name, (str, "text"))
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not isinstance(value, wanted) and not (name == "callbacks" and is_list):
        got = type(value).__name__
        msg = f"{name} in [tool.hypernodes] of {file} must be {words}, not {got}"
        raise CommandError(msg)


def _from_folder(folder: Path, place: str) -> str:
    is_folder = "://" not in place and place != NO_CACHE
    return str(folder / place) if is_folder else place
