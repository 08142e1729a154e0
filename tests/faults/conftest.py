"""Small projects that are run, edited and run again, each time in a new process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: Text of a project's files, main.py first, each other one behind a line ``# its/name.py``.
Project: TypeAlias = str

_FILE = re.compile(r"^# (\S+[./]\S+)$", re.MULTILINE)

_DRIVER = """
import importlib, json, pathlib, sys, warnings
from hypernodes import DiskCache, DualNode, Node, Pipeline, Recorder, SeqEngine

def play(folder, cache):
    paths = [str(folder), str(folder / "site-packages")]
    sys.path[:0] = paths
    before = set(sys.modules)
    try:
        main = importlib.import_module("main")
        kinds = (Node, DualNode, Pipeline)
        found = [each for each in vars(main).values() if isinstance(each, kinds)]
        nodes = getattr(main, "nodes", found)
        inputs = getattr(main, "inputs", {"x": 3})
        recorder = Recorder()
        engine = SeqEngine(cache, [recorder])
        why = Pipeline(nodes=nodes, engine=engine).explain(inputs)
        result = Pipeline(nodes=nodes, engine=engine).run(inputs)
        plain = Pipeline(nodes=nodes, engine=SeqEngine()).run(inputs)
        # the wrapper of a nested pipeline is no node of its own
        wrappers = {each.name for each in nodes if isinstance(each, Pipeline)}
        executed = [name for name in recorder.executed if name not in wrappers]
        return executed, repr(result), repr(plain), why
    finally:
        del sys.path[:2]
        for name in set(sys.modules) - before:
            if str(folder) in str(getattr(sys.modules[name], "__file__", folder)):
                del sys.modules[name]
        importlib.invalidate_caches()

sys.dont_write_bytecode = True
root, played = pathlib.Path(sys.argv[1]), {}
for folder in map(pathlib.Path, sys.argv[2:]):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache = DiskCache(root / "caches" / folder.name)
        executed, result, plain, why = play(folder, cache)
        cache.close()
    said = list(dict.fromkeys(str(each.message) for each in caught))
    found = {"executed": executed, "result": result, "plain": plain, "said": said, "why": why}
    played[folder.name] = found
print(json.dumps(played))
"""


class Played(NamedTuple):
    """What happened when a project was run.

    Attributes:
        executed: The names of the nodes that were executed.
        result: What the run returned, as text.
        plain: What a run without a cache returned, as text.
        said: The warnings.
        why: What the pipeline said before about why it would run.
    """

    executed: list[str]
    result: str
    plain: str
    said: list[str]
    why: str

    @property
    def names_a_cause(self) -> bool:
        """Whether it was said before what would run, and which change makes it."""
        return "runs: " in self.why and "or what it captures" not in self.why


def write(folder: Path, project: Project) -> None:
    """Write the files of *project* into *folder*."""
    parts = _FILE.split(textwrap.dedent(project))
    for name, text in zip(["main.py", *parts[1::2]], parts[::2], strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        head = "from hypernodes import node\n" if name == "main.py" else ""
        path.write_text(head + text.removeprefix("\n"), encoding="utf-8")


def play(root: Path, place: str, projects: Mapping[str, Project]) -> dict[str, Played]:
    """Write *projects* below *place* and run them in a new process; caches are by name."""
    folders = [root / place / name for name in projects]
    for folder, project in zip(folders, projects.values(), strict=True):
        write(folder, project)
    command = [sys.executable, "-c", _DRIVER, str(root), *map(str, folders)]
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return {name: Played(**each) for name, each in found.items()}


@pytest.fixture(scope="session")
def play_edits(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Any, ...]]:
    """Return what runs each project, its edited version, and itself from another folder.

    Each run is a process of its own.  An edit is a text of the project and what
    takes its place.
    """

    def start(title: str, edits: Mapping[str, tuple[Project, str, str]]) -> tuple[Any, ...]:
        root = tmp_path_factory.getbasetemp() / title
        root.mkdir()
        old = {name: project for name, (project, _, _) in edits.items()}
        new = {name: project.replace(*edit) for name, (project, *edit) in edits.items()}
        assert [name for name in old if old[name] == new[name]] == []
        runs = (("old", old), ("new", new), ("copy", old))
        return tuple(play(root, place, projects) for place, projects in runs)

    return start
