"""The search of `search_the_docs.py`, carried out by Daft.

Only the engine is another: the passages go through Daft, in chunks, and the
results are stored under the same keys.  So `SeqEngine` finds all of them
afterwards, and answers without computing anything.

    pip install "hypernodes[daft]"
    python examples/search_on_daft.py

Run again, Daft has nothing to do.  Another folder for the cache: give it as argument.
"""

from __future__ import annotations

import sys
from pydoc_data.topics import topics
from typing import Any

from search_the_docs import Lexicon, Tally, search

from hypernodes import SeqEngine
from hypernodes.engines import DaftEngine

if __name__ == "__main__":
    cache = sys.argv[1] if len(sys.argv) > 1 else ".cache"
    inputs: dict[str, Any] = {"topics": topics, "lexicon": Lexicon(shortest=3)}
    inputs["query"] = "how do I inherit from a metaclas"
    for kind in (DaftEngine, SeqEngine):
        tally = Tally()
        engine = kind(cache=cache, callbacks=[tally])
        found = search.run(inputs, output_name="answers", engine=engine)
        # the nested pipelines, read_passages and read_query, call nothing themselves
        calls = sum(ran for name, ran in tally.ran.items() if not name.startswith("read_"))
        print(f"{kind.__name__}: {calls} calls, {tally.hits.total()} hits")
        for score, passage in found["answers"]:
            print(f"   {score:.3f}  {passage[:80]}")
