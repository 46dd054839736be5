"""A home or a database with the schema of another Titan is refused, and not a byte of it changes."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeAlias

import apsw
import pytest

from tests.integration.access.test_starting import titan
from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import record
from tests.support.postgres import a_database
from tests.support.recorded import a_call
from tests.support.stores import committed
from titan.model.errors import SchemaMismatch, StoreDamaged, TitanError
from titan.model.files import StoredValue
from titan.storage import Durable, open_durable
from titan.store import backup
from titan.store.home_files import check_home
from titan.store.postgres import address as postgres_opening
from titan.store.postgres.address import Address
from titan.store.runs import postgres_store, sqlite_store
from titan.store.runs.postgres_store import PostgresCallStore
from titan.store.sqlite import opening as sqlite_opening
from titan.system import SystemClock

SCHEMAS = {"control.db": sqlite_opening.CONTROL.schema, "calls.db": sqlite_store.CALLS.schema}
VERSIONS = {name: schema.version for name, schema in SCHEMAS.items()}
#: What the messages name: the versions that this Titan opens.
OPENED = {
    name: f"{schema.oldest} to {schema.version}" if schema.steps else str(schema.version)
    for name, schema in SCHEMAS.items()
}

#: Path → content and time of its last change.
Contents: TypeAlias = dict[str, tuple[bytes, int]]


@contextmanager
def opened(home: Path, store: str | None = None) -> Iterator[Durable]:
    durable = open_durable(home, store=store, shared=None)
    try:
        yield durable
    finally:
        durable.close()


def set_version(path: Path, version: int) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("update meta set value = ? where name = 'schema_version'", (str(version),))
        assert connection.changes() == 1


def stopped(folder: Path, name: str, version: int) -> Path:
    """Return a copy of what a server left that has ended; one of the databases has another version."""
    home = folder / "home"
    home.mkdir()
    with opened(home) as durable:
        fill(durable)
    set_version(home / name, version)
    (home / "control.db.lock").unlink()
    return home


def crashed(folder: Path, name: str, version: int) -> Path:
    """Return a home whose server was killed: what was written last, the version too, is in the -wal alone."""
    live = folder / "live"
    live.mkdir()
    with opened(live) as durable:
        fill(durable)
        set_version(live / name, version)
        home = Path(shutil.copytree(live, folder / "home"))
    assert (home / f"{name}-wal").stat().st_size > 0
    return home


def fill(durable: Durable) -> None:
    committed(durable.store, lambda tx: tx.put_value(PROJECT, "key", StoredValue(value="x")))
    record(durable.calls, a_call())


def contents(home: Path) -> Contents:
    files = (path for path in home.rglob("*") if path.is_file())
    return {str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def take_backup(home: Path) -> None:
    backup.back_up(home, home.with_name("copy"), now=NOON, on_progress=lambda _progress: None)


def test_both_databases_of_a_store_have_one_version() -> None:
    assert sqlite_opening.CONTROL.schema.version == postgres_opening.CONTROL.schema.version
    assert sqlite_store.CALLS.schema.version == postgres_store.CALLS.schema.version


# --- a home ---


@pytest.mark.parametrize("leave", [stopped, crashed])
@pytest.mark.parametrize("name", ["control.db", "calls.db"])
@pytest.mark.parametrize(("version", "whose"), [(1, "an older"), (99, "a newer")])
def test_a_home_of_another_schema_is_refused_and_left_as_it_is(
    tmp_path: Path, leave: Callable[[Path, str, int], Path], name: str, version: int, whose: str
) -> None:
    home = leave(tmp_path, name, version)
    before = contents(home)

    with pytest.raises(SchemaMismatch) as refused, opened(home):
        pass
    with pytest.raises(SchemaMismatch):
        take_backup(home)

    assert contents(home) == before
    assert not (tmp_path / "copy").exists()
    assert str(refused.value) == (
        f"store {home / name}: expected schema version {OPENED[name]}; found version {version}, of {whose} Titan. "
        "It was left as it is: export what you need with the Titan that made it, or give this one another home "
        "(--home or TITAN_HOME)."
    )


@pytest.mark.parametrize("leave", [stopped, crashed])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("up", "--no-worker", "--port", "0", "--sdk-port", "0"), 5),
        (("doctor",), 1),
        (("backup", "../copy"), 5),
        (("tokens", "create", "ann"), 5),
    ],
    ids=["up", "doctor", "backup", "tokens"],
)
def test_a_command_refuses_a_home_of_another_schema(
    tmp_path: Path, leave: Callable[[Path, str, int], Path], words: tuple[str, ...], code: int
) -> None:
    home = leave(tmp_path, "calls.db", 22)
    before = contents(home)

    done = titan(home, *words, TITAN_MODEL="none")

    assert contents(home) == before
    assert done.returncode == code
    said = " ".join((done.stdout + done.stderr).split())
    assert f"expected schema version {OPENED['calls.db']}; found version 22, of an older Titan" in said
    assert "give this one another home" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["control.db", "calls.db"])
def test_a_home_in_which_a_server_of_another_titan_is_gets_neither_a_good_word_nor_a_backup(
    tmp_path: Path, name: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with opened(home):
        set_version(home / name, 1)

        done = titan(home, "doctor", TITAN_MODEL="none")
        with pytest.raises(SchemaMismatch, match="found version 1, of an older Titan"):
            take_backup(home)

    assert done.returncode == 1
    assert "found version 1, of an older Titan" in " ".join(done.stdout.split())


def test_a_home_without_databases_is_anybodys(tmp_path: Path) -> None:
    check_home(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_another_schema_is_not_put_back(tmp_path: Path) -> None:
    home = stopped(tmp_path, "calls.db", VERSIONS["calls.db"])
    take_backup(home)
    copy = tmp_path / "copy"
    set_version(copy / "calls.db", 1)
    manifest = (copy / "titan-backup.json").read_text()
    digest = hashlib.sha256((copy / "calls.db").read_bytes()).hexdigest()
    (copy / "titan-backup.json").write_text(re.sub(r'("calls_sha256": )"\w+"', rf'\1"{digest}"', manifest))

    with pytest.raises(SchemaMismatch, match=r"found version 1, of an older Titan\. .* restore it with Titan \d"):
        backup.restore(copy, tmp_path / "again", now=NOON, is_forced=False, on_progress=lambda _progress: None)

    assert not (tmp_path / "again").exists()


# --- a database ---


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return of each table where its rows are, who wrote them, and what they hold."""
    with Address(url).open() as connection:
        tables = connection.execute(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
            " where schemaname in ('public', 'calls')"
        ).fetchall()
        return {
            name: connection.execute(f"select ctid::text, xmin::text, t::text from {name} as t".encode()).fetchall()
            for (name,) in tables
        }


