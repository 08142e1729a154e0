"""Run benchmarks and write what they print into docs/reference/benchmarks.md.

``python benchmarks/record.py`` runs all of them, one after another;
``python benchmarks/record.py store viz`` some.  Each has its part of the page,
between two comments that bear its name; what stands around them is prose, and
stays.  A benchmark that fails leaves its part as it was.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "reference" / "benchmarks.md"


def main() -> int:
    """Run what is asked for; return how many benchmarks failed."""
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(known)}")
    names = parser.parse_args().names or known
    if unknown := set(names) - set(known):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return sum(not record(name) for name in names)


def record(name: str) -> bool:
    """Run one benchmark and write its part of the page; say whether it came through."""
    command = [sys.executable, str(FOLDER / f"bench_{name}.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, flush=True)
    if done.returncode:
        return False
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(put(page, name, done.stdout), encoding="utf-8")
    return True


def put(page: str, name: str, printed: str) -> str:
    """Return *page* with *printed* as the part of the benchmark called *name*.

    Raises:
        ValueError: The page has no such part.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    part = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not part.search(page):
        msg = f"{PAGE.name} has no part for {name}: write {begin} and {end} where it belongs"
        raise ValueError(msg)
    # a heading of a benchmark is one below that of its part
    text = f"{begin}\n\n{printed.strip()}\n\n{end}"
    return part.sub(lambda _: text, page)


if __name__ == "__main__":
    sys.exit(main())
