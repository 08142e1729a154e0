"""Facts about decorated classes and about when their instances are built."""

from __future__ import annotations

import abc
import copy
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Generic, TypeVar

import pytest

from hypernodes.errors import ExecutionError
from hypernodes.values import StatefulHandle, is_stateful, stateful


@pytest.fixture
def loads() -> list[str]:
    """The paths whose models were built, in order."""
    return []


@pytest.fixture
def model_class(loads: list[str]) -> Any:
    """A stateful class that notes each time it is built."""

    @stateful
    class Model:
        """Predicts."""

        size = 3

        def __init__(self, path: str, *, scale: int = 1) -> None:
            loads.append(path)
            self.path = path
            self.scale = scale

        def predict(self, text: str) -> str:
            return f"{self.path}:{text * self.scale}"

        def grow(self) -> Any:
            self.scale += 1
            return self

        async def apredict(self, text: str) -> str:
            return self.predict(text)

        @classmethod
        def default(cls) -> Any:
            return cls("default")

        @staticmethod
        def double(number: int) -> int:
            return 2 * number

        @property
        def title(self) -> str:
            return self.path.title()

    return Model


def test_creating_an_instance_builds_nothing(model_class: Any, loads: list[str]) -> None:
    """Creating an instance stores the arguments and does not run ``__init__``."""
    model_class("m")
    assert loads == []


def test_methods_are_read_without_building(model_class: Any, loads: list[str]) -> None:
    """Reading a method gives a bound method and builds nothing."""
    handle = model_class("m")
    assert (handle.predict.__name__, handle.predict.__self__ is handle, loads) == (
        "predict",
        True,
        [],
    )


def test_the_first_call_builds_and_later_ones_do_not(model_class: Any, loads: list[str]) -> None:
    """``__init__`` runs at the first use and never again."""
    handle = model_class("m", scale=2)
    assert [handle.predict("a"), handle.predict("b"), *loads] == ["m:aa", "m:bb", "m"]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (lambda handle: handle.path, "m"),
        (lambda handle: handle.title, "M"),
        (lambda handle: handle.size, 3),
        (lambda handle: vars(handle)["path"], "m"),
    ],
)
def test_reading_an_attribute_builds(
    model_class: Any, loads: list[str], use: Callable[[Any], Any], expected: Any
) -> None:
    """Attributes, properties and class attributes come from the object."""
    assert (use(model_class("m")), loads) == (expected, ["m"])


def test_an_absent_attribute_is_reported_by_the_object(model_class: Any) -> None:
    """A name that the object lacks raises the object's own ``AttributeError``."""
    with pytest.raises(AttributeError, match="'Model' object has no attribute 'pth'"):
        _ = model_class("m").pth


def test_missing_arguments_are_reported_at_construction(model_class: Any) -> None:
    """Arguments that do not fit raise ``TypeError`` before anything is built."""
    with pytest.raises(TypeError, match=r"Model\(\) missing a required argument: 'path'"):
        model_class(scale=2)


def test_eight_threads_build_once(model_class: Any, loads: list[str]) -> None:
    """Threads that use a handle at once share one build."""
    handle, barrier = model_class("m"), Barrier(8)

    def use(_: int) -> str:
        barrier.wait()
        return str(handle.predict("a"))

    with ThreadPoolExecutor(8) as pool:
        assert (list(pool.map(use, range(8))), loads) == (["m:a"] * 8, ["m"])


def test_a_failing_init_raises_each_time_and_can_recover() -> None:
    """A failed build raises its own error, and the next use tries again."""
    failures = [OSError("gone"), OSError("still gone")]

    @stateful
    class Model:
        def __init__(self) -> None:
            if failures:
                raise failures.pop(0)

        def answer(self) -> int:
            return 42

    handle = Model()
    with pytest.raises(OSError, match=r"^gone"):
        handle.answer()
    with pytest.raises(OSError, match="still gone"):
        handle.answer()
    assert handle.answer() == 42


def test_an_init_that_needs_its_own_handle_is_refused() -> None:
    """Using the handle inside the ``__init__`` it triggers raises, not recurses."""
    handles: list[Any] = []

    @stateful
    class Model:
        def __init__(self) -> None:
            handles[0].answer()

        def answer(self) -> int:
            return 42

    handles.append(Model())
    with pytest.raises(ExecutionError, match="uses the stateful object that it is building"):
        handles[0].answer()


def test_the_decorated_class_keeps_its_face(model_class: Any) -> None:
    """Name, module, docstring and constructor signature stay those of the class."""
    face = (model_class.__name__, model_class.__qualname__.split(".")[-1], model_class.__doc__)
    assert (face, model_class.__module__) == (("Model", "Model", "Predicts."), __name__)
    assert list(inspect.signature(model_class).parameters) == ["path", "scale"]


def test_the_original_class_is_under_wrapped(model_class: Any) -> None:
    """``__wrapped__`` of the decorated class is the class as written."""
    assert (type(model_class.__wrapped__), model_class.__wrapped__.__name__) == (type, "Model")


def test_the_source_of_a_decorated_class_is_found(model_class: Any) -> None:
    """``inspect.getsource`` shows the class as written."""
    assert "class Model:" in inspect.getsource(model_class)


def test_class_attributes_and_static_methods_are_reachable(model_class: Any) -> None:
    """What is on the class is read from the decorated class, building nothing."""
    assert (model_class.size, model_class.double(4), model_class("m").double(5)) == (3, 8, 10)


def test_alternative_constructors_make_handles(model_class: Any, loads: list[str]) -> None:
    """``cls(...)`` in a class method gives a handle that is not built yet."""
    handle = model_class.default()
    assert (isinstance(handle, StatefulHandle), loads) == (True, [])


