"""What each cache does where it matters: found out by doing it, each time in a new process.

A project of two files is run, edited and run again.  Whether the function ran
is read from a file that it appends to; whether the answer is right from what
the function gives without a cache.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

STEPS = """
FACTOR = 2

def _helper(x):
    return x * FACTOR

def compute(x: object) -> object:
    with open("calls", "a") as calls:
        calls.write("x")
    return _helper(x)
"""

#: Contestant to a script that prints what ``compute`` gives for the argument, by its cache.
SCRIPTS = {
    "HyperNodes": """
from hypernodes import DiskCache, Pipeline, SeqEngine, node
pipeline = Pipeline([node(steps.compute, output_name="y")], engine=SeqEngine(DiskCache("cache")))
for value in values:
    print(repr(pipeline.run({"x": value})["y"]))
""",
    "joblib": """
import joblib
compute = joblib.Memory("cache", verbose=0).cache(steps.compute)
for value in values:
    print(repr(compute(value)))
""",
    "pipefunc": """
from pipefunc import PipeFunc, Pipeline
function = PipeFunc(steps.compute, "y", cache=True)
pipeline = Pipeline([function], cache_type="disk", cache_kwargs={"cache_dir": "cache"})
for value in values:
    print(repr(pipeline.run("y", kwargs={"x": value})))
""",
    "Hamilton": """
from hamilton import driver
built = driver.Builder().with_modules(steps).with_cache(path="cache").build()
for value in values:
    print(repr(built.execute(["compute"], inputs={"x": value})["compute"]))
""",
}
_BEGIN = "import sys, warnings; warnings.simplefilter('ignore'); import steps; values = [{}]\n"


@attrs.frozen
class Played:
    """What a run did.

    Attributes:
        calls: How often the function ran.
        printed: What came out; None where the program failed.
    """

    calls: int
    printed: list[str] | None


class Project:
    """A folder with the function, its cache, and a contestant's script."""

    def __init__(self, contestant: str, folder: Path) -> None:
        self.folder = folder
        self._script = SCRIPTS[contestant]
        self.write(STEPS)

    def write(self, steps: str) -> None:
        """Make this the text of the project's module."""
        (self.folder / "steps.py").write_text(steps, encoding="utf-8")

    def play(self, values: str = "3") -> Played:
        """Run the script in a new process."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", _BEGIN.format(values) + self._script],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        count = len(calls.read_text()) if calls.exists() else 0
        return Played(count, None if done.returncode else done.stdout.split())


def runs_again_after(project: Project, old: str, new: str) -> bool:
    """Say whether an edit makes the function run again."""
    project.play()
    project.write(STEPS.replace(old, new))
    return project.play().calls > 0


def sees_its_own_body(project: Project) -> bool:
    """The function itself was edited."""
    return runs_again_after(project, "return _helper(x)", "return _helper(x) + 1")


def sees_helpers(project: Project) -> bool:
    """A helper that it calls was edited."""
    return runs_again_after(project, "return x * FACTOR", "return x * FACTOR + 1")


def sees_constants(project: Project) -> bool:
    """A constant that a helper reads was edited."""
    return runs_again_after(project, "FACTOR = 2", "FACTOR = 3")


def keeps_results_over_comments(project: Project) -> bool:
    """A comment in the function was edited, and it is still a hit."""
    return not runs_again_after(
        project, "    return _helper(x)", "    # why\n    return _helper(x)"
    )


def tells_types_apart(project: Project) -> bool:
    """``True``, ``1`` and ``1.0`` give what they give without a cache."""
    return project.play("True, 1, 1.0").printed == ["2", "2", "2.0"]


def remembers_none(project: Project) -> bool:
    """A function that returned None does not run again."""
    project.write(STEPS.replace("return _helper(x)", "return None"))
    project.play()
    return project.play().calls == 0


def survives_damage(project: Project) -> bool:
    """Every file of the cache is cut in half: the program runs on, with the right answer."""
    right = project.play().printed
    for path in (project.folder / "cache").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return project.play().printed == right


def runs_nothing_planted(project: Project) -> bool:
    """Pickles of somebody else in the place of values are not executed."""
    project.play()
    planted = b"cbuiltins\nexec\n(Vopen('planted','w').close()\ntR."
    for path in (project.folder / "cache").rglob("*"):
        if path.is_file() and path.suffix not in {".json", ".py", ".db", ".sqlite"}:
            path.write_bytes(planted)
    project.play()
    return not (project.folder / "planted").exists()


CHECKS = {
    "runs again after an edit of the function": sees_its_own_body,
    "runs again after an edit of a helper": sees_helpers,
    "runs again after an edit of a constant": sees_constants,
    "hits after an edit of a comment": keeps_results_over_comments,
    "tells `True`, `1` and `1.0` apart": tells_types_apart,
    "remembers None": remembers_none,
    "goes on with a damaged cache": survives_damage,
    "executes nothing that was planted in the cache": runs_nothing_planted,
}


def rows() -> Iterator[list[str]]:
    """Yield a row per check: what it is, then yes or no by contestant."""
    for what, check in CHECKS.items():
        found = [what]
        for contestant in SCRIPTS:
            with tempfile.TemporaryDirectory() as folder:
                found.append("yes" if check(Project(contestant, Path(folder))) else "no")
        yield found
