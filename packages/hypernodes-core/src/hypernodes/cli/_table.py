"""Files of records: json, jsonl, csv and parquet, in and out.

A table is a list of records, one per item of a map.  What is malformed is
named by file, line and column; what the values mean is the business of
`_values`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from hypernodes.cli._faults import CommandError, OutputError
from hypernodes.cli._plain import to_plain
from hypernodes.errors import did_you_mean

_FORMATS = ("csv", "json", "jsonl", "parquet")


@attrs.frozen
class Table:
    """The records of a file.

    Attributes:
        name: The file, as messages call it.
        rows: One dictionary per record.
        lines: The line on which each record begins; empty where lines mean
            nothing.
        is_text: Whether every value is text that still has to be read.
    """

    name: str
    rows: Sequence[Mapping[str, Any]]
    lines: Sequence[int] = ()
    is_text: bool = False

    @property
    def columns(self) -> list[str]:
        """Every name that some record has, in the order of their first use."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def where(self, number: int) -> str:
        """Return how messages call record *number*."""
        if self.lines:
            return f"{self.name}:{self.lines[number]}"
        return f"{self.name}, record {number}"

    def column(self, name: str) -> list[Any]:
        """Return the values of one column.

        Raises:
            CommandError: There is no such column, or a record lacks it.
        """
        columns = self.columns
        if self.rows and name not in columns:
            known = ", ".join(columns)
            msg = f"{self.name} has no column {name!r}{did_you_mean(name, columns)}"
            raise CommandError(msg if "did you mean" in msg else f"{msg}; it has {known}")
        for number, row in enumerate(self.rows):
            if name not in row:
                msg = f"{self.where(number)}: no value for {name!r}, which other records have"
                raise CommandError(msg)
        return [row[name] for row in self.rows]


def read_table(path: str) -> Table:
    """Return the records of *path*, or of standard input for ``-`` (as jsonl).

    Raises:
        CommandError: There is no such file, its format is unknown, or what
            it holds is malformed.
    """
    if path == "-":
        return _read_jsonl("standard input", sys.stdin.read())
    kind = file_format(path)
    if kind == "parquet":
        return _read_parquet(path)
    readers = {"csv": _read_csv, "json": _read_json, "jsonl": _read_jsonl}
    return readers[kind](path, read_text(path))


def read_text(path: str) -> str:
    """Return the text of a file.

    Raises:
        CommandError: There is no such file, or it is not UTF-8.
    """
    try:
        return Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        byte = f"byte {error.object[error.start]:#04x}"
        msg = f"{path}:{line}:{column}: not UTF-8: {byte}"
        raise CommandError(msg) from error
    except OSError as error:
        beside = [each.as_posix() for each in Path(path).parent.glob("*") if each.is_file()]
        msg = f"cannot read {path}: {error.strerror}{did_you_mean(path, beside)}"
        raise CommandError(msg) from error


def parse_json(text: str, name: str, first_line: int = 1) -> Any:
    """Return the value of a JSON text; *name* and *first_line* are for messages.

    Raises:
        CommandError: It is not JSON; the message names line and column.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        msg = f"{name}:{line}:{error.colno}: not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise CommandError(msg) from error


def file_format(path: str) -> str:
    """Return the format that the suffix of *path* names.

    Raises:
        CommandError: It names none.
    """
    suffix = Path(path).suffix.lstrip(".").lower()
    kind = "jsonl" if suffix == "ndjson" else suffix
    if kind not in _FORMATS:
        msg = (
            f"cannot tell the format of {path!r}; use one of {', '.join('.' + f for f in _FORMATS)}"
        )
        raise CommandError(msg)
    return kind


def write_table(path: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write *rows* to *path*, or to standard output for ``-`` (as jsonl).

    The file is complete or not there: it is written beside and renamed.

    Raises:
        CommandError: The format is unknown.
        OutputError: It cannot be written; where the format is to blame, the
            rows are in another file beside.
    """
    kind = "jsonl" if path == "-" else file_format(path)
    plain = [to_plain(row) for row in rows]
    if kind == "parquet":
        _write_parquet(path, plain)
        return
    text = {"csv": _csv_text, "json": _json_text, "jsonl": _jsonl_text}[kind](plain)
    if path == "-":
        sys.stdout.write(text)
        return
    write_text(path, text)


