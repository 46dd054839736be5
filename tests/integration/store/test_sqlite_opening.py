"""Opening a home takes what is Titan's, of this version and nobody else's, and leaves the rest as it is."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.sources import ROOT
from tests.support.stores import PATIENCE_SECONDS, StandingClock, committed
from titan.model.errors import StoreDamaged, StoreInUse
from titan.model.files import StoredValue
from titan.ports.jobs_store import Transaction
from titan.store.sqlite import SqliteStore, opening


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a store that holds something was closed."""
    path = tmp_path / "home" / "control.db"
    store = open_store(path)
    committed(store, fill)
    store.close()
    return path


def open_store(path: Path) -> SqliteStore:
    return SqliteStore(path, clock=StandingClock())


def fill(tx: Transaction) -> None:
    for number in range(200):
        tx.put_value(PROJECT, f"key{number}", StoredValue(value="x" * 1000))


def contents(path: Path) -> dict[str, bytes]:
    """Return name → content of the database and what SQLite puts beside it."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".lock"}


def crash_copy(path: Path) -> Path:
    """Return a copy of the home as a crash would leave it: the newest facts are in the -wal only."""
    store = open_store(path)
    committed(store, lambda tx: tx.put_value(PROJECT, "newest", StoredValue(value="x")))
    crashed = path.parent.with_name("crashed") / path.name
    shutil.copytree(path.parent, crashed.parent)
    store.close()
    return crashed


# --- a new home ---


def test_a_new_store_and_its_folder_are_their_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "home" / "control.db"

    store = open_store(path)

    committed(store, fill)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    store.close()
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    path.touch()

    store = open_store(path)

    assert len(store.read(lambda reader: reader.home_id())) == 32
    store.close()


def test_two_stores_have_two_home_ids(tmp_path: Path) -> None:
    stores = [open_store(tmp_path / name) for name in ("one.db", "two.db")]

    home_ids = {store.read(lambda reader: reader.home_id()) for store in stores}

    assert len(home_ids) == 2
    for store in stores:
        store.close()


def test_a_closed_store_is_one_file(path: Path) -> None:
    assert sorted(file.name for file in path.parent.iterdir()) == ["control.db", "control.db.lock"]


# --- damage ---


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database, but longer than a header of one hundred bytes " * 100)


def half_a_header(path: Path) -> None:
    os.truncate(path, 50)


def half_a_file(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def no_pages_after_the_first(path: Path) -> None:
    os.truncate(path, 4096)


def zeroed_pages(path: Path) -> None:
    size_bytes = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(bytes(size_bytes - 8192))


def scrambled_schema(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3000)


def nothing_but_a_journal(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"frames of a file that is gone")
    os.truncate(path, 0)


def another_program(path: Path) -> None:
    path.unlink()
    with apsw.Connection(str(path)) as connection:
        connection.execute("create table meta (name text, value text); create table songs (title text)")
    connection.close()


DAMAGES = [
    garbage,
    half_a_header,
    half_a_file,
    no_pages_after_the_first,
    zeroed_pages,
    scrambled_schema,
    nothing_but_a_journal,
    another_program,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_left_as_it_is(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    before = contents(path)

    with pytest.raises(StoreDamaged) as raised:
        open_store(path)

    assert raised.value.subject == f"store {path}"
    assert "left as it is" in raised.value.next_step
    assert contents(path) == before


def test_a_start_looks_at_a_large_file_for_as_long_as_it_may_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "large.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(opening.CONTROL.schema.sql)
        version = str(opening.CONTROL.schema.version)
        connection.execute("insert into meta (name, value) values ('schema_version', ?)", (version,))
        connection.execute("create table many (number integer); create table late (content text)")
        connection.execute(
            "with recursive n (i) as (select 1 union select i + 1 from n where i < 100000) "
            "insert into many select i from n"
        )
        [(page,)] = connection.execute("select rootpage from sqlite_schema where name = 'late'")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))

    opening.check(path, within_seconds=0.0)
    with pytest.raises(StoreDamaged):
        opening.check(path)
    with pytest.raises(StoreDamaged):
        opening.check(path, within_seconds=None)


def test_a_definition_that_was_changed_is_damage(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("alter table jobs rename column priority to priorit_")

    with pytest.raises(StoreDamaged, match="another definition of 'jobs"):
        open_store(path)


def test_damage_in_files_left_by_a_crash_is_detected_too(path: Path) -> None:
    crashed = crash_copy(path)
    zeroed_pages(crashed)
    crashed.with_name(crashed.name + "-shm").unlink()
    before = contents(crashed)

    with pytest.raises(StoreDamaged):
        open_store(crashed)

    assert contents(crashed) == before


def test_damage_that_is_met_while_the_store_is_open_is_named(path: Path) -> None:
    store = open_store(path)
    zeroed_pages(path)

    with pytest.raises(StoreDamaged, match="put a copy in its place"):
        store.read(lambda reader: reader.value(PROJECT, "key100", now=NOON))
    with pytest.raises(StoreDamaged):
        committed(store, lambda tx: tx.value(PROJECT, "key100", now=NOON))

    store.close()


def test_a_copy_in_place_of_a_damaged_file_is_opened(path: Path) -> None:
    copy = path.read_bytes()
    garbage(path)
    with pytest.raises(StoreDamaged):
        open_store(path)

    path.write_bytes(copy)
    store = open_store(path)

    assert store.read(lambda reader: reader.value(PROJECT, "key199", now=NOON)) is not None
    store.close()


def test_a_store_left_by_a_crash_opens_with_its_newest_values(path: Path) -> None:
    crashed = crash_copy(path)

    store = open_store(crashed)

    keys = ["key0", "newest"]
    assert store.read(lambda reader: reader.present_keys(PROJECT, keys, now=NOON)) == keys
    store.close()


# --- one owner ---


def test_a_store_has_one_owner_who_is_named(path: Path) -> None:
    owner = open_store(path)

    with pytest.raises(StoreInUse, match=f"process {os.getpid()}"):
        open_store(path)

    committed(owner, fill)
    owner.close()


def test_another_process_may_not_open_it_meanwhile(path: Path) -> None:
    owner = open_store(path)

    other = subprocess.run(
        [sys.executable, "-m", "tests.support.committing", str(path.parent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert other.returncode == 1
    assert f"StoreInUse: store {path}" in other.stderr
    owner.close()


def test_a_transaction_waits_while_another_tool_has_the_file_locked(path: Path) -> None:
    store = open_store(path)
    tool = apsw.Connection(str(path))
    tool.execute("begin immediate")

    waiting = store.transact(fill)
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0.05)
    tool.execute("rollback")

    assert waiting.exception(timeout=PATIENCE_SECONDS) is None
    tool.close()
    store.close()


def test_a_store_that_was_closed_has_no_owner(path: Path) -> None:
    open_store(path).close()

    again = open_store(path)

    again.close()
    assert contents(path).keys() == {"control.db"}
