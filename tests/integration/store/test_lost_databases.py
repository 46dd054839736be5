"""A home of which one database is gone is refused, until it is put back or somebody says that it may begin anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import record, run_of
from tests.support.postgres import a_database
from tests.support.recorded import a_call
from tests.support.stores import StandingClock, committed
from titan.model.errors import StoreDamaged
from titan.model.files import StoredValue
from titan.storage import Durable, open_durable
from titan.store.backup import back_up, restore
from titan.store.sqlite import SqliteStore

NAMES = pytest.mark.parametrize("name", ["control.db", "calls.db"])


@contextmanager
def opened(home: Path, store: str | None = None) -> Iterator[Durable]:
    durable = open_durable(home, store=store, shared=None)
    try:
        yield durable
    finally:
        durable.close()


def has_value(durable: Durable) -> bool:
    return durable.store.read(lambda reader: reader.value(PROJECT, "key", now=NOON)) is not None


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a value and a recorded run, in which nobody is."""
    home = tmp_path / "home"
    home.mkdir()
    with opened(home) as durable:
        committed(durable.store, lambda tx: tx.put_value(PROJECT, "key", StoredValue(value="x")))
        record(durable.calls, a_call())
    return home


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


@NAMES
@pytest.mark.parametrize("lose", [remove, empty])
def test_a_database_that_is_gone_is_named_and_none_is_made(home: Path, name: str, lose: Callable[[Path], None]) -> None:
    lose(home / name)

    with pytest.raises(StoreDamaged) as refused, opened(home):
        pass

    assert refused.value.subject == f"store {home / name}"
    assert refused.value.expected == "the database that was made there"
    assert "Restore a backup" in refused.value.next_step
    assert f"touch {home / name}.new" in refused.value.next_step
    assert not (home / name).exists() or (home / name).stat().st_size == 0


@NAMES
def test_one_that_is_put_back_is_opened(home: Path, name: str) -> None:
    (home / name).rename(home / "aside")
    with pytest.raises(StoreDamaged), opened(home):
        pass

    (home / "aside").rename(home / name)

    with opened(home) as durable:
        assert has_value(durable)
        assert run_of(durable.calls) is not None


@NAMES
def test_one_that_may_begin_anew_does_so_once_and_the_other_is_as_it_was(home: Path, name: str) -> None:
    (home / name).unlink()
    (home / f"{name}.new").touch()

    with opened(home) as durable:
        assert has_value(durable) is (name == "calls.db")
        assert (run_of(durable.calls) is not None) is (name == "control.db")

    (home / name).unlink()
    with pytest.raises(StoreDamaged), opened(home):
        pass


def test_a_first_start_that_broke_off_between_the_two_goes_on(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "control.db", clock=StandingClock()).close()
    (tmp_path / "calls.db").touch()

    with opened(tmp_path) as durable:
        assert record(durable.calls, a_call()).kept


def test_a_home_of_before_is_remembered_from_its_next_start_on(home: Path) -> None:
    with closing(apsw.Connection(str(home / "control.db"))) as connection:
        connection.execute("delete from meta where name = 'calls_made'")
        assert connection.changes() == 1

    with opened(home):
        pass

    (home / "calls.db").unlink()
    with pytest.raises(StoreDamaged), opened(home):
        pass


def test_a_home_from_a_backup_remembers_as_well(tmp_path: Path, home: Path) -> None:
    back_up(home, tmp_path / "copy", now=NOON, on_progress=lambda _progress: None)
    restore(tmp_path / "copy", tmp_path / "again", now=NOON, is_forced=False, on_progress=lambda _progress: None)

    (tmp_path / "again" / "calls.db").unlink()

    with pytest.raises(StoreDamaged), opened(tmp_path / "again"):
        pass


def test_a_backup_without_the_recorded_runs_that_were_there_is_not_written(tmp_path: Path, home: Path) -> None:
    (home / "calls.db").unlink()

    with pytest.raises(StoreDamaged, match="expected the database that was made there; found no file"):
        back_up(home, tmp_path / "copy", now=NOON, on_progress=lambda _progress: None)

    assert not (tmp_path / "copy").exists()


def test_a_home_whose_store_is_postgresql_has_no_file_to_lose(tmp_path: Path) -> None:
    with a_database() as url:
        for _ in range(2):
            with opened(tmp_path, store=url) as durable:
                record(durable.calls, a_call())

    assert not list(tmp_path.glob("*.db"))
