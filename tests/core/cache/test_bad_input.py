"""Facts about caches that are asked for in a wrong way: what is wrong, where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import DiskCache, FsspecCache, Pipeline, SeqEngine, node, open_cache
from hypernodes.cache import MemoryCache
from hypernodes.errors import CacheUnavailableError, CacheWarning, UnknownPluginError
from hypernodes.values import MISSING

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("limit", ["10GB", float("nan"), -1, [1]])
@pytest.mark.parametrize("name", ["max_bytes", "max_age", "max_items", "ttl"])
def test_a_limit_is_a_number(tmp_path: Path, name: str, limit: Any) -> None:
    """What cannot be compared is refused when the cache is made, with its name."""
    with pytest.raises(ValueError, match=rf"{name}.* give 0 or more, or None"):
        DiskCache(tmp_path, **{name: limit})


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1.0}, {"pack_bytes": 0}])
def test_remote_limits_are_more_than_nothing(options: dict[str, Any]) -> None:
    """A store that may not take any time would never answer."""
    with pytest.raises(ValueError, match="give more than 0"):
        FsspecCache("memory://limits", **options)


@pytest.mark.parametrize("key", [5, None, object()])
def test_a_key_is_a_text_or_a_signature(key: Any) -> None:
    """Anything else is a mistake that is told of, and not a miss."""
    cache = MemoryCache()
    for ask in (cache.get, cache.has, lambda key: cache.put(key, 1)):
        with pytest.raises(TypeError, match="a key of a cache is a text or a Signature, not"):
            ask(key)


def test_a_pin_names_something(tmp_path: Path) -> None:
    """None is no node."""
    cache = DiskCache(tmp_path, key="k")
    with pytest.raises(TypeError, match="pin a node by its name"):
        cache.pin(None)  # type: ignore[arg-type]


def test_a_secret_is_text_or_bytes(tmp_path: Path) -> None:
    """A number would not say what it is called."""
    with pytest.raises(TypeError, match="text or bytes, not int"):
        DiskCache(tmp_path, key=5)  # type: ignore[arg-type]


def test_a_line_end_is_no_part_of_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that came from a file is the one that was written into it."""
    monkeypatch.setenv("HYPERNODES_CACHE_KEY", "secret\n")
    DiskCache(tmp_path).put("a", 1)
    assert 1 == DiskCache(tmp_path, key="secret").get("a")


def test_a_blank_secret_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing does not let everybody in."""
    monkeypatch.setenv("HYPERNODES_CACHE_KEY", " ")
    with pytest.raises(CacheUnavailableError, match="needs a key of its own"):
        DiskCache(tmp_path, shared=True)


@pytest.mark.parametrize("url", ["s3://", "s3:///", "gs://"])
def test_a_bucket_is_named(url: str) -> None:
    """Nothing is asked of a server to find out."""
    pytest.importorskip("s3fs" if url.startswith("s3") else "gcsfs")
    with pytest.raises(CacheUnavailableError, match="names no bucket; give"):
        FsspecCache(url)


def test_a_path_is_a_place(tmp_path: Path) -> None:
    """A folder may be given as what `pathlib` makes of it."""
    cache = FsspecCache(tmp_path / "far", mirror=tmp_path / "mirror")
    cache.put("a", 1)
    assert 1 == FsspecCache(str(tmp_path / "far"), mirror=tmp_path / "other").get("a")


def test_a_file_in_the_place_of_a_store_is_told(tmp_path: Path) -> None:
    """The run goes on, and the warning says what is in the way."""

    @node(output_name="y")
    def double(x: int) -> int:
        return 2 * x

    (tmp_path / "file").write_text("", "ascii")
    cache = FsspecCache((tmp_path / "file").as_uri(), mirror=tmp_path / "mirror")
    with pytest.warns(CacheWarning, match="a file is in the way, give the path of a"):
        found = Pipeline([double]).run(inputs={"x": 1}, engine=SeqEngine(cache=cache))
    assert {"y": 2} == found


def test_known_schemes_are_listed_once() -> None:
    """Whoever mistypes one sees those that there are."""
    with pytest.raises(UnknownPluginError, match="known caches") as told:
        open_cache("nosuch://place")
    names = str(told.value).rpartition(": ")[2].split(", ")
    assert sorted(set(names)) == names


def test_a_copy_of_the_index_that_cannot_be_kept_is_done_without(tmp_path: Path) -> None:
    """Where the folder of the local copy is a file, the copy is kept in memory."""
    (tmp_path / "file").write_text("", "ascii")
    cache = FsspecCache("memory://no-mirror", mirror=tmp_path / "file")
    assert MISSING is cache.get("a")
    cache.put("a", 1)
    assert 1 == cache.get("a")


def test_a_folder_takes_its_options_from_a_url(tmp_path: Path) -> None:
    """Limits, keys and permissions are those that stand behind the question mark."""
    url = f"disk://{tmp_path}/c?max_bytes=1000&max_age=2.5&max_items=3&ttl=4&key=k&allow_pickle=0"
    cache = open_cache(url)
    assert isinstance(cache, DiskCache)
    limits = cache.limits
    assert (1000, 2.5, 3, {"": 4.0}) == (
        limits.max_bytes,
        limits.max_age,
        limits.max_items,
        limits.ttl,
    )
    cache.put("a", 1)
    assert (1, False) == (DiskCache(tmp_path / "c", key="k").get("a"), cache.allow_pickle)


def test_a_path_may_hold_a_question_mark(tmp_path: Path) -> None:
    """Only a URL has options."""
    cache = open_cache(str(tmp_path / "what?max_items=1"))
    cache.put("a", 1)
    assert (tmp_path / "what?max_items=1").is_dir()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("max_byte=1", r"no option 'max_byte'.*did you mean 'max_bytes'"),
        ("max_bytes=10GB", "an option is wrong"),
        ("max_items=-1", "give 0 or more"),
        ("key=", "key of a cache is empty"),
    ],
)
def test_a_wrong_option_of_a_folder_is_told(tmp_path: Path, query: str, said: str) -> None:
    """Nothing is opened with limits that nobody asked for."""
    with pytest.raises(CacheUnavailableError, match=said):
        open_cache(f"disk://{tmp_path}/c?{query}")
    assert not (tmp_path / "c").exists()


def test_a_url_names_a_folder() -> None:
    """The working directory is not what somebody meant by nothing."""
    with pytest.raises(CacheUnavailableError, match="names no folder"):
        open_cache("disk://?max_items=1")
