"""From ``module:pipeline`` to the pipeline.

Decides what the text may be: a module or a file, and a name in it.  The
current folder can be imported from, as with ``python -m``, and that of the
nearest pyproject.toml.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from hypernodes.cli._faults import CommandError
from hypernodes.cli._settings import find_project
from hypernodes.errors import did_you_mean
from hypernodes.pipeline import Pipeline


def load_pipeline(target: str | None) -> Pipeline:
    """Return the pipeline that *target* names.

    Args:
        target: ``"module:name"``, ``"folder/file.py:name"``, or without a
            name where the module holds one pipeline, or one called
            ``pipeline``.  A function without parameters is called.

    Raises:
        CommandError: There is no such module or name, importing it failed,
            or what it names is not a pipeline.
    """
    if not target:
        msg = (
            "no pipeline was named; give module:pipeline, "
            "or set target in [tool.hypernodes] of pyproject.toml"
        )
        raise CommandError(msg)
    where, _, name = target.rpartition(":") if _has_name(target) else (target, "", "")
    module = _import(where)
    found = _get(module, where, name) if name else _only_pipeline(module, where)
    if inspect.isfunction(found) and not inspect.signature(found).parameters:
        found = found()
    if not isinstance(found, Pipeline):
        msg = f"{target!r} is a {type(found).__name__}, not a pipeline{_pipelines_in(module)}"
        raise CommandError(msg)
    return found


def _has_name(target: str) -> bool:
    """Say whether a colon separates a name, and not a drive letter."""
    head, colon, tail = target.rpartition(":")
    return bool(colon) and len(head) > 1 and not tail.startswith(("\\", "/"))


def _import(where: str) -> ModuleType:
    project = find_project()
    folders = [str(Path.cwd()), *([] if project is None else [str(project.parent)])]
    # the current folder comes first, as with ``python -m``
    sys.path[:0] = [folder for folder in folders if folder not in sys.path]
    try:
        return _import_file(Path(where)) if where.endswith(".py") else _import_module(where)
    except CommandError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = traceback.format_exception_only(error)[-1].strip()
        msg = f"cannot import {where!r}: {said} ({Path(last.filename).name}:{last.lineno})"
        raise CommandError(msg) from error


def _import_module(where: str) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        # a module that is there and imports what is missing has its own message
        if not error.name or not f"{where}.".startswith(f"{error.name}."):
            raise
        here = [module.name for module in pkgutil.iter_modules([str(Path.cwd())])]
        msg = f"there is no module {where!r} here{did_you_mean(where, here)}"
        raise CommandError(msg) from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        beside = [each.as_posix() for each in path.parent.glob("*.py")]
        msg = f"there is no file {path.as_posix()!r}{did_you_mean(path.as_posix(), beside)}"
        raise CommandError(msg)
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        msg = f"{path.as_posix()!r} is not a Python file"
        raise CommandError(msg)
    module = importlib.util.module_from_spec(spec)
    # known by its name, so that its classes can be pickled
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.resolve().parent))
    spec.loader.exec_module(module)
    return module


def _get(module: ModuleType, where: str, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each in dir(found) if not each.startswith("_")]
            hint = did_you_mean(part, known) or _pipelines_in(module)
            msg = f"{where!r} has no {name!r}{hint}"
            raise CommandError(msg)
        found = getattr(found, part)
    return found


def _only_pipeline(module: ModuleType, where: str) -> Any:
    found = _named_pipelines(module)
    if "pipeline" in found:
        return found["pipeline"]
    if len({id(each) for each in found.values()}) == 1:
        return next(iter(found.values()))
    hint = _pipelines_in(module) if found else "; give module:name"
    msg = f"{where!r} holds {len(found) or 'no'} pipelines{hint}"
    raise CommandError(msg)


def _pipelines_in(module: ModuleType) -> str:
    names = sorted(_named_pipelines(module))
    return f"; it has {', '.join(names)}" if names else ""


def _named_pipelines(module: ModuleType) -> dict[str, Pipeline]:
    return {name: each for name, each in vars(module).items() if isinstance(each, Pipeline)}
