"""Facts about what travels with a stateful object, who shares it, and its key."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any

import cloudpickle
import pytest

from hypernodes.errors import FingerprintError
from hypernodes.values import release_stateful, stateful

LOADS: list[str] = []


@stateful
class Model:
    """Importable, so that plain pickle takes it by name."""

    def __init__(self, path: str, scale: int = 1) -> None:
        LOADS.append(path)
        self.path = path
        self.scale = scale
        self.calls = 0
        self.ballast = lambda: None  # no pickle takes a lambda

    def predict(self, text: str) -> str:
        self.calls += 1
        return f"{self.path}:{text * self.scale}"


def _python(code: str, data: bytes) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, input=data, capture_output=True, check=False)  # own code
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def _elsewhere(make: Any) -> bytes:
    """Return the pickle of a handle whose maker is gone, as a worker gets it."""
    return pickle.dumps(make())


@pytest.fixture(autouse=True)
def _forget() -> Any:
    LOADS.clear()
    yield
    release_stateful()


def test_pickle_carries_no_loaded_object() -> None:
    """A loaded handle pickles, though its object could not be pickled."""
    handle = Model("m")
    handle.predict("a")
    assert b"lambda" not in pickle.dumps(handle)


def test_pickles_in_one_process_share_one_object() -> None:
    """A round trip within a process builds nothing a second time."""
    handle = Model("m")
    again = pickle.loads(pickle.dumps(handle))
    assert (handle.predict("a"), again.predict("a"), LOADS) == ("m:a", "m:a", ["m"])


def test_the_next_chunk_finds_the_object() -> None:
    """A worker that gets a handle twice builds its object once."""
    data = _elsewhere(lambda: Model("m"))
    for _ in range(3):
        pickle.loads(data).predict("a")
    assert LOADS == ["m"]


def test_released_objects_are_built_again() -> None:
    """After ``release_stateful`` a received handle builds its object anew."""
    data = _elsewhere(lambda: Model("m"))
    pickle.loads(data).predict("a")
    assert release_stateful() == 1
    pickle.loads(data).predict("a")
    assert LOADS == ["m", "m"]


def test_a_handle_that_is_not_used_is_not_kept() -> None:
    """Received handles that build nothing leave nothing to release."""
    pickle.loads(_elsewhere(lambda: Model("m")))
    assert release_stateful() == 0


def test_two_handles_with_equal_arguments_are_two_objects() -> None:
    """Sharing follows the handle, not its arguments, also after a pickle."""
    first, second = (pickle.loads(_elsewhere(lambda: Model("m"))) for _ in range(2))
    first.calls = 5
    assert (first.calls, second.calls) == (5, 0)


def test_assignments_travel_and_those_of_methods_do_not() -> None:
    """What was assigned through the handle arrives; what methods set does not."""

    def make() -> Any:
        handle = Model("m")
        handle.predict("a")
        handle.scale = 3
        return handle

    received = pickle.loads(_elsewhere(make))
    assert (received.calls, received.scale) == (0, 3)


def test_a_later_assignment_reaches_an_object_already_built() -> None:
    """A worker's object follows what its maker assigns between two chunks."""
    handle = Model("m")
    first = pickle.dumps(handle)
    handle.scale = 2
    second = pickle.dumps(handle)
    del handle
    outputs = [pickle.loads(data).predict("a") for data in (first, second)]
    assert (outputs, LOADS) == (["m:a", "m:aa"], ["m"])


def test_an_old_pickle_does_not_see_later_assignments() -> None:
    """A pickle shows what was assigned when it was made, in an object of its own."""
    handle = Model("m")
    handle.scale = 2
    old = pickle.dumps(handle)
    handle.scale = 9
    assert (pickle.loads(old).scale, handle.scale) == (2, 9)


def test_what_a_worker_assigns_comes_back_with_the_handle() -> None:
    """A handle changed where it was received does not pass for the sent one."""

    @stateful
    class Local:
        scale = 1

    code = (
        "import sys, pickle, cloudpickle\n"
        "handle = pickle.loads(sys.stdin.buffer.read())\n"
        "handle.scale = 4\n"
        "print(cloudpickle.dumps(handle).hex())"
    )
    sent = Local()
    back = pickle.loads(bytes.fromhex(_python(code, cloudpickle.dumps(sent))))
    assert (back.scale, sent.scale) == (4, 1)


def test_local_classes_travel_to_another_process() -> None:
    """A local class, its subclass and ``super()`` work where nothing is imported."""

    @stateful
    class Base:
        def __init__(self, path: str) -> None:
            self.path = path

        def __len__(self) -> int:
            return len(self.path)

        def name(self) -> str:
            return self.path

    class Child(Base):
        def name(self) -> str:
            return f"child of {super().name()} {isinstance(self, Base)}"

    code = (
        "import sys, pickle\n"
        "child, Child, Base = pickle.loads(sys.stdin.buffer.read())\n"
        "print(repr(child).count('not loaded'), len(child), child.name(), issubclass(Child, Base))"
    )
    data = cloudpickle.dumps((Child("abc"), Child, Base))
    assert _python(code, data) == "1 3 child of abc True True"


