"""Backups: of a home that is written to, whole or not at all, checked before they are put back."""

import os
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.stored import a_stored_job, a_worker, an_attempt, store_dag, store_workers
from tests.support.stores import StandingClock, committed
from tests.support.waiting import wait_until
from titan.model.attempts import AttemptOutcome
from titan.model.errors import InvalidInput, StoreDamaged, StoreInUse
from titan.model.files import StoredFile, StoredValue
from titan.model.jobs import JobStatus
from titan.store.backup import Manifest, Progress, back_up, restore
from titan.store.blobs import FolderBlobs
from titan.store.logs import FolderLogs
from titan.store.sqlite import SqliteStore

KINDS = pytest.mark.parametrize("name", ["copy", "copy.tar.gz"], ids=["folder", "archive"])


def say_nothing(_progress: Progress) -> None:
    """Hear of progress."""


def take(home: Path, target: Path) -> Manifest:
    return back_up(home, target, now=NOON, on_progress=say_nothing)


def put_back(source: Path, home: Path, *, is_forced: bool = False) -> tuple[Manifest, Path | None]:
    return restore(source, home, now=NOON, is_forced=is_forced, on_progress=say_nothing)


@contextmanager
def a_store(home: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(home / "control.db", clock=StandingClock())
    try:
        yield store
    finally:
        store.close()


def put_large(store: SqliteStore, key: str) -> str:
    """Set a key durably and return it."""
    committed(store, lambda tx: tx.put_value(PROJECT, key, StoredValue(value="x" * 2000)))
    return key


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a job, its log, two files and one blob that nothing names."""
    home = tmp_path / "home"
    blobs, logs = FolderBlobs(home / "blobs"), FolderLogs(home / "logs")
    with a_store(home) as store:
        file = StoredFile(name="data.csv", digest=blobs.put(b"data"), size_bytes=4)
        committed(store, lambda tx: tx.put_file(PROJECT, file))
        value = StoredValue(value="report.md", artifact=blobs.put(b"report"))
        committed(store, lambda tx: tx.put_value(PROJECT, "report", value))
        store_dag(store, a_stored_job(status=JobStatus.COMPLETED))
        store_workers(store, a_worker())
        committed(store, lambda tx: tx.add_attempt(an_attempt(outcome=AttemptOutcome.SUCCEEDED)))
        logs.append("lease1", 0, b"hello\n")
        blobs.put(b"nothing names this")
    return home


@KINDS
def test_a_restored_backup_equals_the_original(tmp_path: Path, home: Path, name: str) -> None:
    manifest = take(home, tmp_path / name)

    put_back(tmp_path / name, tmp_path / "again")

    blobs, logs = FolderBlobs(tmp_path / "again" / "blobs"), FolderLogs(tmp_path / "again" / "logs")
    with a_store(tmp_path / "again") as store:
        file = store.read(lambda reader: reader.file(PROJECT, "data.csv"))
        value = store.read(lambda reader: reader.value(PROJECT, "report", now=NOON))
        home_id = store.read(lambda reader: reader.home_id())
    assert file is not None
    assert value is not None
    paths = [blobs.path(digest) for digest in (file.digest, value.artifact or "")]
    assert [path.read_bytes() if path else None for path in paths] == [b"data", b"report"]
    assert logs.read("lease1", 0, 99) == b"hello\n"
    assert (manifest.blobs, manifest.logs, manifest.home_id) == (2, 1, home_id)
    assert len(manifest.missing) == 1  # the script of the job, which this home never had
    assert not (tmp_path / "again" / "titan-backup.json").exists()


@KINDS
def test_a_backup_under_load_holds_everything_that_was_acknowledged_before(
    tmp_path: Path, home: Path, name: str
) -> None:
    acknowledged: list[str] = []
    is_over = threading.Event()
    with a_store(home) as store:

        def write() -> None:
            while not is_over.is_set():
                acknowledged.append(put_large(store, f"key{len(acknowledged)}"))

        writer = threading.Thread(target=write)
        writer.start()
        wait_until(lambda: len(acknowledged) >= 50, "50 writes")
        before = list(acknowledged)
        take(home, tmp_path / name)
        after = len(acknowledged)
        is_over.set()
        writer.join()

    put_back(tmp_path / name, tmp_path / "again")

    with a_store(tmp_path / "again") as copy:
        assert copy.read(lambda reader: reader.present_keys(PROJECT, before, now=NOON)) == before
    assert after > len(before)  # it went on meanwhile


@KINDS
def test_a_backup_is_never_written_over_and_a_failed_one_leaves_nothing(tmp_path: Path, home: Path, name: str) -> None:
    take(home, tmp_path / name)
    damaged = FolderBlobs(home / "blobs").put(b"data")
    (home / "blobs" / damaged[:2] / damaged).write_bytes(b"other")

    with pytest.raises(InvalidInput, match="expected a name that nothing has yet"):
        take(home, tmp_path / name)
    with pytest.raises(StoreDamaged, match="expected the content it is named for; found another"):
        take(home, tmp_path / f"second-{name}")

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["home", name])


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Have new files as open as they are made."""
    before = os.umask(0)
    yield
    os.umask(before)


@KINDS
@pytest.mark.usefixtures("no_umask")
def test_a_backup_is_its_owners_alone_while_it_is_made_and_afterwards(tmp_path: Path, home: Path, name: str) -> None:
    target = tmp_path / "backups" / name
    target.parent.mkdir()
    seen: dict[str, int] = {}

    def look(_progress: Progress | None) -> None:
        for path in target.parent.rglob("*"):
            seen[path.name] = seen.get(path.name, 0) | stat.S_IMODE(path.stat().st_mode)

    back_up(home, target, now=NOON, on_progress=look)
    look(None)

    assert {name: mode for name, mode in seen.items() if mode & 0o077} == {}
    assert len(seen) >= 3  # it was looked at while it was made, too


def test_a_folder_that_is_no_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"expected a control\.db in it; found none"):
        take(tmp_path, tmp_path / "copy")


