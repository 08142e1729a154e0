"""Facts about keys and signatures of a store."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hypernodes.cache import DiskCache
from hypernodes.cache._trust import KEY_VARIABLE, KeyId, Trust, find_trust, user_key_path
from hypernodes.errors import CacheUnavailableError, CacheWarning
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any key."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    return tmp_path


def test_a_signature_depends_on_key_purpose_context_and_data() -> None:
    """Whatever of the four differs, the signature differs."""
    one = Trust(b"k" * 32)
    signatures = {
        one.signer(b"a", b"c")(b"d"),
        one.signer(b"b", b"c")(b"d"),
        one.signer(b"a", b"x")(b"d"),
        one.signer(b"a", b"c")(b"x"),
        Trust(b"j" * 32).signer(b"a", b"c")(b"d"),
    }
    assert len(signatures) == 5


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_value_is_signed_with_all_that_it_is(size: int) -> None:
    """Digest, serializer, version and bytes all count, for small and for large values."""
    trust, data = Trust(b"k" * 32), bytes(size)
    signatures = {
        trust.sign_blob(b"d", "s", 1, data),
        trust.sign_blob(b"e", "s", 1, data),
        trust.sign_blob(b"d", "t", 1, data),
        trust.sign_blob(b"d", "s", 2, data),
        trust.sign_blob(b"d", "s", 1, data[:-1] + b"!"),
        trust.sign_blob(b"d", "s", 1, data + b"\0"),
        trust.sign_blob(b"ds", "", 1, data),
    }
    assert len(signatures) == 7


def test_a_view_is_signed_like_its_bytes() -> None:
    """Whether bytes come as bytes or as a view makes no difference."""
    trust = find_trust("key")
    sizes = (10, 100_000)
    plain = [trust.sign_blob(b"d", "s", 1, bytes(size)) for size in sizes]
    viewed = [trust.sign_blob(b"d", "s", 1, memoryview(bytearray(size))) for size in sizes]
    assert plain == viewed


def test_a_given_key_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """``key=`` wins over the environment, which wins over the user's file."""
    of_user = find_trust().id
    monkeypatch.setenv(KEY_VARIABLE, "environment")
    assert find_trust().id == find_trust("environment").id
    assert find_trust("given").id == find_trust(b"given").id
    assert len({of_user, find_trust().id, find_trust("given").id}) == 3


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable without text is as good as none."""
    monkeypatch.setenv(KEY_VARIABLE, "")
    find_trust()
    assert user_key_path().exists()


@pytest.mark.parametrize("key", ["", b""])
def test_an_empty_key_is_refused(key: str | bytes) -> None:
    """A key of no text is a mistake, and told."""
    with pytest.raises(CacheUnavailableError, match="empty; give some random text"):
        find_trust(key)


@posix
def test_the_user_s_key_is_made_once_and_private() -> None:
    """The first use writes the file, for its owner alone; later ones read it."""
    one, other = find_trust().id, find_trust().id
    path = user_key_path()
    assert (one, stat.S_IMODE(path.stat().st_mode)) == (other, 0o600)
    assert list(path.parent.iterdir()) == [path]


@posix
def test_a_key_that_others_could_read_is_made_private() -> None:
    """Too wide permissions of the file are narrowed."""
    find_trust()
    user_key_path().chmod(0o644)
    find_trust()
    assert stat.S_IMODE(user_key_path().stat().st_mode) == 0o600


def test_racing_processes_agree_on_one_key() -> None:
    """Several processes that start without a key end up with the same one."""
    code = (
        "import sys; from hypernodes.cache._trust import find_trust; "
        "sys.stdin.readline(); print(find_trust().id.hex())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(5)
    ]
    found = {process.communicate("\n", timeout=60)[0] for process in processes}
    assert found == {find_trust().id.hex() + "\n"}


@pytest.mark.parametrize("content", ["", "no key", "ab" * 31, "zz" * 32])
def test_a_damaged_key_file_is_one_warning_and_a_key_for_now(
    content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that holds no key is left alone; the process goes on with one of its own."""
    monkeypatch.setattr("hypernodes.cache._trust._made", {})
    user_key_path().parent.mkdir(parents=True)
    user_key_path().write_text(content)
    with pytest.warns(CacheWarning, match=f"cannot be used.* set {KEY_VARIABLE}") as caught:
        one, other = find_trust(), find_trust()
    assert (one.id, len(caught), user_key_path().read_text()) == (other.id, 1, content)


