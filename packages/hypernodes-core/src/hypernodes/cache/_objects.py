"""The objects below one URL: listed, read by ranges, written whole, deleted.

Decides how a filesystem of fsspec is asked: with few requests, from any
thread, also inside a running event loop and after a fork, within a time limit
and a bounded number of repeats.  After a failure everything fails at once for
a while, so that a store that is gone costs its time limit once.
Knows nothing of what the objects hold.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from hypernodes.errors import CacheUnavailableError, EngineNotInstalledError

Range = tuple[str, int, int]

_ATTEMPTS: Final = 3
_REST_SECONDS: Final = 20.0
# what a slow line may take beside the time limit
_BYTES_PER_SECOND: Final = 2 << 20
_EXTRAS: Final = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
# nothing that waiting would change
_LASTING: Final = (PermissionError, FileNotFoundError, NotImplementedError, TypeError, ValueError)
_LASTING_NAMES: Final = frozenset({"NoCredentialsError", "PartialCredentialsError", "HttpError"})


#: Filesystems of the processes that this one was forked from, kept from being collected.
_inherited: Final[list[Any]] = []


class Objects:
    """The objects below *url*, by their names relative to it.

    Args:
        url: Any URL of fsspec.
        options: Arguments of the filesystem.
        timeout: Seconds that one request and its repeats may take.

    Raises:
        EngineNotInstalledError: The scheme needs an extra.
        CacheUnavailableError: Nobody knows the scheme.
    """

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        self.url: Final = url.rstrip("/")
        self._options: Final = dict(options)
        self._timeout: Final = timeout
        self._pid = 0
        self._system: Any = None
        self._root = ""
        self._lock = threading.Lock()
        self._resting_until = 0.0
        self._cause = ""
        _check_scheme(url)

    def find(self, folder: str) -> dict[str, int]:
        """Return the objects in *folder* with their sizes; one request per thousand.

        Raises:
            CacheUnavailableError: The store does not answer.
        """
        place = self._place(folder)
        try:
            found = self._ask("listed", "find", place, detail=True)
        except FileNotFoundError:
            return {}
        # some servers tell of an empty folder as if it were an object
        files = {path: info for path, info in found.items() if info.get("type") != "directory"}
        return {
            f"{folder}/{path.rpartition('/')[2]}": int(info["size"] or 0)
            for path, info in files.items()
        }

    def read(self, ranges: Sequence[Range]) -> list[bytes | None]:
        """Return the bytes of each (name, start, end), None where the object is gone.

        Raises:
            CacheUnavailableError: The store does not answer.
        """
        found: list[bytes | None] = [None] * len(ranges)
        left = list(range(len(ranges)))

        def read_left() -> None:
            nonlocal left
            paths = [self._place(ranges[at][0]) for at in left]
            starts, ends = [ranges[at][1] for at in left], [ranges[at][2] for at in left]
            size = sum(ends) - sum(starts)
            answers = self._call(
                "cat_ranges", paths, starts, ends, on_error="return", expected_bytes=size
            )
            failed = []
            for at, answer in zip(left, answers, strict=True):
                if isinstance(answer, (bytes, bytearray, memoryview)):
                    found[at] = bytes(answer)
                elif not isinstance(answer, FileNotFoundError):
                    failed.append((at, answer))
            # only what failed is asked for again
            left = [at for at, _ in failed]
            if failed:
                raise failed[0][1]

        if ranges:
            self._repeat("read", read_left)
        return found

    def write(self, name: str, data: bytes) -> None:
        """Write a whole object, which nobody sees before it is complete.

        Raises:
            CacheUnavailableError: The store does not answer, or refuses.
        """
        place = self._place(name)
        is_local = self._is_local()
        target = f"{place}.part" if is_local else place

        def write_all() -> None:
            self._call("pipe_file", target, data, expected_bytes=len(data))
            if is_local:
                self._call("mv", target, place)

        try:
            self._repeat("written", write_all)
        except FileNotFoundError as error:
            failure = self._failure("written", error)
            raise failure from error

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects, those that are gone already too.

        Raises:
            CacheUnavailableError: The store does not answer, or refuses.
        """
        places = [self._place(name) for name in names]
        for start in range(0, len(places), 1000):
            some = places[start : start + 1000]
            try:
                self._ask("cleared", "rm", some)
            except FileNotFoundError:
                for place in some:
                    self._delete_one(place)

    def forget_failures(self) -> None:
        """Ask the store again, even if it did not answer a moment ago."""
        self._resting_until = 0.0

    def _delete_one(self, place: str) -> None:
        try:
            self._ask("cleared", "rm_file", place)
        except FileNotFoundError:
            return

    def _place(self, name: str) -> str:
        self._filesystem()
        return f"{self._root}/{name}"

    def _is_local(self) -> bool:
        protocol = self._filesystem().protocol
        return "file" in (protocol if isinstance(protocol, tuple) else (protocol,))

    def _ask(self, verb: str, method: str, *args: Any, **options: Any) -> Any:
        return self._repeat(verb, lambda: self._call(method, *args, **options))

    def _repeat(self, verb: str, call: Callable[[], Any]) -> Any:
        """Call, again after failures that may pass; then fail for a while."""
        # deferred: a run without an object store never needs it
        import tenacity

        if time.monotonic() < self._resting_until:
            msg = f"{self.url} did not answer a moment ago: {self._cause}"
            raise CacheUnavailableError(msg)
        repeat = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS)
            | tenacity.stop_after_delay(self._timeout / 2),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2),
            retry=tenacity.retry_if_exception(_may_pass),
            reraise=True,
        )
        try:
            return repeat(call)
        except FileNotFoundError:
            raise
        # filesystems raise whatever their libraries raise
        except Exception as error:
            failure = self._failure(verb, error)
            self._cause = f"{type(error).__name__}: {error}"
            self._resting_until = time.monotonic() + _REST_SECONDS
            raise failure from error

    def _failure(self, verb: str, error: Exception) -> CacheUnavailableError:
        hint = ""
        if isinstance(error, PermissionError) or type(error).__name__ in _LASTING_NAMES:
            hint = "; check the credentials and what they may do"
        elif isinstance(error, FileNotFoundError):
            hint = "; does the bucket exist?"
        elif isinstance(error, NotADirectoryError | FileExistsError):
            hint = "; a file is in the way, give the path of a folder"
        detail = str(error) or "no answer in time"
        msg = f"{self.url} cannot be {verb}: {type(error).__name__}: {detail}{hint}"
        return CacheUnavailableError(msg)

    def _call(self, method: str, *args: Any, expected_bytes: int = 0, **options: Any) -> Any:
        """Call a method of the filesystem, for a limited time where it can be limited."""
        system = self._filesystem()
        if not system.async_impl:
            return getattr(system, method)(*args, **options)
        # deferred: comes with the filesystem
        from fsspec.asyn import sync

        limit = self._timeout + expected_bytes / _BYTES_PER_SECOND
        call = getattr(system, f"_{method}")
        return sync(system.loop, call, *args, timeout=limit, **options)

    def _filesystem(self) -> Any:
        """Return this process's filesystem: the threads and loops of another one do not exist."""
        if self._pid != os.getpid():
            # deferred: a run without an object store never needs it
            from fsspec.core import url_to_fs

            self._lock = threading.Lock()
            if self._system is not None:
                # closing it here would take the parent's sockets off the epoll that both share
                _inherited.append(self._system)
            options = {**_defaults(self.url, self._timeout), **self._options}
            self._system, root = url_to_fs(self.url, skip_instance_cache=True, **options)
            self._root = root.rstrip("/")
            if hasattr(self._system, "retries"):
                # repeats are counted here
                self._system.retries = 1
            self._pid = os.getpid()
        return self._system


