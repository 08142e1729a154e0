"""A stand-alone script that makes one failed call again.

It holds the inputs: written out where they are plain, else as a pickle.  The
function is imported from its module, from its file, or found in the pipeline.
"""

from __future__ import annotations

import ast
import base64
import pickle
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypernodes.callbacks import FailureSummary, RunSummary
from hypernodes.cli._faults import CommandError
from hypernodes.errors import did_you_mean

_MOST_TEXT = 2000


def find_failure(run: RunSummary, node: str | None, item: int | None) -> FailureSummary:
    """Return the failure that is meant; without a node the first one.

    Raises:
        CommandError: Nothing failed, or not that.
    """
    if not run.failures:
        msg = f"nothing failed in run {run.id}, so no inputs were kept"
        raise CommandError(msg)
    names = {step.path: step.name for step in run.steps.values()}
    if node is not None and node not in {*names, *names.values()}:
        msg = f"run {run.id} has no node {node!r}{did_you_mean(node, names)}"
        raise CommandError(msg)
    for failure in run.failures:
        is_node = node is None or node in (failure.path, names.get(failure.path))
        if is_node and item in (None, failure.item):
            return failure
    failed = ", ".join(
        each.path if each.item is None else f"{each.path} {each.item}" for each in run.failures
    )
    which = f"{node} of item {item}" if item is not None else node
    msg = f"{which} did not fail in run {run.id}, so its inputs were not kept; failed: {failed}"
    raise CommandError(msg)


def write_script(run: RunSummary, failure: FailureSummary) -> str:
    """Return the script for *failure*.

    Raises:
        CommandError: The inputs were not kept.
    """
    if failure.pickle is None:
        msg = (
            f"the inputs of {failure.path} were not kept: they are too large, or cannot be pickled"
        )
        raise CommandError(msg)
    item = "" if failure.item is None else f", item {failure.item}"
    said = " ".join(failure.message.split()).replace('"""', "'''").replace("\\", "\\\\")
    head = textwrap.fill(f"{failure.path}{item} of run {run.id} raised {failure.error}: {said}", 90)
    setup, inputs = _inputs(failure.pickle)
    imports, function = _function(run, failure)
    parts = [f'"""{head}"""', "\n".join([*setup, *imports]), inputs]
    return "\n\n".join(part for part in parts if part) + f"\n\nprint({function}(**inputs))\n"


def _inputs(data: str) -> tuple[list[str], str]:
    """Return imports, and the line that makes the inputs."""
    values = pickle.loads(base64.b64decode(data))
    if all(map(_is_plain, values.values())):
        body = "".join(f"    {name!r}: {value!r},\n" for name, value in values.items())
        return [], f"inputs = {{\n{body}}}"
    lines = textwrap.wrap(data, 88)
    text = "\n".join(f'    "{line}"' for line in lines)
    about = "".join(f"# {name}: {type(value).__name__}\n" for name, value in values.items())
    return ["import base64", "import pickle"], (
        f"{about}inputs = pickle.loads(base64.b64decode(\n{text}\n))"
    )


def _is_plain(value: Any) -> bool:
    text = repr(value)
    if len(text) > _MOST_TEXT:
        return False
    try:
        return bool(ast.literal_eval(text) == value and type(ast.literal_eval(text)) is type(value))
    except (ValueError, SyntaxError, TypeError):
        return False


def _function(run: RunSummary, failure: FailureSummary) -> tuple[list[str], str]:
    """Return imports, and the expression that gives the function."""
    found: Mapping[str, Any] = failure.function or {}
    name, module = str(found.get("name", "")), str(found.get("module", ""))
    if name.isidentifier() and module not in ("", "__main__"):
        folder = _folder_of(found, module)
        path = ["import sys", "", f"sys.path.insert(0, {folder!r})", ""] if folder else []
        return [*path, f"from {module} import {name}"], name
    if name.isidentifier() and found.get("file"):
        return [
            "import runpy",
            "",
            f"{name} = runpy.run_path({found['file']!r})[{name!r}]",
        ], name
    target = run.about.get("target")
    if target:
        module, _, attribute = str(target).partition(":")
        return [
            f"from {module} import {attribute}",
            "",
            "node = " + _node(attribute, failure.path),
        ], "node.func"
    msg = (
        f"the function of {failure.path} is not importable (it is {name or 'unknown'}); "
        "define it at the top of a module"
    )
    raise CommandError(msg)


def _folder_of(found: Mapping[str, Any], module: str) -> str:
    """Return the folder from which *module* can be imported; empty for installed ones."""
    file = Path(str(found.get("file", "")))
    if "site-packages" in file.parts or not file.name:
        return ""
    depth = module.count(".") + (file.name == "__init__.py")
    return str(file.parents[depth])


def _node(pipeline: str, path: str) -> str:
    """Return the expression that finds the node at *path* of *pipeline*."""
    found = pipeline
    for name in path.split("/"):
        found = f"next(n for n in {found}.nodes if n.name == {name!r})"
        found = f"{found}.pipeline" if name != path.rpartition("/")[2] else found
    return found
