"""Work on large arrays: each is kept as a ``.npy`` file and found again.

A cache takes arrays without pickle.  Large ones lie in files of their own,
under the fingerprint of their content, so that equal results are kept once
and a change at the end of the pipeline reads what came before, and nothing more.

    python examples/process_images.py

Run again, it computes nothing.  Another folder for the cache: give it as argument.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hypernodes import Pipeline, SeqEngine, node

SIDE = 1024


@node(output_name="image")
def take_picture(number: int) -> np.ndarray:
    """Make a noisy picture of a bright disc; a camera would be slower."""
    print(f"   took picture {number}")
    random = np.random.default_rng(number)
    left, top = random.uniform(300, 700, size=2)
    rows, columns = np.ogrid[:SIDE, :SIDE]
    disc = (rows - top) ** 2 + (columns - left) ** 2 < (60 + 20 * number) ** 2
    noisy: np.ndarray = disc + random.normal(0, 0.5, size=(SIDE, SIDE))
    return noisy.astype("float32")


@node(output_name="smooth")
def smooth_out(image: np.ndarray, width: int) -> np.ndarray:
    """Return the mean over squares of *width* pixels around each pixel."""
    padded = np.pad(image, width // 2, mode="edge").astype("float64")
    for axis in (0, 1):
        sums = np.insert(np.cumsum(padded, axis=axis), 0, 0, axis=axis)
        upper, lower = np.split(sums, [width], axis=axis)[1], np.split(sums, [-width], axis=axis)[0]
        padded = (upper - lower) / width
    return padded.astype("float32")


@node(output_name="area")
def measure(smooth: np.ndarray, threshold: float) -> int:
    """Return how many pixels are bright."""
    return int(np.count_nonzero(smooth > threshold))


pipeline = Pipeline(nodes=[take_picture, smooth_out, measure], name="discs")


def count_arrays(folder: Path) -> tuple[int, int]:
    """Return how many files of the cache hold an array as ``.npy``, and their megabytes."""
    values = [path for path in (folder / "values").rglob("*") if path.is_file()]
    arrays = [path for path in values if b"\x93NUMPY" in path.read_bytes()[:100]]
    return len(arrays), round(sum(path.stat().st_size for path in arrays) / 1e6)


if __name__ == "__main__":
    cache = Path(sys.argv[1] if len(sys.argv) > 1 else ".cache")
    engine = SeqEngine(cache=cache)
    for threshold in (0.5, 0.6):
        inputs = {"number": [1, 2, 3], "width": 15, "threshold": threshold}
        print(f"threshold {threshold}:")
        rows = pipeline.map(inputs, map_over="number", engine=engine, output_name="area")
        print(f"   areas {[row['area'] for row in rows]}")
    print("{} arrays are kept as .npy, {} MB".format(*count_arrays(cache)))
