"""HyperNodes beside its peers, on the same work in one run: ``nox -s bench-peers``.

Times are medians over interleaved rounds; every contestant's results are
compared with those by hand.  ``--write`` puts the tables into
docs/reference/peers.md, and what the caches do into README.md, too.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import logging
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import behaviour
import numpy as np
import work_arrays
import work_compute
import work_nested
import work_pair
from by_hand import ByHand
from contestants import Contestant, MissingError
from with_hamilton import Hamilton
from with_hypernodes import HyperNodes
from with_joblib import Joblib
from with_pipefunc import Pipefunc

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "reference" / "peers.md", ROOT / "README.md"]
ROUNDS = 5
#: What takes less is timed over several calls.
LEAST_SECONDS = 0.02
CONTESTANTS: list[type[Contestant]] = [ByHand, HyperNodes, Joblib, Pipefunc, Hamilton]
ITEMS = list(range(1_000))
ARRAYS = [np.arange(131_072.0) + number for number in range(20)]
ROWS = [list(range(start, start + 50)) for start in range(20)]

#: A case gives what is timed for a contestant; the folder is empty, and its alone.
Case = Callable[[Contestant, Path], Callable[[], Any]]
CASES: dict[str, Case] = {
    "build, 2 functions": lambda one, _: one.build(work_pair),
    "run, 2 functions": lambda one, _: one.run(work_pair),
    "map, 1,000 items x 2 functions": lambda one, _: one.map(work_pair, ITEMS),
    "nested map, 20 x 50 items": lambda one, _: one.nested(work_nested, ROWS),
    "map in 2 processes, 200 items of 2 ms": lambda one, _: one.parallel(work_compute, ITEMS[:200]),
    "cold cache, 300 items x 2 functions": lambda one, at: _cold(one, at, work_pair, ITEMS[:300]),
    "warm cache, the same": lambda one, at: one.cached(work_pair, ITEMS[:300], at),
    "cold cache, 20 arrays of 1 MB x 2 functions": lambda one, at: _cold(
        one, at, work_arrays, ARRAYS
    ),
    "warm cache, the same arrays": lambda one, at: one.cached(work_arrays, ARRAYS, at),
}


def _cold(one: Contestant, folder: Path, module: Any, items: Sequence[Any]) -> Callable[[], Any]:
    call = one.cached(module, items, folder)

    def from_nothing() -> Any:
        shutil.rmtree(folder)
        folder.mkdir()
        return call()

    return from_nothing


def measure(case: Case) -> list[str]:
    """Return a cell per contestant: its median time, or what it has not."""
    with tempfile.TemporaryDirectory() as scratch:
        calls: dict[str, Callable[[], Any]] = {}
        cells: dict[str, str] = {}
        expected: Any = None
        for kind in CONTESTANTS:
            one, folder = kind(), Path(scratch) / kind.name
            folder.mkdir()
            try:
                calls[kind.name] = case(one, folder)
            except MissingError as missing:
                cells[kind.name] = str(missing)
                continue
            # warms up, fills what is to be warm, and shows that all do the same work
            found = calls[kind.name]()
            expected = found if kind is ByHand else expected
            if expected is not None and list(np.ravel(found)) != list(np.ravel(expected)):
                msg = f"{kind.name} gives something else than {ByHand.name}"
                raise AssertionError(msg)
        often = {name: max(1, int(LEAST_SECONDS / _time(call))) for name, call in calls.items()}
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                gc.collect()
                times[name].append(_time(call, often[name]))
        cells |= {name: _show(statistics.median(each)) for name, each in times.items()}
        return [cells[kind.name] for kind in CONTESTANTS]


def _time(call: Callable[[], Any], count: int = 1) -> float:
    started = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started) / count


def _show(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _said(row: list[str]) -> list[str]:
    print(*row, sep=" | ", file=sys.stderr)
    return row


def versions() -> str:
    """Return what was compared, where and when."""
    names = ("hypernodes", "joblib", "pipefunc", "sf-hamilton", "numpy")
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    machine = f"{os.cpu_count()} {platform.machine()} processors"
    date = time.strftime("%d %B %Y")
    return f"{found}; Python {platform.python_version()}, {machine}, {date}; medians of {ROUNDS}."


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into their pages")
    is_written = parser.parse_args().write
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    timed = table(
        ["", *(kind.name for kind in CONTESTANTS)],
        [_said([what, *measure(case)]) for what, case in CASES.items()],
    )
    done = table(["the cache ...", *behaviour.SCRIPTS], list(behaviour.rows()))
    parts = {"times": f"{timed}\n\n{versions()}", "behaviour": done}
    for text in parts.values():
        print(text, end="\n\n")
    if is_written:
        for page in PAGES:
            page.write_text(put(page.read_text("utf-8"), parts), "utf-8")


def put(page: str, parts: Mapping[str, str]) -> str:
    """Return *page* with each of *parts* that it has a place for."""
    for name, text in parts.items():
        part = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
        page = re.sub(part, lambda m, text=text: f"{m[1]}\n{text}\n\n{m[2]}", page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    main()
