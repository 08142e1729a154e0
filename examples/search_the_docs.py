"""Search the Python language reference, and compute nothing twice.

The reference that every Python ships (``pydoc_data.topics``) is split into
passages; each passage is cleaned, tokenised and weighted by a small pipeline
that is mapped over all of them; the results form an index; a query, read by
the same small pipeline, is answered from it.

Run without arguments, this shows four runs, each in a process of its own, on
one cache: the first executes, the second finds everything, the third has
another query, the fourth has more passages.
"""

from __future__ import annotations

import argparse
import difflib
import math
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from pydoc_data.topics import topics as reference

from hypernodes import DiskCache, Pipeline, PipelineCallback, SeqEngine, node, stateful
from hypernodes.cache import Entry
from hypernodes.hashing import Signature
from hypernodes.telemetry import ProgressCallback

Weights = dict[str, float]


@stateful
class Lexicon:
    """How rare each word of the reference is; built at first use, once per process."""

    def __init__(self, shortest: int) -> None:
        texts = [set(re.findall(r"[a-z]+", text.lower())) for text in reference.values()]
        counts = Counter(word for words in texts for word in words if len(word) >= shortest)
        self.rarity = {word: math.log(len(texts) / count) for word, count in counts.items()}
        self.by_start: dict[str, list[str]] = {}
        for word in sorted(self.rarity):
            self.by_start.setdefault(word[:2], []).append(word)

    def neighbours(self, word: str) -> list[str]:
        """Return words spelled much like *word*, itself excluded."""
        found = difflib.get_close_matches(word, self.by_start.get(word[:2], ()), n=4, cutoff=0.8)
        return [other for other in found if other != word]


@node(output_name="cleaned")
def clean(passage: str) -> str:
    """Drop markup."""
    return re.sub(r"[*_`~^\"-]+", " ", passage).lower()


@node(output_name="tokens")
def tokenise(cleaned: str, lexicon: Lexicon) -> list[str]:
    """Keep the words that the lexicon knows, or that look like one it knows."""
    words = re.findall(r"[a-z]{3,}", cleaned)
    return [
        each
        for word in words
        for each in ([word] if word in lexicon.rarity else lexicon.neighbours(word)[:1])
    ]


@node(output_name="weights")
def weigh(tokens: list[str], lexicon: Lexicon, kindred: float = 0.3) -> Weights:
    """Weigh words by frequency and rarity; words of kindred spelling count a little."""
    weights: Weights = {}
    for word, count in Counter(tokens).items():
        weight = (1 + math.log(count)) * lexicon.rarity[word]
        weights[word] = weights.get(word, 0.0) + weight
        for other in lexicon.neighbours(word):
            weights[other] = weights.get(other, 0.0) + kindred * weight
    length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
    return {word: weight / length for word, weight in weights.items()}


@node(output_name="passages")
def split_passages(topics: dict[str, str], words: int = 80) -> list[str]:
    """Cut each topic at empty lines into passages of at least some words."""
    passages = []
    for name, text in topics.items():
        current: list[str] = []
        for paragraph in text.split("\n\n"):
            current += paragraph.split()
            if len(current) >= words:
                passages.append(f"[{name}] {' '.join(current)}")
                current = []
        if current:
            passages.append(f"[{name}] {' '.join(current)}")
    return passages


@node(output_name="index")
def build_index(all_weights: list[Weights]) -> dict[str, list[tuple[int, float]]]:
    """Return for each word the passages that hold it, with its weight there."""
    index: dict[str, list[tuple[int, float]]] = {}
    for number, weights in enumerate(all_weights):
        for word, weight in weights.items():
            index.setdefault(word, []).append((number, weight))
    return index


@node(output_name="answers")
def answer(
    index: dict[str, list[tuple[int, float]]],
    query_weights: Weights,
    passages: list[str],
    top: int = 3,
) -> list[tuple[float, str]]:
    """Return the best passages with their scores."""
    scores: dict[int, float] = defaultdict(float)
    for word, weight in query_weights.items():
        for number, there in index.get(word, ()):
            scores[number] += weight * there
    best = sorted(scores.items(), key=lambda each: -each[1])[:top]
    return [(round(score, 3), passages[number]) for number, score in best]