def _check_scheme(url: str) -> None:
    # deferred: a run without an object store never needs it
    from fsspec import get_filesystem_class

    scheme = url.partition("://")[0] if "://" in url else "file"
    scheme = scheme.rpartition("::")[2]
    try:
        get_filesystem_class(scheme)
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        what = f"pip install 'hypernodes[{extra}]'" if extra else f"what it needs: {error}"
        msg = f"the {scheme}:// cache needs a library that is not installed; run: {what}"
        raise EngineNotInstalledError(msg) from error
    except ValueError as error:
        msg = f"cannot open a cache at {url!r}: {error}; give a URL that fsspec knows"
        raise CacheUnavailableError(msg) from error
    if scheme in _EXTRAS and not url.partition("://")[2].strip("/"):
        msg = f"{url!r} names no bucket; give {scheme}://BUCKET/PREFIX"
        raise CacheUnavailableError(msg)


def _defaults(url: str, timeout: float) -> dict[str, Any]:
    """Return the arguments that keep a filesystem from waiting and caching by itself."""
    scheme = url.partition("://")[0] if "://" in url else "file"
    if scheme in ("file", "local"):
        return {"auto_mkdir": True}
    if scheme in ("s3", "s3a"):
        limits = {"connect_timeout": min(5.0, timeout), "read_timeout": timeout}
        return {
            "use_listings_cache": False,
            "config_kwargs": {**limits, "retries": {"max_attempts": 0}},
        }
    return {"use_listings_cache": False}


def _may_pass(error: BaseException) -> bool:
    is_lasting = isinstance(error, _LASTING) or type(error).__name__ in _LASTING_NAMES
    return isinstance(error, Exception) and not is_lasting
