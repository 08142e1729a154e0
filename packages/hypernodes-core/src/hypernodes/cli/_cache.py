"""``hypernodes cache``: what is remembered, how much of it, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
import typer
from rich.text import Text

from hypernodes.cache import Listed, copy_results
from hypernodes.cli._ask import why
from hypernodes.cli._faults import CommandError, ExitCode
from hypernodes.cli._options import CacheOption, JsonOption
from hypernodes.cli._output import print_json, print_table, say
from hypernodes.cli._settings import NO_CACHE, read_environment, read_project
from hypernodes.cli._words import count, moment, seconds, size
from hypernodes.errors import did_you_mean
from hypernodes.hashing import Signature
from hypernodes.plugins import open_cache

_UNITS: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_TIMES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

cache = typer.Typer(
    name="cache", help="Look after the cache.", no_args_is_help=True, rich_markup_mode=None
)

cache.command("why")(why)

NodeOption = Annotated[
    list[str] | None,
    typer.Option("--node", metavar="NAME", help="Only this node.", show_default=False),
]
OtherArgument = Annotated[
    str, typer.Argument(metavar="URL", help="The other cache, a folder or a URL.")
]
PinArgument = Annotated[
    str, typer.Argument(metavar="NODE", help="A node by name or path, or a signature.")
]


@cache.command()
def stats(place: CacheOption = None, as_json: JsonOption = False) -> None:
    """Say what is there, and what it saved."""
    name, opened = _open(place)
    found = _ask(opened, "stats", name)()
    if as_json:
        print_json(found)
        return
    nodes = found.get("nodes") or {}
    if nodes:
        rows = [_node_row(path, each) for path, each in nodes.items()]
        headers = ["node", "entries", "bytes", "hits", "misses", "took", "saved"]
        print_table(headers, rows, right=headers[1:])
    say(f"{name}: {_describe(found)}", "dim")


@cache.command("ls")
def list_(
    place: CacheOption = None,
    node: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of this node alone.", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="At most so many, the latest; 0 for all.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """List results, the latest first."""
    name, opened = _open(place)
    found: Iterator[Listed] = _ask(opened, "list_results", name)(node, limit or None)
    if as_json:
        print_json([_result_as_data(each) for each in found])
        return
    headers = ["node", "stored", "used", "took", "bytes", "signature"]
    print_table(headers, map(_result_row, found), right=headers[3:5])


@cache.command()
def prune(
    place: CacheOption = None,
    *,
    max_bytes: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Keep at most this, as 10GB.", show_default=False),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Drop what is older, as 30d.", show_default=False),
    ] = None,
    max_items: Annotated[
        int | None,
        typer.Option(metavar="N", help="Keep at most so many results.", show_default=False),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of this node alone.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Drop what is beyond limits."""
    name, opened = _open(place)
    limits = {
        "max_bytes": None if max_bytes is None else int(_amount(max_bytes, _UNITS, "size")),
        "max_age": None if max_age is None else _amount(max_age, _TIMES, "age"),
        "max_items": max_items,
        "node": node,
    }
    given = {key: value for key, value in limits.items() if value is not None}
    if not given:
        msg = "say what to drop: --max-bytes, --max-age, --max-items or --node"
        raise CommandError(msg)
    try:
        dropped = _ask(opened, "prune", name)(**given)
    except (TypeError, ValueError) as error:
        msg = f"{name} cannot be pruned by {', '.join(given)}: {error}"
        raise CommandError(msg) from error
    _answer({"dropped": dropped}, f"{count(dropped, 'result')} dropped from {name}", as_json)


@cache.command()
def verify(place: CacheOption = None, as_json: JsonOption = False) -> None:
    """Read and check everything."""
    name, opened = _open(place)
    found: Mapping[str, int] = _ask(opened, "verify", name)()
    words = ", ".join(f"{number:,} {what}" for what, number in found.items())
    _answer(found, f"{name}: {words}", as_json)
    if found.get("damaged"):
        raise typer.Exit(ExitCode.FAILED)


@cache.command()
def compact(place: CacheOption = None, as_json: JsonOption = False) -> None:
    """Give unused space back."""
    name, opened = _open(place)
    freed = _ask(opened, "compact", name)()
    # folders tell bytes, stores the number of objects they merged
    is_folder = hasattr(opened, "path")
    words = f"{size(freed)} freed" if is_folder else f"{count(freed, 'object')} merged"
    _answer({"freed" if is_folder else "merged": freed}, f"{name}: {words}", as_json)


@cache.command()
def pin(target: PinArgument, place: CacheOption = None) -> None:
    """Never forget the results of a node."""
    name, opened = _open(place)
    _ask(opened, "pin", name)(target)
    say(f"{target} stays in {name}", "dim")


@cache.command()
def unpin(target: PinArgument, place: CacheOption = None) -> None:
    """Take a pin back."""
    name, opened = _open(place)
    _ask(opened, "unpin", name)(target)
    say(f"{target} may be dropped from {name} again", "dim")


