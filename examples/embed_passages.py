"""Embed passages in batches, and only those that are new.

`embed` is a `DualNode`: one body for a single text, one for a column of them.
A map hands what is missing to the batch body, all at once; the query goes to the single one.

    python examples/embed_passages.py

Run again, it embeds nothing.  Another folder for the cache: give it as argument.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING

import numpy as np

from hypernodes import DualNode, Pipeline, SeqEngine, node

if TYPE_CHECKING:
    import pyarrow as pa

DIMENSIONS = 512
PASSAGES = [
    "A pipeline is made of functions, and each of them is a node.",
    "A parameter takes the output of that name.",
    "Results are kept in a cache, one by one.",
    "An engine decides where the items of a map are computed.",
    "A model is built at its first use, once in each process.",
]
ADDED = "Callbacks hear what happens in a run, and cannot change it."


@node(output_name="cleaned")
def clean(passage: str) -> str:
    """Drop what does not count."""
    return " ".join(passage.lower().split())


def embed_text(cleaned: str) -> np.ndarray:
    """Return the vector of one text."""
    print("   embedded one text")
    return embed([cleaned]).ravel()


def embed_column(cleaned: pa.Array) -> np.ndarray:
    """Return one vector per text."""
    print(f"   embedded a batch of {len(cleaned)}")
    return embed(cleaned.to_pylist())


def embed(texts: list[str]) -> np.ndarray:
    """Return rows of length one: which groups of four letters each text has, and how often."""
    groups = [[text[at : at + 4].encode() for at in range(len(text) - 3)] for text in texts]
    places = [[zlib.crc32(group) % DIMENSIONS for group in row] for row in groups]
    counts = np.array([np.bincount(row, minlength=DIMENSIONS) for row in places], dtype="float32")
    rows: np.ndarray = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    return rows


@node(output_name="answer")
def find_nearest(vectors: list[np.ndarray], wanted: np.ndarray, passages: list[str]) -> str:
    """Return the passage whose vector is nearest."""
    return passages[int(np.argmax(np.stack(vectors) @ wanted))]


read = Pipeline(nodes=[clean, DualNode("vector", embed_text, embed_column)], name="read")
corpus = read.as_node(
    input_mapping={"passages": "passage"}, output_mapping={"vector": "vectors"}, map_over="passages"
)
query = read.as_node(input_mapping={"query": "passage"}, output_mapping={"vector": "wanted"})
search = Pipeline(nodes=[corpus, query, find_nearest], name="search")

if __name__ == "__main__":
    engine = SeqEngine(cache=sys.argv[1] if len(sys.argv) > 1 else ".cache")
    for passages, text in [(PASSAGES, "which results are kept"), ([*PASSAGES, ADDED], "callback")]:
        print(f"{len(passages)} passages, {text!r}:")
        found = search.run(inputs={"passages": passages, "query": text}, engine=engine)
        print(f"   {found['answer']}")
