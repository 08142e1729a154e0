"""Facts about processes that repeat one map while others store, drop and compact."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from hypernodes import DiskCache

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import sys, time
from hypernodes import DiskCache, Pipeline, SeqEngine, node

@node(output_name="y")
def same(x: int) -> int:
    return x

pipeline = Pipeline([same])
cache = DiskCache("cache")

def largest():
    rows = pipeline.map({"x": list(range(40))}, map_over="x", engine=SeqEngine(cache=cache))
    return max(row["y"] for row in rows)

role, last = sys.argv[1], 0
print(largest(), flush=True)
signature, seconds = sys.stdin.readline().split()
until = time.monotonic() + float(seconds)
while time.monotonic() < until:
    if role == "writer":
        last += 1
        cache.put(signature, 1000 + last)
        found = largest()
        assert found == 1000 + last, (found, last)
        assert largest() == largest() == found
    else:
        found = largest()
        assert found >= last, (found, last)
        last = found
        if role == "keeper":
            cache.compact()
print("fine")
"""


def test_nobody_gets_what_was_replaced(tmp_path: Path) -> None:
    """What one process stores, all see from then on, however often they asked for it before.

    ``same(x)`` of the item that ``list_results`` names first gives what the
    writer stored last: never less than a reader has seen.
    """
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "script.py", role],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for role in ("writer", "reader", "reader", "keeper")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "39\n"
    (first, *_) = DiskCache(tmp_path / "cache").list_results("same")
    outputs = [process.communicate(f"{first.signature} 2\n", timeout=60) for process in processes]
    assert [("fine\n", "")] * 4 == outputs
