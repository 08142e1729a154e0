"""Threads that an engine keeps from one map to the next."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable

import pytest

from hypernodes import Pipeline, node
from hypernodes_dask import DaskEngine
from hypernodes_dask.threads import Threads


def _ours() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "hypernodes-dask"}


def _wait_until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


WHO = Pipeline([node(lambda x: (time.sleep(0.01), threading.get_ident())[1], output_name="who")])


def _map(engine: DaskEngine) -> set[int]:
    return {row["who"] for row in engine.map(WHO, {"x": list(range(8))}, "x")}


def test_threads_stay_from_map_to_map() -> None:
    """What functions keep per thread, such as a connection, is there in the next map."""
    engine = DaskEngine(num_workers=2)
    first = _map(engine)
    started = _ours()
    second = _map(engine)
    assert (first | second <= {each.ident for each in started}, started) == (True, _ours())
    engine.close()


@pytest.mark.parametrize("is_closed", [True, False])
def test_threads_end_with_their_engine(is_closed: bool) -> None:
    """A closed engine leaves none behind, and neither does one that is forgotten."""
    before = _ours()
    engine = DaskEngine(num_workers=4)
    _map(engine)
    assert _ours() - before
    if is_closed:
        engine.close()
    else:
        del engine
        gc.collect()
    assert _wait_until(lambda: not _ours() - before)


def test_a_closed_engine_may_be_used_again() -> None:
    """The next map starts new threads."""
    engine = DaskEngine(num_workers=2)
    _map(engine)
    engine.close()
    assert _map(engine)
    engine.close()


def test_calls_that_wait_for_each_other_get_a_thread_each() -> None:
    """However many there are: nothing is queued behind a call that is not through."""
    threads, barrier = Threads(), threading.Barrier(70)
    calls = [threads.submit(barrier.wait) for _ in range(70)]
    assert sorted(each.result(timeout=30) for each in calls) == list(range(70))
    threads.close()


def test_an_exception_of_a_call_is_that_of_its_future() -> None:
    """The thread goes on."""
    threads = Threads()
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 / 0).result()
    assert threads.submit(lambda: 5).result() == 5
    threads.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_starts_its_own() -> None:
    """Those of its parent are not there, so it must not wait for them."""
    engine = DaskEngine(num_workers=2)
    _map(engine)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if _map(engine) else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + 30
    done, status = os.waitpid(child, os.WNOHANG)
    while not done and time.monotonic() < deadline:
        time.sleep(0.02)
        done, status = os.waitpid(child, os.WNOHANG)
    if not done:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert (done, status) == (child, 0)
    engine.close()
