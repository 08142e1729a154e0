"""Kill this job in the middle and start it again: it goes on where it was.

What is finished is kept while the job runs, a few items at a time, and becomes
visible all at once; whatever ends the process, nothing half done is found.

    python examples/resume_a_job.py          # kill it with kill -9, or press Ctrl-C
    python examples/resume_a_job.py          # and see what is left

Another folder for the cache: give it as argument.
"""

from __future__ import annotations

import hashlib
import sys
import time

from hypernodes import DiskCache, Pipeline, SeqEngine, node

DOCUMENTS = [f"document {number}" for number in range(40)]


@node(output_name="digest")
def digest(document: str) -> str:
    """Do some long work, and say so."""
    time.sleep(0.1)
    print(f"   {document} done", flush=True)
    return hashlib.sha256(document.encode()).hexdigest()


@node(output_name="total")
def combine(digests: list[str]) -> str:
    """Put all digests together."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


each = Pipeline(nodes=[digest]).as_node(
    name="each",
    input_mapping={"documents": "document"},
    output_mapping={"digest": "digests"},
    map_over="documents",
)
job = Pipeline(nodes=[each, combine], name="job")

if __name__ == "__main__":
    engine = SeqEngine(cache=DiskCache(sys.argv[1] if len(sys.argv) > 1 else ".cache"))
    known = job.plan(documents=DOCUMENTS, engine=engine).step("each/digest").hits
    print(f"{known} of {len(DOCUMENTS)} documents are done already", flush=True)
    total = job.run(documents=DOCUMENTS, engine=engine)["total"]
    print(f"the digest of all is {total[:16]}")
