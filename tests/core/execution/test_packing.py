"""Facts about the bytes that travel between processes."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import cloudpickle
import pytest

from hypernodes.execution._packing import Packed, pack, unpack
from hypernodes.hashing import code_fingerprint

READ_IT = """
import sys
from hypernodes.execution._packing import unpack
from hypernodes.hashing import code_fingerprint

with open(sys.argv[1], "rb") as file:
    print(code_fingerprint(unpack(file.read())).hex())
"""


def _outer() -> FunctionType:
    def inner(x: int) -> int:
        return x + 1

    return inner


def _from_source(path: Path, text: str) -> FunctionType:
    """Return `f` of a script: its functions travel by value."""
    path.write_text(text, "utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, str(path), "exec"), names)
    function: FunctionType = names["f"]
    return function


@pytest.mark.parametrize(
    "text",
    ["def f(x):\n    return x + 1", "def f(x):\n    return lambda y: x + y"],
    ids=["flat", "nested"],
)
def test_code_keeps_its_fingerprint_where_its_source_is_not(tmp_path: Path, text: str) -> None:
    """A function that travelled by value has one fingerprint on both sides."""
    script = tmp_path / "script.py"
    function = _from_source(script, text)
    expected = code_fingerprint(function).hex()
    packed = tmp_path / "packed"
    packed.write_bytes(pack(function))
    script.unlink()
    found = subprocess.run(
        [sys.executable, "-c", READ_IT, str(packed)], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == expected


def test_functions_inside_keep_theirs(tmp_path: Path) -> None:
    """What a function makes where it arrived is known as what it makes here."""
    function = _from_source(tmp_path / "s.py", "def f(x):\n    return lambda y: x + y")
    expected = code_fingerprint(function(1))
    data = pack(function)
    (tmp_path / "s.py").unlink()
    assert expected == code_fingerprint(unpack(data)(1))


def test_code_keeps_the_name_of_its_file() -> None:
    """Tracebacks from other processes name the file that a function is written in."""
    again = unpack(pack(_outer()))
    assert Path(__file__) == Path(again.__code__.co_filename)


def test_what_is_packed_travels_so_whatever_pickles_it(tmp_path: Path) -> None:
    """`Packed` carries the fingerprints of code through any pickler."""
    function = _from_source(tmp_path / "s.py", "def f(x):\n    return x + 1")
    expected = code_fingerprint(function)
    data = pickle.dumps(Packed(function))
    (tmp_path / "s.py").unlink()
    assert expected == code_fingerprint(pickle.loads(data).value)


def test_nodes_of_a_module_that_is_shipped_travel_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decorated function of a module that others cannot import takes its code along."""
    source = tmp_path / "shipped_by_value.py"
    source.write_text(
        "from hypernodes import node\nK = 5\n@node(output_name='y')\ndef f(x): return x + K\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("shipped_by_value")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert unpack(pack(module.f)) is module.f
    cloudpickle.register_pickle_by_value(module)
    packed = tmp_path / "packed"
    packed.write_bytes(pack(module.f))
    cloudpickle.unregister_pickle_by_value(module)
    code = "import sys, hypernodes.execution as e; f = e.unpack(open(sys.argv[1], 'rb').read()); "
    code += "print(f(1), f.code_hash)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(packed)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["6", module.f.code_hash]