def change(url: str, command: str) -> None:
    with Address(url).open() as connection:
        connection.execute(command.encode())


@pytest.mark.parametrize(("meta", "where"), [("public.meta", ""), ("calls.meta", ", schema calls")])
@pytest.mark.parametrize("version", [1, 99])
def test_a_database_of_another_schema_is_refused_and_left_as_it_is(
    tmp_path: Path, meta: str, where: str, version: int
) -> None:
    with a_database() as url:
        change(url, f"update {meta} set value = '{version}' where name = 'schema_version'")
        before = rows(url)

        with pytest.raises(SchemaMismatch, match=f"found version {version}, of an? ") as refused:
            open_durable(tmp_path, store=url, shared=None)

        assert rows(url) == before
        assert refused.value.subject == Address(url).subject + where
        assert "or give --store another database" in refused.value.next_step


def test_where_the_other_store_has_no_tables_yet_none_are_made(tmp_path: Path) -> None:
    with a_database(is_empty=True) as url:
        PostgresCallStore(Address(url), clock=SystemClock()).close()
        change(url, "update calls.meta set value = '22' where name = 'schema_version'")
        before = rows(url)

        with pytest.raises(SchemaMismatch):
            open_durable(tmp_path, store=url, shared=None)

        assert rows(url) == before


def test_tables_of_another_program_where_recorded_runs_would_be_are_left_alone(tmp_path: Path) -> None:
    with a_database(is_empty=True) as url:
        change(url, "create schema calls; create table calls.songs (title text)")

        with pytest.raises(StoreDamaged, match="of another program, with the table songs"):
            open_durable(tmp_path, store=url, shared=None)

        assert rows(url) == {"calls.songs": []}


def test_of_servers_that_start_at_once_one_makes_the_tables_for_recorded_runs(tmp_path: Path) -> None:
    def start(_number: int) -> TitanError | None:
        try:
            PostgresCallStore(Address(url), clock=SystemClock()).close()
        except TitanError as error:
            return error
        return None

    with a_database(is_empty=True) as url, ThreadPoolExecutor(4) as servers:
        assert list(servers.map(start, range(4))) == [None] * 4
        assert len(rows(url)["calls.meta"]) == 3
