"""On a full disk nothing is half kept, whoever asks is told, and with room again all goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.full_disk import MakeRoom, small_disk
from tests.support.stores import PATIENCE_SECONDS, StandingClock, committed
from titan.model.errors import StoreFull
from titan.model.events import JobReady, Subject
from titan.model.files import StoredValue
from titan.ports.jobs_store import Reader, Transaction
from titan.store.blobs import FolderBlobs
from titan.store.logs import FolderLogs
from titan.store.sqlite import SqliteStore

MIB = 1024 * 1024
DISK_BYTES = 4 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Return where the small disk is."""
    return tmp_path / "disk"


@pytest.fixture
def make_room(disk: Path) -> Iterator[MakeRoom]:
    """Make the disk small, until the function is called."""
    with small_disk(disk, size_bytes=DISK_BYTES) as make_room:
        yield make_room


@pytest.fixture
def store(disk: Path, make_room: MakeRoom) -> Iterator[SqliteStore]:
    """Return a store on the small disk."""
    store = SqliteStore(disk / "control.db", clock=StandingClock())
    yield store
    make_room()
    store.close()


def put(store: SqliteStore, key: str, *, size_bytes: int) -> Future[None]:
    def decide(tx: Transaction) -> None:
        tx.put_value(PROJECT, key, StoredValue(value=key[0] * size_bytes))
        tx.record(Subject(project_id=PROJECT), JobReady(cause=key))

    return store.transact(decide)


def kept(store: SqliteStore) -> dict[str, int]:
    """Return key → size of its value, for every recorded put."""

    def ask(reader: Reader) -> dict[str, int]:
        keys = [entry.cause for entry in reader.journal(PROJECT, limit=10_000)]
        values = {key: reader.value(PROJECT, key, now=NOON) for key in keys}
        return {key: 0 if value is None else len(value.value) for key, value in values.items()}

    return store.read(ask)


def test_a_full_store_keeps_acknowledged_values_and_accepts_more_once_there_is_room(
    store: SqliteStore, make_room: MakeRoom
) -> None:
    acknowledged: dict[str, int] = {}
    error: BaseException | None = None
    while error is None:
        key = f"key{len(acknowledged)}"
        error = put(store, key, size_bytes=100_000).exception(timeout=PATIENCE_SECONDS)
        if error is None:
            acknowledged[key] = 100_000

    while_full = kept(store)
    make_room()
    put(store, "later", size_bytes=10).result(timeout=PATIENCE_SECONDS)

    assert isinstance(error, StoreFull)
    assert "Free some space" in str(error)
    assert acknowledged
    assert while_full == acknowledged
    assert kept(store) == {**acknowledged, "later": 10}
    assert store.read(lambda reader: reader.last_seq()) == len(acknowledged) + 1


def test_every_transaction_of_a_group_that_does_not_fit_gets_the_error(store: SqliteStore, make_room: MakeRoom) -> None:
    futures = [put(store, f"key{number}", size_bytes=MIB) for number in range(12)]
    errors = [future.exception(timeout=PATIENCE_SECONDS) for future in futures]
    after = put(store, "small", size_bytes=10).exception(timeout=PATIENCE_SECONDS)

    make_room()
    again = put(store, "again", size_bytes=MIB).exception(timeout=PATIENCE_SECONDS)

    fitted = {f"key{number}": MIB for number, error in enumerate(errors) if error is None}
    small = {"small": 10} if after is None else {}
    assert {type(error) for error in errors} <= {type(None), StoreFull}
    assert StoreFull in {type(error) for error in errors}
    assert again is None
    assert kept(store) == {**fitted, **small, "again": MIB}


def test_a_transaction_larger_than_the_disk_is_refused_alone(store: SqliteStore, make_room: MakeRoom) -> None:
    def put_too_much(tx: Transaction) -> None:
        for number in range(64):
            tx.put_value(PROJECT, f"part{number}", StoredValue(value="x" * (MIB // 4)))

    error = store.transact(put_too_much).exception(timeout=PATIENCE_SECONDS)
    committed(store, lambda tx: tx.put_value(PROJECT, "small", StoredValue(value="x")))

    assert isinstance(error, StoreFull)
    assert store.read(lambda reader: reader.present_keys(PROJECT, ["part0", "part63", "small"], now=NOON)) == ["small"]


def test_a_blob_that_does_not_fit_leaves_nothing_behind(disk: Path, make_room: MakeRoom) -> None:
    blobs = FolderBlobs(disk / "blobs")
    fitting = blobs.put(b"x" * MIB)
    content = b"y" * (2 * DISK_BYTES)

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 65536):
            yield content[start : start + 65536]

    with pytest.raises(StoreFull):
        blobs.put(content)
    with pytest.raises(StoreFull):
        asyncio.run(blobs.put_stream(stream(), limit_bytes=2**30))
    files_while_full = sorted(path for path in (disk / "blobs").rglob("*") if path.is_file())
    make_room()
    digest = blobs.put(content)

    assert files_while_full == [blobs.path(fitting)]
    path = blobs.path(digest)
    assert path is not None
    assert path.read_bytes() == content


def test_a_log_that_does_not_fit_goes_on_where_it_stopped(disk: Path, make_room: MakeRoom) -> None:
    logs = FolderLogs(disk / "logs")
    content = bytes(range(256)) * (2 * DISK_BYTES // 256)

    with pytest.raises(StoreFull):
        logs.append("lease1", 0, content)
    kept_bytes = logs.read("lease1", 0, len(content))
    make_room()
    size_bytes = logs.append("lease1", 0, content)

    assert content.startswith(kept_bytes)
    assert size_bytes == len(content)
    assert logs.read("lease1", 0, len(content)) == content