def test_a_home_that_cannot_be_written_is_one_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no key file can be made, a cache works, for this process."""
    monkeypatch.setattr("hypernodes.cache._trust._made", {})
    (home / "config").write_text("a file where the folder would be")
    with pytest.warns(CacheWarning) as caught:
        DiskCache(home / "cache").put("a", 1)
    assert (DiskCache(home / "cache").get("a"), len(caught)) == (1, 1)


def test_a_shared_cache_needs_a_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``shared=True`` is refused without one, at once; the environment's does."""
    with pytest.raises(CacheUnavailableError, match=f"give key=... or set {KEY_VARIABLE}"):
        DiskCache(home / "cache", shared=True)
    monkeypatch.setenv(KEY_VARIABLE, "a team's")
    DiskCache(home / "cache", shared=True).put("a", 1)
    assert DiskCache(home / "cache", key="a team's").get("a") == 1


def test_another_key_reads_nothing_and_says_so_once(home: Path) -> None:
    """What another key signed is not there, is told of once, and is left alone."""
    DiskCache(home / "cache", key="one").put_many({"a": 1, "b": bytes(2 << 20)})
    other = DiskCache(home / "cache", key="other")
    with pytest.warns(CacheWarning, match="signed with another key") as caught:
        found = other.get_many(["a", "b"]), other.has("a")
    assert (found, len(caught)) == (([MISSING, MISSING], False), 1)
    assert DiskCache(home / "cache", key="one").get("a") == 1


@pytest.mark.filterwarnings("ignore:.*signed with another key")
def test_two_keys_can_share_a_folder(home: Path) -> None:
    """Each finds what it has stored last, and nothing of the other."""
    one, other = DiskCache(home / "cache", key="one"), DiskCache(home / "cache", key="other")
    value = os.urandom(50_000)
    one.put("mine", value)
    other.put("yours", value[::-1])
    assert (one.get("mine"), other.get("yours")) == (value, value[::-1])
    assert (one.get("yours"), other.get("mine")) == (MISSING, MISSING)


def test_the_key_is_never_pickled(home: Path) -> None:
    """Neither a given key nor what is made of it is in the pickle of a cache."""
    cache = DiskCache(home / "cache", key=b"a very secret key")
    cache.put("a", 1)
    data = pickle.dumps(cache)
    secrets = (b"a very secret key", cache._open().trust._key)
    assert [secret in data for secret in secrets if secret] == [False, False]


def test_a_copy_in_the_same_process_has_the_key(home: Path) -> None:
    """A pickled copy finds a given key where it was given."""
    cache = DiskCache(home / "cache", key="secret")
    cache.put("a", 1)
    assert pickle.loads(pickle.dumps(cache)).get("a") == 1


ELSEWHERE = """
import pickle, sys, warnings
cache = pickle.loads(bytes.fromhex(sys.argv[1]))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = cache.get("a", "missing"), cache.get("a", "missing")
print(*found, [str(each.message) for each in caught])
try:
    cache.put("b", 2)
    print("stored")
except Exception as error:
    print(type(error).__name__, error)
"""


def load_elsewhere(cache: DiskCache, **environment: str) -> list[str]:
    """Return what a copy of *cache* finds in another process, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, pickle.dumps(cache).hex()],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_copy_without_the_key_reads_and_writes_nothing(home: Path) -> None:
    """In a process that does not have the key, results are misses, and storing is refused."""
    cache = DiskCache(home / "cache", key="secret")
    cache.put("a", 1)
    found, stored = load_elsewhere(cache)
    assert found.startswith("missing missing ['cache at")
    assert found.count("a key that this process does not have") == 1
    assert stored.startswith("CacheUnavailableError")
    assert f"set {KEY_VARIABLE}" in stored


def test_a_copy_finds_the_key_in_its_environment(home: Path) -> None:
    """A worker whose environment holds the key reads and writes."""
    cache = DiskCache(home / "cache", key="secret")
    cache.put("a", 1)
    assert load_elsewhere(cache, **{KEY_VARIABLE: "secret"}) == ["1 1 []", "stored"]


def test_a_copy_with_another_key_has_none(home: Path) -> None:
    """A worker whose environment holds another key does not sign with that one."""
    cache = DiskCache(home / "cache", key="secret")
    cache.put("a", 1)
    assert load_elsewhere(cache, **{KEY_VARIABLE: "wrong"})[1].startswith("CacheUnavailable")


def test_a_copy_reads_the_user_s_key(home: Path) -> None:
    """Another process of the same user needs nothing: it reads the same file."""
    cache = DiskCache(home / "cache")
    unused = pickle.loads(pickle.dumps(cache))
    cache.put("a", 1)
    assert load_elsewhere(cache) == load_elsewhere(unused) == ["1 1 []", "stored"]


def test_a_copy_of_a_copy_still_knows_which_key(home: Path) -> None:
    """A copy that has no key passes on which one it needs."""
    trust = find_trust(KeyId(b"unknown!"))
    cache = DiskCache(home / "cache", key=KeyId(b"unknown!"))
    with pytest.warns(CacheWarning, match="does not have"):
        cache.get("a")
    copy = pickle.loads(pickle.dumps(cache))
    assert (trust.is_locked, copy._wanted) == (True, KeyId(b"unknown!"))
