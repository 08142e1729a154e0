"""Pictures of the pages, drawn by the library while the site is built.

Each pipeline is drawn twice, for light and for dark pages; pages show the one
that fits by ``#only-light`` and ``#only-dark``.  Nothing is written into docs/.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

from hypernodes import Pipeline

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

#: Page to the pipelines that it shows: name of the variable, options of the drawing.
_SHOWN: dict[str, dict[str, dict[str, Any]]] = {
    "tutorial/first-pipeline.md": {
        "pipeline": {"orient": "LR"},
        "library": {"orient": "LR", "depth": 2},
    },
    "how-to/draw-a-pipeline.md": {
        "search": {"depth": 2, "show_legend": True},
    },
}
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pictures to what the site consists of."""
    for page, shown in _SHOWN.items():
        # what pages define may make folders where it stands
        with TemporaryDirectory() as folder, contextlib.chdir(folder):
            made = _define(Path(config.docs_dir) / page, set(shown))
        for variable, options in shown.items():
            for uri, text in _draw(made[variable], options):
                files.append(File.generated(config, uri, content=text))
    return files


def _draw(pipeline: Pipeline, options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for mode in ("light", "dark"):
        text = pipeline.visualize(return_type="str", mode=mode, **options)
        yield f"pictures/{pipeline.name}-{mode}.svg", text


def _define(page: Path, wanted: set[str]) -> dict[str, Any]:
    """Return what the blocks of *page* define, as far as *wanted* needs; nothing is run."""
    module = ModuleType(page.stem)
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if wanted <= vars(module).keys():
            break
        if not block.startswith(">>>"):
            exec(compile(_definitions(block), str(page), "exec"), vars(module))
    return vars(module)


def _definitions(block: str) -> ast.Module:
    """Return the imports, functions, classes and assignments of *block*."""
    tree = ast.parse(block)
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    tree.body = [each for each in tree.body if isinstance(each, kinds)]
    return tree