def test_a_subclass_travels_before_its_first_use() -> None:
    """A subclass that nobody has used yet keeps its ``super()`` through a pickle."""

    @stateful
    class Base:
        def name(self) -> str:
            return "base"

    class Child(Base):
        def name(self) -> str:
            return "child of " + super().name()

    code = "import sys, pickle; print(pickle.loads(sys.stdin.buffer.read())().name())"
    assert _python(code, cloudpickle.dumps(Child)) == "child of base"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_an_object_inherited_by_fork_stays_usable() -> None:
    """A forked child goes on with the object its parent had loaded."""
    code = (
        "import os, pickle\n"
        "from hypernodes import values\n"
        "@values.stateful\n"
        "class Model:\n"
        "    def __init__(self): print('load', flush=True)\n"
        "    def name(self): return 'name'\n"
        "model = Model(); model.name(); data = pickle.dumps(model)\n"
        "child = os.fork()\n"
        "if child: os.waitpid(child, 0)\n"
        "else: print(model.name(), pickle.loads(data).name(), flush=True); os._exit(0)\n"
    )
    assert _python(code, b"").split() == ["load", "name", "name"]


def test_the_key_is_the_class_the_arguments_and_the_assignments() -> None:
    """The key holds the original class, complete arguments and assignments."""
    handle = Model("m")
    handle.scale = 2
    del handle.calls
    assert handle.__hypernodes_key__() == (
        "arguments",
        Model.__wrapped__,
        {"path": "m", "scale": 1},
        (("set", "scale", 2), ("delete", "calls")),
    )


def test_the_key_does_not_depend_on_how_arguments_are_spelled() -> None:
    """Positional, named and default arguments give one key."""
    keys = [
        handle.__hypernodes_key__()
        for handle in (Model("m"), Model(path="m"), Model("m", 1), Model(scale=1, path="m"))
    ]
    assert keys == [keys[0]] * 4


def test_asking_for_the_key_builds_nothing() -> None:
    """A key is available before, and does not cause, the first build."""
    Model("m").__hypernodes_key__()
    assert LOADS == []


def test_a_cache_key_is_asked_of_an_unloaded_instance_once() -> None:
    """``__cache_key__`` sees the bound arguments and assignments, and runs once."""
    asked: list[str] = []

    @stateful
    class Keyed:
        def __init__(self, path: str, size: int = 7) -> None:
            raise AssertionError

        def __cache_key__(self) -> str:
            asked.append(self.path)  # type: ignore[attr-defined]  # set from the arguments
            return f"{self.path}-{self.size}-{self.extra}"  # type: ignore[attr-defined]  # likewise

    handle: Any = Keyed("m")
    handle.extra = "e"
    keys = [handle.__hypernodes_key__(), handle.__hypernodes_key__()]
    name = f"{Keyed.__module__}.{Keyed.__qualname__}"
    assert keys == [("cache_key", name, "m-7-e")] * 2
    assert (handle.__cache_key__(), asked) == ("m-7-e", ["m"])


def test_an_assignment_makes_the_cache_key_be_asked_again() -> None:
    """The remembered text of ``__cache_key__`` is dropped by an assignment."""

    @stateful
    class Keyed:
        def __init__(self, path: str) -> None: ...

        def __cache_key__(self) -> str:
            return str(self.path)  # type: ignore[attr-defined]  # set from the arguments

    handle: Any = Keyed("m")
    before = handle.__hypernodes_key__()[2]
    handle.path = "n"
    assert (before, handle.__hypernodes_key__()[2]) == ("m", "n")


def test_the_cache_key_does_not_depend_on_loading() -> None:
    """A handle that was used has the key of one that was not."""

    @stateful
    class Keyed:
        def __init__(self, path: str) -> None:
            self.path = path.upper()

        def __cache_key__(self) -> str:
            return self.path

    used, fresh = Keyed("m"), Keyed("m")
    assert used.path == "M"
    assert used.__cache_key__() == fresh.__cache_key__() == "m"


def test_a_cache_key_that_needs_the_object_gets_it() -> None:
    """Where ``__cache_key__`` fails unloaded, it is asked of the loaded object."""

    @stateful
    class Keyed:
        def __init__(self, path: str) -> None:
            self.digest = path.upper()

        def __cache_key__(self) -> str:
            return self.digest

    assert Keyed("m").__hypernodes_key__()[2] == "M"  # type: ignore[attr-defined]  # a handle's


def test_a_cache_key_must_be_text() -> None:
    """A ``__cache_key__`` that returns no text raises, naming class and type."""

    @stateful
    class Keyed:
        def __cache_key__(self) -> Any:
            return 7

    with pytest.raises(FingerprintError, match=r"Keyed.__cache_key__ must return a str, not int"):
        Keyed().__hypernodes_key__()  # type: ignore[attr-defined]  # a handle's
