"""The file of a run: one JSON object a line, only ever appended to.

::

    {"event": "begin", "schema": 1, "run": "4fd1...", "pipeline": "words", ...}
    {"event": "step", "run": "4fd1...", "item": 3, "step": "clean", "kind": "hit", ...}
    {"event": "end", "run": "4fd1...", "kind": "executed", "seconds": 1.25}

=========  ======================================================================
begin      a run, or a run inside it: `run` (its id), `parent` (the id around it),
           `parent_step`, `pipeline`, `pipeline_id`, `path`, `engine`, `items`
           (null for a single run), `nodes`, `inputs` (in words), `at` (seconds
           since the epoch); the outermost one also `schema`, `host`, `pid`,
           `python`, `version`, `command`, `folder` and `target`
step       how a step ended: `run`, `item`, `step` (its path), `name`, `nested`,
           `reads`, `writes`, `kind` (executed, hit, failed), `at`, `seconds`,
           `reason`, `saved` (seconds) and `worker`, where they are known
failure    why a step failed, after its line: `run`, `item` (of the outermost map),
           `inner` (the items of maps inside, a list), `step`, `error`,
           `message`, `traceback`, `function` (module, name, file, line), `inputs`
           (in words), `pickle` (the inputs themselves, base64, where they are small)
item       how an item ended: `run`, `item`, `kind`, `at`, `seconds`
end        how a run ended: `run`, `kind`, `at`, `seconds`, `error`
=========  ======================================================================

A process that dies leaves a file without its last lines and perhaps half a
line; readers take what is there.  Later schemas add keys and events, so readers
skip what they do not know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from hypernodes.errors import did_you_mean

SCHEMA: Final = 1

#: What each event cannot do without.
_NEEDED: Final = {
    "begin": {"run"},
    "step": {"run", "step", "kind"},
    "failure": {"run", "step"},
    "item": {"run", "item", "kind"},
    "end": {"run", "kind"},
}
_NUMBERS: Final = {"at", "seconds", "saved"}
#: Lists of whole numbers.
_COUNTS: Final = {"inner"}
_WHOLE: Final = {"item", "items", "pid", "schema"}
#: Lists of texts, or texts by name.
_TEXTS: Final = {"nodes", "reads", "writes", "command", "inputs"}
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(_NUMBERS, (int, float)),
    **dict.fromkeys(_WHOLE, int),
    **dict.fromkeys((_TEXTS - {"inputs"}) | _COUNTS, list),
    "inputs": dict,
    "nested": bool,
    "function": (dict, list),
    **dict.fromkeys(
        (
            *("run", "parent", "parent_step", "pipeline", "pipeline_id", "path", "engine"),
            *("host", "python", "version", "folder", "target", "step", "name", "kind"),
            *("reason", "worker", "error", "message", "traceback", "pickle"),
        ),
        str,
    ),
}
RUNS_VARIABLE: Final = "HYPERNODES_RUNS"
DEFAULT_FOLDER: Final = ".hypernodes/runs"
LAST: Final = "last"
SHORT_ID: Final = 8
_SUFFIX: Final = ".jsonl"
# made once: `json.dumps` would make one per line
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def runs_folder(folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of run files: *folder*, else ``HYPERNODES_RUNS``, else the default."""
    return Path(folder or os.environ.get(RUNS_VARIABLE) or DEFAULT_FOLDER)


def create_run_file(folder: Path, run_id: str, stamp: str) -> IO[str]:
    """Open a new file for one run, in a folder that is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / f"{stamp}-{run_id[:SHORT_ID]}{_SUFFIX}").open("x", encoding="utf-8")


def list_run_files(folder: Path) -> list[Path]:
    """Return the files of all runs in *folder*, the latest first."""
    return sorted(folder.glob(f"*{_SUFFIX}"), reverse=True)


def find_run_file(folder: Path, name: str) -> Path:
    """Return the file that *name* means.

    Args:
        folder: Where to look.
        name: ``"last"``, the beginning of a run's id, or a file.

    Raises:
        LookupError: There is none, or several fit.
    """
    if name.endswith(_SUFFIX) and Path(name).is_file():
        return Path(name)
    files = list_run_files(folder)
    if not files:
        msg = f"there are no runs in {folder}; record one with --runs or {RUNS_VARIABLE}"
        raise LookupError(msg)
    if name == LAST:
        return files[0]
    ids = {path: path.stem.rpartition("-")[2] for path in files}
    found = [path for path in files if name and (ids[path].startswith(name) or path.stem == name)]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(ids[path] for path in found)
        msg = f"several runs in {folder} begin with {name!r}: {several}"
        raise LookupError(msg)
    hint = did_you_mean(name, ids.values()) or f"; the latest is {ids[files[0]]!r}"
    msg = f"there is no run {name!r} in {folder}{hint}"
    raise LookupError(msg)


def write_line(file: IO[str], line: Mapping[str, Any]) -> None:
    """Append one line; keys without a value are left out."""
    known = {key: value for key, value in line.items() if value is not None}
    file.write(_encode(known) + "\n")


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run file; one that was not finished ends it, odd ones are left out."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except (json.JSONDecodeError, RecursionError):
                return
            if isinstance(line, dict):
                known = {key: value for key, value in line.items() if value is not None}
                if _makes_sense(known):
                    yield known


def _makes_sense(line: Mapping[str, Any]) -> bool:
    """Say whether a line has what readers count on: files come from anywhere."""
    event = line.get("event")
    if not isinstance(event, str) or not _NEEDED.get(event, set()) <= line.keys():
        return False
    typed = all(isinstance(value, _TYPES.get(key, object)) for key, value in line.items())
    return (
        typed
        and all(isinstance(text, str) for key in _TEXTS & line.keys() for text in _each(line[key]))
        and all(type(number) is int for key in _COUNTS & line.keys() for number in line[key])
    )


def _each(values: Any) -> Any:
    return values if isinstance(values, list) else values.values()