def test_setting_a_class_attribute_reaches_the_class(
    model_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method replaced on the decorated class is replaced, and can be put back."""
    handle = model_class("m")
    with monkeypatch.context() as patch:
        patch.setattr(model_class, "predict", lambda self, text: "patched")
        assert handle.predict("a") == "patched"
    assert handle.predict("a") == "m:a"


def test_handles_and_objects_are_instances(model_class: Any) -> None:
    """``isinstance`` holds for a handle and for the object it builds."""
    handle = model_class("m")
    built = model_class.__wrapped__("m")
    assert [isinstance(each, model_class) for each in (handle, built, "m")] == [True, True, False]


def test_handles_are_instances_of_undecorated_parents(loads: list[str]) -> None:
    """``isinstance`` against an undecorated parent holds without building."""

    class Predictor(abc.ABC):
        @abc.abstractmethod
        def predict(self) -> str: ...

    @stateful
    class Model(Predictor):
        def __init__(self) -> None:
            loads.append("m")

        def predict(self) -> str:
            return "yes"

    assert (isinstance(Model(), Predictor), loads) == (True, [])


def test_subclasses_are_stateful_and_super_works(model_class: Any, loads: list[str]) -> None:
    """A subclass of a decorated class is decorated, and its ``super()`` works."""

    class Loud(model_class):
        def __init__(self, path: str) -> None:
            super().__init__(path, scale=2)

        def predict(self, text: str) -> str:
            return str(super().predict(text)).upper()

    handle = Loud("m")
    assert loads == []
    assert (handle.predict("a"), isinstance(handle, model_class)) == ("M:AA", True)
    assert [issubclass(Loud, model_class), issubclass(model_class, Loud)] == [True, False]


def test_a_parent_method_called_by_name_works(model_class: Any) -> None:
    """``Parent.method(self)`` in a subclass runs the method of the parent."""

    class Loud(model_class):
        def __init__(self, path: str) -> None:
            model_class.__init__(self, path)

        def predict(self, text: str) -> str:
            return str(model_class.predict(self, text)).upper()

    assert Loud("m").predict("a") == "M:A"


def test_a_subclass_attribute_hides_a_parent_method(model_class: Any) -> None:
    """A property in a subclass wins over a method of the same name above it."""

    class Fixed(model_class):
        @property
        def predict(self) -> str:
            return "always"

    assert Fixed("m").predict == "always"


def test_class_methods_that_use_super_work(model_class: Any) -> None:
    """A class method that calls ``super()`` runs, on the original class."""

    class Loud(model_class):
        @classmethod
        def default(cls) -> Any:
            return super().default().grow()

    assert Loud.default().scale == 2


def test_a_decorated_class_is_returned_as_it_is(model_class: Any) -> None:
    """Decorating twice changes nothing."""
    assert stateful(model_class) is model_class


def test_only_classes_can_be_decorated() -> None:
    """Decorating anything but a class raises ``TypeError``."""
    with pytest.raises(TypeError, match="stateful decorates a class"):
        stateful(len)  # type: ignore[arg-type]  # the mistake under test


def test_dataclasses_can_be_stateful() -> None:
    """A dataclass keeps its signature and its equality."""

    @stateful
    @dataclass
    class Point:
        x: int
        y: int = 2

    assert Point(1) == Point(1, 2)
    assert Point(1) != Point(3)


def test_generic_classes_can_be_stateful() -> None:
    """A subscripted generic class makes handles, and the alias is not state."""
    item = TypeVar("item")

    @stateful
    class Box(Generic[item]):
        def __init__(self, content: Any) -> None:
            self.content = content

    handle = Box[int](7)
    assert (handle.content, handle.__hypernodes_key__()[3]) == (7, ())


def test_the_repr_of_an_unloaded_handle_says_so(model_class: Any, loads: list[str]) -> None:
    """``repr`` shows the arguments and builds nothing."""
    text = repr(model_class("m", scale=2))
    assert (text.split("Model")[-1], loads) == ("('m', scale=2), not loaded>", [])


def test_the_repr_of_a_loaded_handle_is_that_of_the_object() -> None:
    """Once built, ``repr`` is the object's."""

    @stateful
    class Model:
        def __repr__(self) -> str:
            return "the model"

        def use(self) -> None: ...

    handle = Model()
    handle.use()
    assert repr(handle) == "the model"


@pytest.mark.parametrize(
    "probe", ["__array__", "__wrapped__", "_repr_html_", "_ipython_display_", "__name__"]
)
def test_probes_do_not_build(model_class: Any, loads: list[str], probe: str) -> None:
    """Asking for a protocol that the class does not have builds nothing."""
    assert (hasattr(model_class("m"), probe), loads) == (False, [])


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copies_share_the_object(
    model_class: Any, loads: list[str], duplicate: Callable[[Any], Any]
) -> None:
    """A copy is another handle of the same object."""
    handle = model_class("m")
    other = duplicate(handle)
    assert (other.predict("a"), handle.predict("a"), loads) == ("m:a", "m:a", ["m"])
    assert other is not handle


def test_is_stateful_knows_handles_and_marked_classes(model_class: Any, loads: list[str]) -> None:
    """Handles and instances of marked classes are stateful, classes are not."""

    class Marked:
        __hypernode_stateful__ = True

    class Daft:
        __daft_stateful__ = True

    values = [model_class("m"), Marked(), Daft(), model_class, Marked, object(), 1, None]
    found = [is_stateful(value) for value in values]
    assert found == [True, True, True, False, False, False, False, False]
    assert loads == []


def test_class_and_instances_carry_the_mark(model_class: Any) -> None:
    """``__hypernode_stateful__`` is true on the class and on its instances."""
    marks = [model_class.__hypernode_stateful__, model_class("m").__hypernode_stateful__]
    assert marks == [True, True]