read = Pipeline(nodes=[clean, tokenise, weigh], name="read")
search = Pipeline(
    nodes=[
        split_passages,
        read.as_node(
            name="read_passages",
            input_mapping={"passages": "passage"},
            output_mapping={"weights": "all_weights"},
            map_over="passages",
        ),
        build_index,
        read.as_node(
            name="read_query",
            input_mapping={"query": "passage"},
            output_mapping={"weights": "query_weights"},
        ),
        answer,
    ],
    name="search_the_docs",
)

NOTE = {
    "pipelines": (
        "A pipeline is made of functions. A function waits for the values that its parameters "
        "name, and a result that is known already is not computed again."
    )
}
RUNS = {
    "first": ("a first run: everything executes", "what does a generator yield", {}),
    "again": ("the same in a new process: everything is a hit", "what does a generator yield", {}),
    "query": (
        "another query: only what depends on it runs",
        "how do I inherit from a metaclas",
        {},
    ),
    "added": (
        "an added topic: only its passages are read",
        "how do I inherit from a metaclas",
        NOTE,
    ),
}


class Tally(PipelineCallback):
    """Counts, per node, what ran and what was a hit."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.keys: list[str] = []

    def on_node_end(self, node_id: str, outputs: object, duration: float, ctx: object) -> None:
        """Count an execution."""
        self.ran[node_id] += 1

    def on_node_cached(self, node_id: str, signature: str, ctx: object) -> None:
        """Count a hit."""
        self.hits[node_id] += 1
        self.keys.append(signature)


def show_run(name: str, cache: Path) -> None:
    """Carry out one of the runs and say what it did."""
    title, query, more = RUNS[name]
    print(f"\n== {title}", flush=True)
    store, tally = DiskCache(path=cache), Tally()
    engine = SeqEngine(cache=store, callbacks=[ProgressCallback(), tally])
    inputs = {"topics": {**reference, **more}, "query": query, "lexicon": Lexicon(shortest=3)}
    wanted = ["passages", "answers"]
    started = time.perf_counter()
    outputs = search.run(inputs, wanted, engine)
    seconds = time.perf_counter() - started
    for step in ("split_passages", "clean", "tokenise", "weigh", "build_index", "answer"):
        print(f"   {step:<15} ran {tally.ran[step]:>5}   hit {tally.hits[step]:>5}")
    print(f"   {seconds:.2f} s for {len(outputs['passages'])} passages; ", end="")
    found = store.lookup_many([Signature.parse(key) for key in tally.keys])
    saved = sum(entry.seconds for entry in found if isinstance(entry, Entry))
    print(f"{saved:.2f} s of work saved")
    print(f"   {query!r}:")
    for score, passage in outputs["answers"]:
        print(f"     {score:.3f}  {passage[:88]}")


def main() -> None:
    """Show all runs, each in a new process, then the picture of the pipeline."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", nargs="?", choices=RUNS, help="only this run")
    parser.add_argument("--cache", type=Path, help="the folder of the cache (default: a new one)")
    parser.add_argument(
        "--picture", type=Path, help="where the picture goes (default: beside the cache)"
    )
    options = parser.parse_args()
    if options.run:
        show_run(options.run, options.cache or Path(".cache"))
        return
    folder = Path(tempfile.mkdtemp(prefix="hypernodes-demo-"))
    cache = options.cache or folder / "cache"
    for name in RUNS:
        subprocess.run([sys.executable, __file__, name, "--cache", str(cache)], check=True)
    picture = options.picture or folder / "search_the_docs.mmd"
    print(f"\n== the pipeline (as Mermaid in {picture})\n")
    search.visualize(filename=picture, depth=2)
    print(search.visualize(engine="text", depth=2))


if __name__ == "__main__":
    main()
