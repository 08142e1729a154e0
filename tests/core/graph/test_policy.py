"""Facts about what nodes ask for their calls: spelled, checked, carried along."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import pytest

import hypernodes
from hypernodes import DualNode, Node, RateLimit, Retry, node
from hypernodes.errors import NodeDefinitionError
from hypernodes.graph import CallPolicy, read_policy


class DoorError(ConnectionError):
    """An exception more special than its rule."""


def _identity(x: Any) -> Any:
    return x


@node(output_name="far", retry=3, timeout=2.0, rate_limit="10/s")
def fetch(x: int) -> int:
    """Be a node that a module holds."""
    return x


class Client:
    """A class whose method is a node with a policy."""

    @node(output_name="sent", rate_limit=5)
    def send(self, x: int) -> int:
        """Send."""
        return x


def _policy(**options: Any) -> CallPolicy:
    policy = node(_identity, output_name="out", **options).policy
    assert policy is not None
    return policy


def test_a_node_that_asks_for_nothing_has_no_policy() -> None:
    """Without options the policy is None."""
    assert node(_identity, output_name="out").policy is None


def test_a_number_is_the_number_of_attempts() -> None:
    """`retry=3` is three attempts after any exception."""
    assert (Retry(3, on=Exception),) == _policy(retry=3).retries


def test_a_retry_is_taken_as_it_is() -> None:
    """`retry=Retry(...)` is kept."""
    retry = Retry(5, on=(OSError, KeyError), wait=0.5)
    assert (retry,) == _policy(retry=retry).retries


def test_a_dictionary_gives_each_exception_its_rule() -> None:
    """Numbers and `Retry` objects may be mixed; the keys say for which exceptions."""
    retries = _policy(retry={ConnectionError: 5, KeyError: Retry(2, wait=1)}).retries
    assert (Retry(5, on=ConnectionError), Retry(2, on=KeyError, wait=1)) == retries


def test_the_most_specific_class_decides() -> None:
    """An exception follows the rule of its nearest class, whatever the order."""
    policy = _policy(retry={Exception: 2, ConnectionError: 5, OSError: 3})
    found = [policy.find_retry(error) for error in (DoorError(), OSError(), KeyError())]
    assert [5, 3, 2] == [retry.attempts for retry in found if retry is not None]


def test_an_exception_without_a_rule_is_not_retried() -> None:
    """What no rule covers has none."""
    assert _policy(retry={ConnectionError: 5}).find_retry(KeyError()) is None


def test_an_interrupt_has_no_rule() -> None:
    """The rule for all exceptions does not cover what ends a program."""
    assert _policy(retry=5).find_retry(KeyboardInterrupt()) is None


def test_waits_grow_up_to_the_longest() -> None:
    """Each wait is *factor* times the one before, at most *max_wait*."""
    retry = Retry(9, wait=1, factor=3, max_wait=10)
    assert [1, 3, 9, 10, 10] == [retry.seconds_after(n) for n in range(1, 6)]


def test_waits_never_overflow() -> None:
    """After very many failures the wait is still the longest."""
    assert Retry(10_000, max_wait=7).seconds_after(9_999) == 7


@pytest.mark.parametrize(
    ("spelled", "calls", "seconds"),
    [
        ("10/s", 10, 1),
        ("600/min", 600, 60),
        (" 5 / 2 Minutes ", 5, 120),
        ("1.5/h", 1.5, 3600),
        ("1000/day", 1000, 86400),
        (20, 20, 1),
        (0.5, 0.5, 1),
    ],
)
def test_rates_are_read(spelled: str | float, calls: float, seconds: float) -> None:
    """A rate is text, or a number of calls per second."""
    assert RateLimit(calls, seconds) == _policy(rate_limit=spelled).rate_limit


def test_a_rate_limit_is_taken_as_it_is() -> None:
    """`rate_limit=RateLimit(...)` is kept."""
    limit = RateLimit(100, per_seconds=60, burst=10)
    assert limit is _policy(rate_limit=limit).rate_limit


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry": 0}, "retry of a node must be a number of attempts of at least 1, .* got 0"),
        ({"retry": True}, "retry of a node must be a number .* got True"),
        ({"retry": 2.0}, "retry of a node must be a number .* got 2.0"),
        ({"retry": {}}, "retry of a node names no exception; give {exception class: attempts}"),
        ({"retry": {KeyError: 0}}, "retry of a node for KeyError must be a number"),
        ({"retry": {KeyboardInterrupt: 2}}, "KeyboardInterrupt'>, which is no subclass of Exc"),
        ({"retry": {KeyError: Retry(2, on=OSError)}}, "leave on= out, the key says it"),
        ({"timeout": 0}, "timeout of a node must be a number of seconds above 0, got 0"),
        ({"timeout": float("nan")}, "timeout of a node must be .* got nan"),
        ({"timeout": "5"}, "timeout of a node must be .* got '5'"),
        ({"rate_limit": "10/ms"}, "rate_limit of a node must be like '10/s' .* got '10/ms'"),
        ({"rate_limit": "fast"}, "rate_limit of a node must be like '10/s' .* got 'fast'"),
        ({"rate_limit": 0}, "rate_limit of a node must be like '10/s' .* got 0"),
        ({"rate_limit": "0/s"}, "calls of RateLimit must be a number above 0, got 0.0"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    """A wrong option is refused where it is written, before any function is decorated."""
    with pytest.raises(NodeDefinitionError, match=message):
        node(**options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Retry(0), "attempts of Retry must be a whole number of at least 1, got 0"),
        (lambda: Retry(on=()), r"on of Retry must be one or more subclasses .* got \(\)"),
        (lambda: Retry(on=SystemExit), "on of Retry must be one or more subclasses of Exception"),
        (lambda: Retry(wait=-1), "wait of Retry must be a number of seconds, 0 or more, got -1"),
        (lambda: Retry(factor=0.5), "factor of Retry must be a number of at least 1, got 0.5"),
        (lambda: Retry(jitter=2), "jitter of Retry must be a share between 0 and 1, got 2"),
        (lambda: Retry(wait=90), "wait of Retry is 90 seconds and its max_wait 60.0; raise max"),
        (lambda: RateLimit(-1), "calls of RateLimit must be a number above 0, got -1"),
        (lambda: RateLimit(1, 0), "per_seconds of RateLimit must be a number above 0, got 0"),
        (lambda: RateLimit(1, burst=0), "burst of RateLimit must be a whole number of at least 1"),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(make: Any, message: str) -> None:
    """`Retry` and `RateLimit` say which value is wrong, and what it must be."""
    with pytest.raises(NodeDefinitionError, match=message):
        make()


def test_a_dual_node_has_a_policy_too() -> None:
    """`DualNode` takes the same options."""
    pytest.importorskip("pyarrow")
    dual = DualNode("out", _identity, _identity, retry=2, timeout=1, rate_limit="5/s")
    assert read_policy(2, 1, "5/s") == dual.policy


def test_a_dual_node_refuses_what_a_node_refuses() -> None:
    """`DualNode` checks its options when it is made."""
    pytest.importorskip("pyarrow")
    with pytest.raises(NodeDefinitionError, match="timeout of a node must be"):
        DualNode("out", _identity, _identity, timeout=-1)


def test_a_policy_does_not_change_the_code() -> None:
    """Nodes with and without a policy have one code hash, so they share results."""
    plain, careful = Node(_identity, "out"), node(_identity, output_name="out", retry=3, timeout=9)
    assert plain.code_hash == careful.code_hash


def test_editing_the_decorator_does_not_change_the_code() -> None:
    """A policy written above a function is no part of its code."""

    def plain() -> Node[..., Any]:
        @node
        def load(x: int) -> int:
            return x + 1

        return load

    def careful() -> Node[..., Any]:
        @node(retry=3, rate_limit="10/s")
        def load(x: int) -> int:
            return x + 1

        return load

    assert plain().code_hash == careful().code_hash


def test_a_policy_does_not_change_the_code_of_a_dual_node() -> None:
    """The same holds for both bodies of a dual node."""
    pytest.importorskip("pyarrow")
    plain = DualNode("out", _identity, _identity)
    assert plain.code_hash == DualNode("out", _identity, _identity, retry=3).code_hash


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_the_policy_travels_with_the_node(dumps: Any) -> None:
    """A pickled node comes back with an equal policy and the same limit."""
    sent = node(_identity, output_name="out", retry={OSError: 2}, rate_limit="10/s")
    came = pickle.loads(dumps(sent)).policy
    assert (sent.policy, sent.policy.limit_id) == (came, came.limit_id)


def test_the_policy_travels_with_a_dual_node() -> None:
    """A pickled dual node keeps its policy."""
    pytest.importorskip("pyarrow")
    sent = DualNode("out", _identity, _identity, retry=2)
    assert sent.policy == pickle.loads(pickle.dumps(sent)).policy


def test_an_importable_node_is_found_with_its_policy() -> None:
    """A node that travels by name comes back with the policy that its module gives it."""
    assert read_policy(3, 2.0, "10/s") == pickle.loads(pickle.dumps(fetch)).policy


def test_an_importable_node_keeps_its_policy_where_its_cache_flag_differs() -> None:
    """A copy of an importable node with another cache flag has the policy and the limit too."""
    restore, (module, qualname, _) = fetch.__reduce__()
    assert fetch.policy is restore(module, qualname, False).policy


def test_bound_methods_share_the_limit_of_the_method() -> None:
    """The limit belongs to the node in the class, not to each of its objects."""
    one, other = (Client().send.policy for _ in range(2))
    assert one is not None
    assert one is other


def test_functions_decorated_together_have_limits_of_their_own() -> None:
    """A decorator that is kept and used twice makes two limits."""
    limited = node(output_name="out", rate_limit=5)
    one, other = (limited(func).policy for func in (_identity, abs))
    assert one == other
    assert one.limit_id != other.limit_id


def test_the_records_are_public() -> None:
    """`Retry` and `RateLimit` are found at the top."""
    assert (Retry, RateLimit) == (hypernodes.Retry, hypernodes.RateLimit)
