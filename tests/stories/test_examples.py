import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, *arguments: str) -> str:
    """Run an example in a new process and return what it printed."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def counts(text: str) -> dict[str, tuple[int, int]]:
    """Return {node: (ran, hit)} as the example printed it."""
    rows = re.findall(r"^ +(\w+) +ran +(\d+) +hit +(\d+)$", text, re.MULTILINE)
    return {node: (int(ran), int(hit)) for node, ran, hit in rows}


def test_search_the_docs_computes_nothing_twice(tmp_path: Path) -> None:
    """Four runs in four processes: all runs, all hits, one query runs, one passage runs."""
    cache, picture = tmp_path / "cache", tmp_path / "picture.mmd"
    printed = run_example("search_the_docs.py", "--cache", str(cache), "--picture", str(picture))
    first, again, query, added = (counts(part) for part in printed.split("\n== ")[1:5])
    passages = first["clean"][0] - 1
    per_item = ("clean", "tokenise", "weigh")
    assert dict.fromkeys(per_item, (passages + 1, 0)) == {n: first[n] for n in per_item}
    assert {name: (0, ran) for name, (ran, _) in first.items()} == again
    assert dict.fromkeys(per_item, (1, passages)) == {n: query[n] for n in per_item}
    assert (0, 1) == query["build_index"]
    assert dict.fromkeys(per_item, (1, passages + 1)) == {n: added[n] for n in per_item}
    assert picture.read_text(encoding="utf-8").startswith('---\ntitle: "search_the_docs"')
