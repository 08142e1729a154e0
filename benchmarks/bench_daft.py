"""`DaftEngine` against Daft by hand: ``nox -s bench -- benchmarks/bench_daft.py``.

What is compared on one core runs in a process that is pinned to it; memory
is measured in a process for each size.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from timing import Row, compare, print_table

from hypernodes import DiskCache, Pipeline, Recorder, SeqEngine, node

ITEMS = 10_000


@node(output_name="a")
def add(x: int) -> int:
    """Return one more."""
    return x + 1


@node(output_name="b")
def double(a: int) -> int:
    """Return twice as much."""
    return a * 2


@node(output_name="c")
def subtract(b: int) -> int:
    """Return three less."""
    return b - 3


@node(output_name="burnt", use_process=True)
def burn(x: int) -> int:
    """Compute for some milliseconds."""
    total = 0
    for number in range(600_000):
        total += number ^ x
    return total


@node(output_name="size")
def measure(text: str) -> int:
    """Return the size of *text*."""
    return len(text)


CHAIN = Pipeline([add, double, subtract])


def by_hand(kind: str) -> Callable[[list[int]], list[dict[str, int]]]:
    """Return the chain as three UDFs of Daft, by batch or by row."""
    # deferred: the process that measures memory imports it when it has to
    import daft

    integer = daft.DataType.int64()
    functions = [add.func, double.func, subtract.func]
    if kind == "row":
        udfs = [daft.func(each, return_dtype=integer) for each in functions]
    else:

        def in_batches(function: Callable[[int], int]) -> Any:
            def call(column: Any) -> Any:
                values = [function(value) for value in column.to_pylist()]
                return daft.Series.from_pylist(values, dtype=integer)

            return daft.func.batch(return_dtype=integer)(call)

        udfs = [in_batches(each) for each in functions]

    def run(items: list[int]) -> list[dict[str, int]]:
        frame = daft.from_pydict({"x": items})
        for name, source, udf in zip("abc", "xab", udfs, strict=True):
            frame = frame.with_column(name, udf(daft.col(source)))
        found: list[dict[str, int]] = frame.select("a", "b", "c").to_pylist()
        return found

    return run


def mapping() -> list[Row]:
    """Compare a map of trivial nodes with UDFs by hand and with `SeqEngine`."""
    # deferred: see by_hand
    import daft

    from hypernodes.engines import DaftEngine

    engine, items = DaftEngine(), list(range(ITEMS))
    expected = CHAIN.map({"x": items}, map_over="x")
    batches, rows = by_hand("batch"), by_hand("row")
    assert expected == batches(items) == rows(items)

    def ours() -> object:
        return CHAIN.map({"x": items}, map_over="x", engine=engine)

    assert expected == ours()
    identity = daft.func(lambda x: x, return_dtype=daft.DataType.int64())
    shapes = "map of 10,000 items x 3 trivial nodes"
    return [
        compare(f"{shapes} vs batch UDFs", ours, lambda: batches(items), target=1.3, units=ITEMS),
        compare(
            f"{shapes} vs row UDFs",
            ours,
            lambda: rows(items),
            target=0.25,
            units=ITEMS,
            repeats=3,
        ),
        _beside_sequential(shapes, ours, items),
        compare(
            "map of one item vs a query of one UDF",
            lambda: CHAIN.map({"x": [1]}, map_over="x", engine=engine),
            lambda: daft.from_pydict({"x": [1]}).select(identity(daft.col("x"))).to_pylist(),
            target=2,
            repeats=15,
        ),
    ]


def _beside_sequential(what: str, ours: Callable[[], object], items: list[int]) -> Row:
    """Return the ratio to `SeqEngine` of what is left after ten milliseconds."""

    def took(call: Callable[[], object]) -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    pairs = [(took(ours), took(lambda: CHAIN.map({"x": items}, map_over="x"))) for _ in range(15)]
    ratio = statistics.median(max(0.0, mine - 0.01) / other for mine, other in pairs)
    measured = statistics.median(mine for mine, _ in pairs) / len(items)
    return Row(f"{what}, less 10 ms, vs SeqEngine", measured, ratio, 1.2)


def nesting() -> list[Row]:
    """Compare a nested map with one UDF that loops."""
    # deferred: see by_hand
    import daft

    from hypernodes.engines import DaftEngine

    inner = CHAIN.as_node(input_mapping={"xs": "x"}, map_over="xs", name="inner")
    pipeline = Pipeline([inner])
    items = [list(range(start, start + 10)) for start in range(1000)]
    numbers = daft.DataType.list(daft.DataType.int64())
    struct = daft.DataType.struct(dict.fromkeys("abc", numbers))

    def loop(column: Any) -> Any:
        found = []
        for xs in column.to_pylist():
            a = [add.func(x) for x in xs]
            b = [double.func(x) for x in a]
            found.append({"a": a, "b": b, "c": [subtract.func(x) for x in b]})
        return daft.Series.from_pylist(found, dtype=struct)

    udf = daft.func.batch(return_dtype=struct, unnest=True)(loop)

    def hand() -> object:
        return daft.from_pydict({"xs": items}).select(udf(daft.col("xs"))).to_pylist()

    def ours() -> object:
        return pipeline.map({"xs": items}, map_over="xs", engine=DaftEngine())

    assert hand() == ours()
    return [compare("nested map of 1,000 x 10 vs one UDF that loops", ours, hand, target=1.3)]


def hitting() -> list[Row]:
    """Compare a map of hits with a bare bulk lookup of the same keys."""
    # deferred: see by_hand
    from hypernodes.engines import DaftEngine
    from hypernodes.hashing import Signature

    with tempfile.TemporaryDirectory() as folder:
        cache, recorder = DiskCache(f"{folder}/cache"), Recorder()
        inputs = {"x": list(range(ITEMS))}
        CHAIN.map(inputs, map_over="x", engine=SeqEngine(cache=cache))
        CHAIN.map(inputs, map_over="x", engine=SeqEngine(cache, [recorder]))
        texts = [args[1] for name, args in recorder.events if name == "node_cached"]
        keys = [Signature.parse(text) for text in texts]
        engine = DaftEngine(cache=cache)

        def bare() -> object:
            return cache.load_many([(entry, 0) for entry in cache.lookup_many(keys)])

        return [
            compare(
                "map of 10,000 x 3 hits vs a bulk lookup of the keys",
                lambda: CHAIN.map(inputs, map_over="x", engine=engine),
                bare,
                target=2,
                units=3 * ITEMS,
                repeats=3,
            )
        ]


def computing() -> list[Row]:
    """Compare two processes with one, on nodes that compute."""
    # deferred: see by_hand
    from hypernodes.engines import DaftEngine

    pipeline, inputs = Pipeline([burn]), {"x": list(range(240))}
    engine = DaftEngine(num_workers=2)
    free = (os.cpu_count() or 1) - os.getloadavg()[0]
    what = f"nodes that compute, two processes vs SeqEngine ({free:.1f} cores were free)"
    return [
        compare(
            what,
            lambda: pipeline.map(inputs, map_over="x", engine=engine),
            lambda: pipeline.map(inputs, map_over="x"),
            target=0.625,
            repeats=1,
        )
    ]


def remembering() -> list[Row]:
    """Compare the peak memory of a transform with that of four times the input."""
    with tempfile.TemporaryDirectory() as folder:
        _in_process("write", f"{folder}/small", "50")
        written = sorted(Path(folder, "small").rglob("*.parquet"))
        Path(folder, "large").mkdir()
        for number, path in enumerate(written * 4):
            Path(folder, "large", f"{number}.parquet").hardlink_to(path)
        # in order, Daft keeps what it read of later files: by hand as by us
        return [
            _growth(folder, "one file after another", 1.15, "read", "one"),
            _growth(folder, "files side by side, Daft's default", None, "read"),
            _growth(folder, "files side by side, by hand", None, "hand"),
        ]


def _growth(folder: str, how: str, target: float | None, *command: str) -> Row:
    """Return how the peak memory grows when the input does fourfold."""
    peaks = [
        # how far Daft gets ahead of its consumer differs from run to run
        statistics.median(
            float(_in_process(*command[:1], f"{folder}/{name}", *command[1:]).split()[-1])
            for _ in range(3)
        )
        for name in ("small", "large")
    ]
    what = f"transform by iter_partitions, peak memory ({peaks[0]:.0f} MB) at 4x the input: {how}"
    return Row(what, 0.0, peaks[1] / peaks[0], target)


def write_files(folder: str, count: int) -> None:
    """Write Parquet files of about 10 MB each."""
    # deferred: see by_hand
    import daft

    for number in range(count):
        texts = [f"{row:08d}" * 200 for row in range(number * 6_000, (number + 1) * 6_000)]
        daft.from_pydict({"text": texts}).write_parquet(f"{folder}/{number}", compression="none")


def read_files(folder: str, is_ours: bool, is_one_by_one: bool) -> None:
    """Transform all files, partition by partition; print the peak memory."""
    # deferred: see by_hand
    import daft

    if is_one_by_one:
        daft.set_execution_config(scantask_max_parallel=1)
    frame = daft.read_parquet(f"{folder}/**/*.parquet")
    if is_ours:
        found = Pipeline([measure]).transform(frame)
    else:
        found = frame.with_column("size", _sizes_by_hand()(daft.col("text")))
    rows = sum(len(part) for part in found.iter_partitions())
    print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _sizes_by_hand() -> Any:
    # deferred: see by_hand
    import daft

    integer = daft.DataType.int64()

    def sizes(column: Any) -> Any:
        return daft.Series.from_pylist(list(map(len, column.to_pylist())), dtype=integer)

    return daft.func.batch(return_dtype=integer)(sizes)


def _in_process(*arguments: str) -> str:
    command = [sys.executable, str(Path(__file__)), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(arguments: list[str]) -> None:
    """Run all comparisons, or the one that *arguments* name."""
    if arguments[:1] == ["write"]:
        write_files(arguments[1], int(arguments[2]))
    elif arguments[:1] in (["read"], ["hand"]):
        read_files(arguments[1], arguments[0] == "read", "one" in arguments)
    elif arguments[:1] == ["pinned"]:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print_table("Daft: maps, on one core", [*mapping(), *nesting(), *hitting()])
    else:
        print(_in_process("pinned"))
        print_table("Daft: processes and memory", [*computing(), *remembering()])


if __name__ == "__main__":
    main(sys.argv[1:])
