"""Our caches under the contract that every cache is held to."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import pytest

from hypernodes import BackendCache, DiskCache, FsspecCache, MemoryCache, TieredCache
from hypernodes.testing import ByteStoreContract, CacheContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Files(MutableMapping[str, bytes]):
    """The files below a folder as a mapping."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def __setitem__(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def __delitem__(self, name: str) -> None:
        (self.folder / name).unlink()

    def __iter__(self) -> Iterator[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return iter(sorted(path.relative_to(self.folder).as_posix() for path in files))

    def __len__(self) -> int:
        return len(list(iter(self)))


class Drawer(dict[str, bytes]):
    """A byte store of five methods."""

    put, has, delete = dict.__setitem__, dict.__contains__, dict.__delitem__

    def __repr__(self) -> str:
        return "Drawer()"


class BulkDrawer(Drawer):
    """A byte store with bulk forms."""

    def get_many(self, keys: list[str]) -> dict[str, bytes]:
        """Return what is there."""
        return {key: self[key] for key in keys if key in self}

    def put_many(self, values: dict[str, bytes]) -> None:
        """Keep all."""
        self.update(values)

    def has_many(self, keys: list[str]) -> list[bool]:
        """Say for each whether it is there."""
        return [key in self for key in keys]


class TestMemoryCache(CacheContract):
    """A cache of one object."""

    is_picklable = False
    checks_bytes = False

    @pytest.fixture
    def open_cache(self) -> Callable[[], MemoryCache]:
        """Give the one object there is."""
        cache = MemoryCache()
        return lambda: cache


class TestDiskCache(CacheContract):
    """A folder; its index is damaged elsewhere."""

    @pytest.fixture
    def open_cache(self, tmp_path: Path) -> Callable[[], DiskCache]:
        """Open the folder."""
        return lambda: DiskCache(tmp_path / "cache")

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Callable[[], Files]:
        """Its data files."""
        return lambda: Files(tmp_path / "cache" / "segments")


class TestFolderOfSeveralMachines(CacheContract):
    """A remote cache in a folder; each object keeps a copy of the index of its own."""

    @pytest.fixture
    def open_cache(self, tmp_path: Path) -> Callable[[], FsspecCache]:
        """Open the folder as another machine would."""

        def open_anew() -> FsspecCache:
            mirror = tmp_path / f"mirror {len(list(tmp_path.iterdir()))}"
            mirror.mkdir()
            return FsspecCache((tmp_path / "far").as_uri(), mirror=mirror)

        return open_anew

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Callable[[], Files]:
        """Its objects."""
        return lambda: Files(tmp_path / "far")


class TestFsspecMemory(CacheContract):
    """A remote cache in the memory of the process."""

    checks_bytes = False

    @pytest.fixture
    def open_cache(self, tmp_path: Path) -> Iterator[Callable[[], FsspecCache]]:
        """Open a place of its own."""
        url = f"memory://{tmp_path.as_posix()}"
        yield lambda: FsspecCache(url, mirror=tmp_path)
        FsspecCache(url, mirror=tmp_path).clear()


class TestTieredCache(TestFolderOfSeveralMachines):
    """Memory before a folder of several machines."""

    is_picklable = False

    @pytest.fixture
    def open_cache(self, tmp_path: Path) -> Callable[[], TieredCache]:
        """Open the folder behind an empty near cache."""

        def open_anew() -> TieredCache:
            mirror = tmp_path / f"mirror {len(list(tmp_path.iterdir()))}"
            mirror.mkdir()
            far = FsspecCache((tmp_path / "far").as_uri(), mirror=mirror)
            return TieredCache(MemoryCache(), far)

        return open_anew


class TestTieredFolders(CacheContract):
    """A folder of this machine before one of several."""

    checks_bytes = False

    @pytest.fixture
    def open_cache(self, tmp_path: Path) -> Callable[[], TieredCache]:
        """Open both."""
        far = FsspecCache((tmp_path / "far").as_uri(), mirror=tmp_path / "mirror")
        return lambda: TieredCache(DiskCache(tmp_path / "near"), far)


@pytest.mark.parametrize("drawer", [Drawer, BulkDrawer], scope="class")
class TestBackendCache(CacheContract):
    """Five methods, with and without bulk forms."""

    is_picklable = False

    @pytest.fixture
    def store(self, drawer: type[Drawer]) -> Drawer:
        """An empty store."""
        return drawer()

    @pytest.fixture
    def open_cache(self, store: Drawer) -> Callable[[], BackendCache]:
        """Make a cache of the store."""
        return lambda: BackendCache(store)

    @pytest.fixture
    def objects(self, store: Drawer) -> Callable[[], Drawer]:
        """The store itself."""
        return lambda: store


@pytest.mark.parametrize("drawer", [Drawer, BulkDrawer], scope="class")
class TestDrawers(ByteStoreContract):
    """The stores that the tests above are made of."""

    @pytest.fixture
    def store(self, drawer: type[Drawer]) -> Any:
        """An empty store."""
        return drawer()