@KINDS
def test_a_home_that_is_not_empty_is_kept_unless_it_is_moved_aside(tmp_path: Path, home: Path, name: str) -> None:
    take(home, tmp_path / name)

    with pytest.raises(InvalidInput, match="expected an empty folder, or none"):
        put_back(tmp_path / name, home)
    _manifest, aside = put_back(tmp_path / name, home, is_forced=True)

    assert aside == tmp_path / "home.before-20260301T120000"
    assert (aside / "control.db").exists()
    assert (home / "control.db").exists()
    assert home.stat().st_mode & 0o777 == 0o700


def test_nobody_starts_on_a_home_while_something_is_put_there(tmp_path: Path, home: Path) -> None:
    take(home, tmp_path / "copy")
    refusals: list[str] = []

    def try_to_start(_progress: Progress) -> None:
        with pytest.raises(StoreInUse) as refused, a_store(home):
            pass
        refusals.append(str(refused.value))

    restore(tmp_path / "copy", home, now=NOON, is_forced=True, on_progress=try_to_start)

    assert refusals


def test_a_home_in_use_is_refused_even_by_force(tmp_path: Path, home: Path) -> None:
    take(home, tmp_path / "copy")

    with a_store(home), pytest.raises(InvalidInput, match=r"control\.db\.lock is locked"):
        put_back(tmp_path / "copy", home, is_forced=True)


def break_blob(copy: Path) -> None:
    (path,) = [path for path in copy.rglob("*") if path.is_file() and path.read_bytes() == b"data"]
    path.write_bytes(b"DATA")


def lose_blob(copy: Path) -> None:
    (path,) = [path for path in copy.rglob("*") if path.is_file() and path.read_bytes() == b"data"]
    path.unlink()


def change_database(copy: Path) -> None:
    with sqlite3.connect(copy / "control.db") as database:
        database.execute("delete from files")
    database.close()


def lose_manifest(copy: Path) -> None:
    (copy / "titan-backup.json").unlink()


@pytest.mark.parametrize("damage", [break_blob, lose_blob, change_database, lose_manifest])
def test_a_damaged_backup_is_not_put_back(tmp_path: Path, home: Path, damage: Callable[[Path], None]) -> None:
    take(home, tmp_path / "copy")
    damage(tmp_path / "copy")

    with pytest.raises((StoreDamaged, InvalidInput), match="Nothing was changed"):
        put_back(tmp_path / "copy", tmp_path / "again")

    assert not (tmp_path / "again").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "home"]


@pytest.mark.parametrize("entry", ["../outside", "/tmp/outside", "worker/worker.json", "blobs/../../outside"])
def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path, entry: str) -> None:
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        archive.add(__file__, entry)

    with pytest.raises(InvalidInput, match="expected what `titan backup` wrote"):
        put_back(tmp_path / "evil.tar.gz", tmp_path / "again")

    assert [path.name for path in tmp_path.iterdir()] == ["evil.tar.gz"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00broken"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "copy.tar.gz").write_bytes(content)

    with pytest.raises(InvalidInput, match="expected what `titan backup` wrote"):
        put_back(tmp_path / "copy.tar.gz", tmp_path / "again")


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="expected a folder or an archive; found neither"):
        put_back(tmp_path / "nothing", tmp_path / "again")
