"""Facts about every file of the project that no linter checks."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_BYTES = 1_000_000
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _files() -> tuple[Path, ...]:
    """Return what is, or could be, committed."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("only a git checkout knows its files")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


def _python_files() -> list[Path]:
    return [path for path in _files() if path.suffix == ".py"]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _code_lines(function: Function) -> int:
    """Return how long *function* is, its docstring left out."""
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    documented = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - documented


def test_files_are_short() -> None:
    """No Python file has more than 400 lines."""
    lengths = {_name(path): len(path.read_text("utf-8").splitlines()) for path in _python_files()}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    """No function has more than 60 lines beside its docstring."""
    lengths = {
        f"{_name(path)}:{node.lineno} {node.name}": _code_lines(node)
        for path in _python_files()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, Function)
    }
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_test_names_are_unique_within_a_file() -> None:
    """No test hides another one of the same name."""
    for path in _python_files():
        tree = ast.parse(path.read_text("utf-8"))
        names = [node.name for node in tree.body if isinstance(node, Function)]
        tests = [name for name in names if name.startswith("test_")]
        assert sorted(tests) == sorted(set(tests)), _name(path)


def test_every_test_states_its_fact() -> None:
    """Each test has a docstring."""
    silent = [
        f"{_name(path)}:{node.lineno} {node.name}"
        for path in _python_files()
        if path.is_relative_to(ROOT / "tests")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, Function) and node.name.startswith("test_")
        if not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_file_names_a_place_on_one_machine() -> None:
    """No file holds an absolute path of somebody's machine or the address of an index."""
    home, drive, index = (
        "/(home|Users|root|work)/",
        r"[A-Z]:\\Users",
        "(--|_)index-url|/simple/?['\"]",
    )
    pattern = re.compile(rf"(?<![\w.~:/-])({home}\w|{drive})|{index}")
    found = {}
    for path in _files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        if path != Path(__file__) and (match := pattern.search(text)):
            found[_name(path)] = match[0]
    assert found == {}


def test_no_file_is_big() -> None:
    """No file is larger than a megabyte."""
    sizes = {_name(path): path.stat().st_size for path in _files()}
    assert {name: size for name, size in sizes.items() if size > MAX_BYTES} == {}


def test_no_lock_file_is_committed() -> None:
    """``uv.lock`` holds the address of an index on every line, and stays out."""
    assert [_name(path) for path in _files() if path.name == "uv.lock"] == []


def test_no_module_is_a_drawer() -> None:
    """No module or class is named for being useful: each has a responsibility."""
    drawers = re.compile(r"^_?(utils?|helpers?|common|misc)$")
    modules = [_name(path) for path in _python_files() if drawers.match(path.stem)]
    classes = [
        f"{_name(path)}:{node.lineno} {node.name}"
        for path in _python_files()
        if "src" in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Base|Utils)$", node.name)
    ]
    assert modules + classes == []


def test_deferred_imports_say_why() -> None:
    """An import inside a function of the core has a comment on the line above."""
    silent = []
    for path in _python_files():
        lines = path.read_text("utf-8").splitlines()
        if "src" not in path.parts:
            continue
        for node in _deferred_imports(ast.parse("\n".join(lines))):
            above = lines[node.lineno - 2].strip()
            if not above.startswith(("#", "import ", "from ")):
                silent.append(f"{_name(path)}:{node.lineno}")
    assert silent == []


def _deferred_imports(tree: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    inside = [node for function in functions for node in ast.walk(function)]
    return [node for node in inside if isinstance(node, (ast.Import, ast.ImportFrom))]
