"""Facts about the examples: they run, and print what they promise to show."""

from __future__ import annotations

import ast
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = "search_the_docs.py"
PAGES = sorted((EXAMPLES.parent / "docs").rglob("*.md"))
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != DEMO)


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


def run_twice(name: str, cache: Path) -> tuple[list[str], list[str]]:
    """Return the lines of two runs on one cache."""
    first, second = (run_example(name, str(cache)).splitlines() for _ in range(2))
    return first, second


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


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_is_short_and_says_how_to_run_it(name: str) -> None:
    """A program has at most 80 lines, and begins with what it shows and its command."""
    text = (EXAMPLES / name).read_text("utf-8")
    assert len(text.splitlines()) <= 80
    assert f"python examples/{name}" in (ast.get_docstring(ast.parse(text)) or "")


def test_the_index_names_every_example() -> None:
    """The page of the examples links to each program and each plugin."""
    page = (EXAMPLES / "README.md").read_text("utf-8")
    plugins = [f"plugins/{path.parent.name}/README.md" for path in EXAMPLES.glob("plugins/*/src")]
    assert [name for name in [DEMO, *PROGRAMS, *plugins] if f"]({name})" not in page] == []


def test_embed_passages_embeds_what_is_new_in_one_batch(tmp_path: Path) -> None:
    """A batch of all, then a batch of the added one, then nothing."""
    pytest.importorskip("numpy")
    pytest.importorskip("pyarrow")
    first, second = run_twice("embed_passages.py", tmp_path)
    answers = [
        "5 passages, 'which results are kept':",
        "   Results are kept in a cache, one by one.",
        "6 passages, 'callback':",
        "   Callbacks hear what happens in a run, and cannot change it.",
    ]
    embedded = [line.strip() for line in first if "embedded" in line]
    assert ["a batch of 5", "one text", "a batch of 1", "one text"] == [
        line.removeprefix("embedded ") for line in embedded
    ]
    assert [answers, answers] == [[line for line in first if "embedded" not in line], second]


def test_ask_a_model_asks_again_and_never_twice(tmp_path: Path) -> None:
    """Ten questions are turned away and asked again; later, all answers are known."""
    first, second = run_twice("ask_a_model.py", tmp_path)
    answer = "What is 12 squared? It is 144."
    assert first == ["30 answers, 40 requests, 10 of them turned away", answer]
    assert second == ["30 answers, 0 requests, 0 of them turned away", answer]


def test_sweep_parameters_trains_what_is_new(tmp_path: Path) -> None:
    """A wider sweep trains three models of twelve, and the same sweep later none."""
    pytest.importorskip("numpy")
    first, second = run_twice("sweep_parameters.py", tmp_path)
    assert ["9 models: 0 known, 9 to train", "12 models: 9 known, 3 to train"] == first[::2]
    assert ["9 models: 9 known, 0 to train", "12 models: 12 known, 0 to train"] == second[::2]
    assert first[1::2] == second[1::2]
    assert re.fullmatch(r" +best: 8\d\.\d% with learning rate 1\.0 and penalty 0\.0", first[3])


def test_search_on_daft_shares_its_cache(tmp_path: Path) -> None:
    """What Daft made, the sequential engine finds; answers and keys are the same."""
    pytest.importorskip("daft")
    pytest.importorskip("hypernodes_daft")
    first, second = run_twice("search_on_daft.py", tmp_path)
    calls = [int(number) for number in re.findall(r"(\d+) calls", "\n".join(first + second))]
    assert (calls[0] > 1000, calls[1:]) == (True, [0, 0, 0])
    assert first[1:4] == first[5:] == second[1:4] == second[5:]


def test_process_images_keeps_arrays_as_npy(tmp_path: Path) -> None:
    """Large arrays lie in files of their own, and are found again by both thresholds."""
    pytest.importorskip("numpy")
    first, second = run_twice("process_images.py", tmp_path)
    taken = [f"   took picture {number}" for number in (1, 2, 3)]
    assert (taken, first[0]) == (first[1:4], "threshold 0.5:")
    assert first[:1] + first[4:] == second
    assert second[-1] == "6 arrays are kept as .npy, 25 MB"


def test_resume_a_job_goes_on_after_a_kill(tmp_path: Path) -> None:
    """A process that is killed in mid-map leaves what it finished; the next does the rest."""
    command = [sys.executable, "-u", EXAMPLES / "resume_a_job.py", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        begun = [next(killed.stdout) for _ in range(12)]
        killed.kill()
    resumed = run_example("resume_a_job.py", str(tmp_path)).splitlines()
    known = int(resumed[0].split()[0])
    assert (begun[0], begun[-1]) == (
        "0 of 40 documents are done already\n",
        "   document 10 done\n",
    )
    assert 5 <= known <= 12
    assert resumed[1:-1] == [f"   document {number} done" for number in range(known, 40)]
    digests = [hashlib.sha256(f"document {n}".encode()).hexdigest() for n in range(40)]
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()
    assert resumed[-1] == f"the digest of all is {whole[:16]}"


def test_pages_show_the_examples_as_they_are() -> None:
    """A block that is titled with a file is a part of that file, letter by letter."""
    fence = re.compile(r'^```\w+ title="(examples/[^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
    shown = [block for page in PAGES for block in fence.findall(page.read_text("utf-8"))]
    files = {name: (EXAMPLES.parent / name).read_text("utf-8") for name, _ in shown}
    assert len(files) >= 7
    assert [name for name, text in shown if text not in files[name]] == []
