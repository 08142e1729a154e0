"""Which bytes of a store may be decoded: those that carry our signature.

Everything a store keeps is signed with a key that lies outside of it, and
checked before a single byte of it is decoded, so that damage and planted
bytes alike are misses.  One keyed BLAKE2b serves as checksum and signature.

Decides where the key comes from: given in code, else the environment, else a
file of the user's, else made for this process.  It refuses to know what is
signed and where it lies.  Keys never travel: a pickled copy carries the id of
its key, and finds the key itself where it is loaded, or does without.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

import attrs

from hypernodes.errors import CacheUnavailableError, CacheWarning

#: The environment variable that holds a key.
KEY_VARIABLE: Final = "HYPERNODES_CACHE_KEY"
#: How long a signature is.
MAC_BYTES: Final = 16
#: How long the public name of a key is.
KEY_ID_BYTES: Final = 8

_KEY_BYTES: Final = 32
_ID_PURPOSE: Final = b"key id"
# BLAKE3 is faster from here on, by its threads once they pay; the rule is fixed for all machines
_LARGE: Final = 4 << 10
_THREADED: Final = 1 << 20

Signer = Callable[[bytes], bytes]
# keys that were given in code or made here, by id: for copies within this process
_known: Final[dict[bytes, bytes]] = {}
_made: Final[dict[str, bytes]] = {}


class Trust:
    """One key: signs what is written and checks what is read.

    Args:
        key: 32 bytes; None for no key at all, which checks nothing and refuses to sign.

    Attributes:
        id: What the key is called in public; empty where there is none.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key: Final = key
        self.id: Final = b"" if key is None else _keyed(key, _ID_PURPOSE).digest()[:KEY_ID_BYTES]

    @property
    def is_locked(self) -> bool:
        """Whether there is no key."""
        return self._key is None

    def signer(self, purpose: bytes, context: bytes = b"") -> Signer:
        """Return what signs many pieces of data of one purpose.

        Args:
            purpose: Tells kinds of data apart, at most 16 bytes: what was signed
                as one kind is not accepted as another.
            context: Signed before each piece; of one fixed length per purpose.

        Raises:
            CacheUnavailableError: There is no key.
        """
        if self._key is None:
            raise _locked()
        copy = _keyed(self._key, purpose, context).copy

        def sign(data: bytes) -> bytes:
            hasher = copy()
            hasher.update(data)
            return hasher.digest()

        return sign

    def sign_blob(
        self, digest: bytes, serializer: str, version: int, data: bytes | memoryview
    ) -> bytes:
        """Return the signature of one encoded value.

        Args:
            digest: The address of the value.
            serializer: The name of its serializer.
            version: The version of that.
            data: The encoded bytes; large ones enter by their BLAKE3 digest.

        Raises:
            CacheUnavailableError: There is no key.
        """
        if self._key is None:
            raise _locked()
        name = serializer.encode("utf-8", "surrogatepass")
        sizes = b"%d/%d/%d/%d/" % (len(digest), len(name), version, len(data))
        head = sizes + digest + name
        if len(data) > _LARGE:
            # deferred: only large values need it
            import blake3

            threads = blake3.blake3.AUTO if len(data) > _THREADED else 1
            digest_of_data = blake3.blake3(data, max_threads=threads).digest()
            return _keyed(self._key, b"large value", head + digest_of_data).digest()
        return _keyed(self._key, b"value", head + data).digest()


def _locked() -> CacheUnavailableError:
    msg = (
        f"the cache was opened with a key that this process does not have; set {KEY_VARIABLE} here"
    )
    return CacheUnavailableError(msg)


def _keyed(key: bytes, purpose: bytes, context: bytes = b"") -> blake2b:
    return blake2b(context, key=key, digest_size=MAC_BYTES, person=purpose)


@attrs.frozen
class KeyId:
    """What a key is called in public: stands for it where a cache is pickled.

    Attributes:
        id: As in `Trust.id`.
    """

    id: bytes


def find_trust(key: str | bytes | KeyId | None = None, *, shared: bool = False) -> Trust:
    """Find the key to sign with; the first of these that there is.

    The given one, that of ``HYPERNODES_CACHE_KEY``, that of the user's file
    (made now if need be), one that lasts as long as this process.

    Args:
        key: The key, of any length; or what it is called, where this process
            has to find it by itself, and another one does not do.
        shared: Accept none but the first two.

    Returns:
        The key; a locked `Trust` where the one that *key* calls is not to be found.

    Raises:
        CacheUnavailableError: A shared store has no key, or a given key is empty.
    """
    if isinstance(key, KeyId):
        return Trust(_find_by_id(key.id))
    if key is not None:
        return Trust(_remember(_derive(key)))
    if from_environment := _read_environment():
        return Trust(_derive(from_environment))
    if shared:
        msg = f"a shared cache needs a key of its own; give key=... or set {KEY_VARIABLE}"
        raise CacheUnavailableError(msg)
    return Trust(_read_user_key() or _make_process_key())


def user_key_path() -> Path:
    """Return where the key of this user lies, outside of every store."""
    root = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(root) / "hypernodes" / "cache.key"


def _read_environment() -> str:
    # a line end that came along with a secret is no part of it
    return os.environ.get(KEY_VARIABLE, "").strip()


def _derive(key: str | bytes) -> bytes:
    if not isinstance(key, str | bytes):
        msg = f"the key of a cache is text or bytes, not {type(key).__name__}"
        raise TypeError(msg)
    material = key.encode() if isinstance(key, str) else key
    if not material:
        msg = "the key of a cache is empty; give some random text, or none at all"
        raise CacheUnavailableError(msg)
    return blake2b(material, digest_size=_KEY_BYTES, person=b"hypernodes key").digest()


def _remember(key: bytes) -> bytes:
    _known[Trust(key).id] = key
    return key


def _find_by_id(wanted: bytes) -> bytes | None:
    """Return the key that is called so, from wherever this process may have it."""
    if wanted in _known:
        return _known[wanted]
    from_environment = _read_environment()
    key = _derive(from_environment) if from_environment else _read_user_key()
    return key if key and Trust(key).id == wanted else None


def _read_user_key() -> bytes | None:
    """Return the key of the user's file, made where there is none; None if that fails."""
    try:
        path = user_key_path()
        if not path.exists():
            _create(path)
        return _derive(_read(path))
    except (OSError, RuntimeError, ValueError):
        return None


def _create(path: Path) -> None:
    """Write a new key; of several processes that do, one wins and all read its key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".cache.key-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(os.urandom(_KEY_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # unlike a rename, a link never replaces the key of another process
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _read(path: Path) -> bytes:
    """Return what *path* holds; one that others could read is made private.

    Raises:
        ValueError: It does not hold a key.
    """
    text = path.read_text(encoding="ascii").strip()
    if len(text) != 2 * _KEY_BYTES:
        msg = f"key file {path} does not hold {2 * _KEY_BYTES} hex digits"
        raise ValueError(msg)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return bytes.fromhex(text)


def _make_process_key() -> bytes:
    """Return the key of this process, made and warned of once."""
    key = os.urandom(_KEY_BYTES)
    # no lock, which a fork could copy while it is held
    if _made.setdefault("process", key) is key:
        _remember(key)
        msg = (
            f"the key file {_name_of_key_file()} cannot be used, so what is cached now will not "
            f"be found by other processes; make it writable, or set {KEY_VARIABLE}"
        )
        warnings.warn(msg, CacheWarning, stacklevel=4)
    return _made["process"]


def _name_of_key_file() -> str:
    try:
        return str(user_key_path())
    except RuntimeError:
        return "of a user without a home folder"