def write_text(path: str, text: str) -> None:
    """Write *text* to *path*, completely or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    _replace(path, lambda beside: beside.write_text(text, "utf-8", newline=""))


def check_writable(path: str) -> None:
    """Refuse a file that could not be written when everything is computed.

    Raises:
        CommandError: There is no such folder, or it cannot be written to.
    """
    target = Path(path)
    if target.is_dir():
        msg = f"cannot write {path}: it is a folder"
    elif not target.parent.is_dir():
        msg = f"cannot write {path}: there is no folder {str(target.parent)!r}"
    elif not os.access(target.parent, os.W_OK):
        msg = f"cannot write {path}: the folder cannot be written to"
    else:
        return
    raise CommandError(msg)


def _replace(path: str, write: Callable[[Path], object]) -> None:
    """Let *write* write a file beside *path*, and put it in its place."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.part")
    try:
        write(beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        msg = f"cannot write {path}: {error.strerror or error}"
        raise OutputError(msg) from error


def _read_jsonl(name: str, text: str) -> Table:
    rows, lines = [], []
    # strings may hold what else is called a line break
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            rows.append(_record(parse_json(line, name, number), f"{name}:{number}"))
            lines.append(number)
    return Table(name, rows, lines)


def _read_json(name: str, text: str) -> Table:
    found = parse_json(text, name)
    if not isinstance(found, list):
        msg = f"{name} must hold a list of records, but holds {_kind(found)}"
        raise CommandError(msg)
    return Table(name, [_record(each, f"{name}, record {n}") for n, each in enumerate(found)])


def _record(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{where}: a record must be an object of names and values, not {_kind(value)}"
        raise CommandError(msg)
    return value


def _read_csv(name: str, text: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, fields in _fields(reader, name):
        if not lines:
            header = _header(fields, f"{name}:{line}")
            lines.append(line)
            continue
        if len(fields) != len(header):
            msg = f"{name}:{line}: {len(fields)} fields, where the header names {len(header)}"
            raise CommandError(msg)
        rows.append(dict(zip(header, fields, strict=True)))
        lines.append(line)
    return Table(name, rows, lines[1:], is_text=True)


def _header(fields: list[str], where: str) -> list[str]:
    """Return the names of the columns, each of which is there once."""
    for place, each in enumerate(fields):
        if each in fields[:place]:
            msg = f"{where}: the header names {each!r} twice"
            raise CommandError(msg)
    return fields


def _fields(reader: Iterator[list[str]], name: str) -> Iterator[tuple[int, list[str]]]:
    line = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            msg = f"{name}:{line}: not CSV: {error}"
            raise CommandError(msg) from error
        if fields is None:
            return
        if fields:
            yield line, fields
        # a field may hold line breaks, so the reader knows where the next record begins
        line = getattr(reader, "line_num", line) + 1


def _read_parquet(path: str) -> Table:
    pa = _pyarrow("parquet")
    try:
        rows = pa.parquet.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        msg = f"cannot read {path}: {error}"
        raise CommandError(msg) from error
    return Table(path, rows)


def _write_parquet(path: str, rows: list[Any]) -> None:
    pa = _pyarrow("parquet")
    try:
        table = pa.Table.from_pylist(rows)
    except pa.ArrowException as error:
        # what was computed must not be lost over a format
        beside = str(Path(path).with_suffix(".jsonl"))
        write_text(beside, _jsonl_text(rows))
        msg = f"cannot write {path}: {error}; the rows are in {beside}"
        raise OutputError(msg) from error
    _replace(path, lambda beside: pa.parquet.write_table(table, beside))


def _pyarrow(what: str) -> Any:
    try:
        # deferred: an optional package, needed for one format
        import pyarrow as pa
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        msg = f"{what} files need pyarrow; run: pip install 'hypernodes[batch]'"
        raise CommandError(msg) from error
    return pa


def _csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _json_text(rows: Any) -> str:
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _jsonl_text(rows: Iterable[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "null"}
    return names.get(type(value), f"a {type(value).__name__}")