@cache.command()
def clear(
    place: CacheOption = None,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget everything."""
    name, opened = _open(place)
    if not is_sure and not typer.confirm(f"forget everything in {name}?", err=True):
        raise typer.Exit(ExitCode.WRONG_REQUEST)
    opened.clear()
    say(f"{name} is empty", "dim")


@cache.command()
def push(
    other: OtherArgument,
    place: CacheOption = None,
    node: NodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy results from here to another cache."""
    name, opened = _open(place)
    copied = _copy(opened, name, open_cache(other), node)
    _answer({"copied": copied}, f"{count(copied, 'result')} copied to {_name(other)}", as_json)


@cache.command()
def pull(
    other: OtherArgument,
    place: CacheOption = None,
    node: NodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy results from another cache to here."""
    _check_there(other)
    name, opened = _open(place, may_be_new=True)
    copied = _copy(open_cache(other), _name(other), opened, node)
    _answer({"copied": copied}, f"{count(copied, 'result')} copied to {name}", as_json)


def _open(place: str | None, *, may_be_new: bool = False) -> tuple[str, Any]:
    chosen = place or read_environment().over(read_project()).cache
    if not chosen or chosen == NO_CACHE:
        msg = (
            "no cache was named; give --cache, set HYPERNODES_CACHE, "
            "or cache in [tool.hypernodes] of pyproject.toml"
        )
        raise CommandError(msg)
    if not may_be_new:
        _check_there(chosen)
    return _name(chosen), open_cache(chosen)


def _name(text: str) -> str:
    """Return what a cache is called in answers: its options may hold a key."""
    return text.partition("?")[0] if "://" in text else text


def _check_there(place: str) -> None:
    """Refuse a folder that is not there: looking at it would make it."""
    if "://" not in place and not Path(place).is_dir():
        beside = [each.name for each in Path(place).absolute().parent.glob("*") if each.is_dir()]
        msg = f"there is no cache in {place!r}{did_you_mean(Path(place).name, beside)}"
        raise CommandError(msg)


def _ask(opened: Any, method: str, name: str) -> Any:
    found = getattr(opened, method, None)
    if found is None:
        msg = f"{name} is a {type(opened).__name__}, which cannot {method}"
        raise CommandError(msg)
    return found


def _copy(source: Any, name: str, target: Any, nodes: Sequence[str] | None) -> int:
    """Copy results, and what is known of their nodes, so that misses can be explained there."""
    steps: dict[str, list[Signature]] = {}
    for each in _ask(source, "list_results", name)():
        steps.setdefault(each.step, []).append(each.signature)
    if not steps:
        msg = f"{name} holds no results"
        raise CommandError(msg)
    signatures: list[Signature] = []
    for path in _choose(list(steps), name, nodes):
        for digest, parts in source.find_nodes(path) if path else ():
            target.describe(digest, parts)
        signatures += steps[path]
    copied: int = copy_results(source, target, signatures)
    return copied


def _choose(known: Sequence[str], name: str, nodes: Sequence[str] | None) -> Sequence[str]:
    """Return the paths of *nodes*, given by name or path; by default all that are known."""
    if not nodes:
        return known
    paths = [path for path in known if path in nodes or path.rpartition("/")[2] in nodes]
    if not paths:
        msg = f"{name} has no node {nodes[0]!r}{did_you_mean(nodes[0], known)}"
        raise CommandError(msg)
    return paths


def _result_as_data(found: Listed) -> dict[str, Any]:
    return {**attrs.asdict(found, recurse=False), "signature": str(found.signature)}


def _result_row(found: Listed) -> list[Text | str]:
    return [
        found.step or Text("-", "dim"),
        moment(found.created),
        moment(found.used),
        seconds(found.seconds),
        size(found.bytes),
        Text(str(found.signature), "dim"),
    ]


def _node_row(path: str, found: Mapping[str, Any]) -> list[Text | str]:
    hits = found.get("hits", 0)
    return [
        path,
        f"{found.get('entries', 0):,}",
        size(found.get("bytes", 0)),
        Text(f"{hits:,}", "cyan" if hits else "dim"),
        f"{found.get('misses', 0):,}",
        seconds(found.get("seconds", 0.0)),
        seconds(found.get("seconds_saved", 0.0)),
    ]


def _describe(found: Mapping[str, Any]) -> str:
    entries = found.get("entries", 0)
    parts = [f"{entries:,} {'entry' if entries == 1 else 'entries'}"]
    parts.append(f"{size(found.get('bytes', 0))} of values")
    if "disk_bytes" in found:
        parts.append(f"{size(found['disk_bytes'])} on disk")
    if "seconds_saved" in found:
        parts.append(f"{count(found['hits'], 'hit')}, {seconds(found['seconds_saved'])} saved")
    return ", ".join(parts)


def _amount(text: str, units: Mapping[str, int], what: str) -> float:
    """Return a number with a unit, as ``10GB`` or ``30d``."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*([a-zA-Z]*)\s*", text)
    smallest = next(iter(units))
    unit = (match[2] if match else "").lower() or smallest
    if match is None or unit not in units:
        msg = f"{text!r} is not {'an age' if what == 'age' else 'a size'}; use {', '.join(units)}"
        raise CommandError(msg)
    return float(match[1]) * units[unit]


def _answer(data: Mapping[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        print_json(data)
    else:
        say(words)
