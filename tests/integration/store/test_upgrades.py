"""A store of commit 0e463a12 is upgraded in place: to the schema of a new store, with all that it holds.

Who changes a `schema.sql` without its version, or without its step, fails here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import apsw
import psycopg
import pytest

from tests.integration.access.test_starting import titan
from tests.integration.store.test_other_schema import contents, opened, rows
from tests.support.builders import NOON, PROJECT
from tests.support.older_stores import OLDER, older_database, older_home
from tests.support.postgres import a_database
from tests.support.raw_http import given
from tests.support.running_titan import running_titan
from titan.model.errors import StoreDamaged, StoreInUse, TitanError
from titan.model.run_control import Origin
from titan.model.runs import Run
from titan.ports.runs_store import RunFilter
from titan.storage import Durable, open_durable
from titan.store import backup
from titan.store.postgres.address import CHARGE, CONTROL, Address, Kind, prepare
from titan.store.runs import postgres_store, sqlite_store
from titan.store.sqlite import opening
from titan.system import SystemClock

KINDS: Final = {"control.db": opening.CONTROL, "calls.db": sqlite_store.CALLS}
#: Name of a table, with the project's schema before it → rows.
Tables: TypeAlias = dict[str, list[tuple[Any, ...]]]
#: What was in an older store, which an upgrade leaves as it is.
STATUSES: Final = {"COMPLETED", "FAILED", "CANCELLED", "RUNNING", "WAITING", "READY", "WAITING_APPROVAL"}


@contextmanager
def reading(path: Path) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        yield connection


def version_of(path: Path) -> int:
    with reading(path) as connection:
        return int(str(connection.execute("select value from meta where name = 'schema_version'").get))


# --- the schema afterwards ---


def schema_of_file(path: Path) -> dict[str, object]:
    """Return everything that defines a database: columns, constraints, indexes, triggers, virtual tables."""
    with reading(path) as connection:

        def asked(query: str, *given: str) -> list[Any]:
            return connection.execute(query, given).fetchall()

        found: dict[str, object] = dict(opening._definitions(connection))
        for table in [row[1] for row in asked("pragma table_list") if row[0] == "main"]:
            found[f"{table}: columns"] = asked("select * from pragma_table_xinfo(?)", table)
            found[f"{table}: keys"] = asked("select * from pragma_foreign_key_list(?)", table)
            kinds = asked("select ncol, wr, strict from pragma_table_list(?) where schema = 'main'", table)
            indexes = sorted(asked('select name, "unique", origin, partial from pragma_index_list(?)', table))
            of_index = [asked("select * from pragma_index_xinfo(?)", index[0]) for index in indexes]
            found[f"{table}: kind"], found[f"{table}: indexes"] = kinds, [*zip(indexes, of_index, strict=True)]
    return found


@pytest.mark.parametrize("name", KINDS)
def test_an_upgraded_file_has_the_schema_of_a_new_one(tmp_path: Path, name: str) -> None:
    home, new = older_home(tmp_path), tmp_path / "new"
    with opened(home), opened(new):
        pass

    assert schema_of_file(home / name) == schema_of_file(new / name)
    assert version_of(home / name) == KINDS[name].schema.version


SCHEMA_QUERIES: Final = (
    "select table_schema, table_name, ordinal_position, column_name, data_type, collation_name, column_default,"
    " is_nullable, is_generated, generation_expression from information_schema.columns"
    " where table_schema in ('public', 'calls')",
    "select schemaname, tablename, indexdef from pg_indexes where schemaname in ('public', 'calls')",
    "select conrelid::regclass::text, conname, pg_get_constraintdef(pg_constraint.oid) from pg_constraint"
    " inner join pg_namespace on pg_namespace.oid = connamespace where nspname in ('public', 'calls')",
    "select tgrelid::regclass::text, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "select sequence_schema, sequence_name from information_schema.sequences",
)


def schema_of_database(url: str) -> list[list[tuple[Any, ...]]]:
    with psycopg.connect(url) as connection:
        return [sorted(connection.execute(query.encode()).fetchall()) for query in SCHEMA_QUERIES]


def test_an_upgraded_database_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    with older_database() as url, a_database() as new:
        with opened(tmp_path, url):
            pass

        assert schema_of_database(url) == schema_of_database(new)


@pytest.mark.parametrize(("name", "kind"), KINDS.items(), ids=KINDS)
def test_a_schema_that_was_changed_without_its_step_is_found_out(tmp_path: Path, name: str, kind: opening.Kind) -> None:
    home = older_home(tmp_path)
    before = contents(home)
    sql = kind.schema.sql.replace("create table meta (", "create table moods (mood text);\ncreate table meta (")
    steps = {OLDER[name] + 1: "select 1", **kind.schema.steps}
    changed = replace(kind, schema=replace(kind.schema, sql=sql, steps=steps, version=OLDER[name] + len(steps)))

    with pytest.raises(StoreDamaged, match="another definition of 'moods'"):
        opening.open_to_write(home / name, now=NOON, kind=changed)

    assert version_of(home / name) == OLDER[name]
    assert contents(home)["control.db"] == before["control.db"] or name == "control.db"


# --- the content afterwards ---


def rows_of_file(path: Path) -> Tables:
    with reading(path) as connection:
        tables = [str(row[1]) for row in connection.execute("pragma table_list") if row[0] == "main"]
        return {
            table: connection.execute(f"select * from {table}").fetchall()
            for table in tables
            if not table.startswith(("sqlite_", "words"))
        }


def check_kept(before: Tables, after: Tables, *, changed: set[str]) -> None:
    """Every row is there, with what it held; new columns stand behind the others."""
    for table, held in before.items():
        if table not in changed:
            cut = [row[: len(held[0])] for row in after[table]] if held else after[table]
            assert cut == held, table


@pytest.mark.parametrize("name", KINDS)
def test_an_upgrade_of_a_file_keeps_every_row(tmp_path: Path, name: str) -> None:
    home = older_home(tmp_path)
    before = rows_of_file(home / name)

    opening.open_to_write(home / name, now=NOON, kind=KINDS[name]).connection.close()

    assert before.keys() == {*before} & {*rows_of_file(home / name)}
    check_kept(before, rows_of_file(home / name), changed={"meta", "agent_hours"})  # sums of production alone
    assert all(before.values())


def runs_of(durable: Durable) -> dict[str, Run]:
    everything = RunFilter(has_archived=True)
    runs, _ = durable.calls.read(
        lambda reader: reader.registry(PROJECT, everything, sort="started", is_ascending=True, after=None, limit=1000)
    )
    return {run.id: run for run in runs}


@contextmanager
def upgraded(tmp_path: Path, *, is_postgres: bool) -> Iterator[Durable]:
    if not is_postgres:
        with opened(older_home(tmp_path)) as durable:
            yield durable
        return
    with older_database() as url, opened(tmp_path, url) as durable:
        yield durable


@pytest.mark.parametrize("is_postgres", [False, True], ids=["sqlite", "postgres"])
def test_the_contents_of_an_older_store_are_read_through_the_ports(tmp_path: Path, *, is_postgres: bool) -> None:
    with upgraded(tmp_path, is_postgres=is_postgres) as durable:
        jobs = durable.store.read(lambda reader: reader.jobs(PROJECT, limit=1000))
        runs = runs_of(durable)

        assert {job.status.value for job in jobs} == STATUSES
        assert len(runs) > 50
        for run in runs.values():
            tape = durable.calls.read(lambda reader, run_id=run.id: reader.check_tape(PROJECT, run_id))  # type: ignore[misc]
            actions = durable.calls.read(lambda reader, run_id=run.id: reader.actions_of_run(PROJECT, run_id))  # type: ignore[misc]
            assert tape is not None
            assert (tape.broken, run.trusted_at) == (None, None), run.id
            assert len(actions) >= run.tally.calls
        imported = {run.id for run in runs.values() if run.imported_at is not None}
        assert imported == {run_id for run_id in runs if run_id.startswith("STRANGER")}
        assert len(imported) == 2
        assert runs_of(durable)["TRACED_1"].tally.calls == 1
        assert [task.id for task in durable.calls.read(lambda reader: reader.tasks(PROJECT, "lamp", limit=10))] == [
            *("dark", "light")
        ]
        tries = durable.calls.read(lambda reader: reader.agent_runs(PROJECT, "lamp", limit=10))
        assert {run.status.value for run in tries} == {"completed", "cancelled"}
        evaluated = {run_id for run_id, run in runs.items() if run.origin is Origin.EVALUATION}
        assert evaluated
        assert evaluated >= {run.run_id for run in tries} & runs.keys()
        assert runs["SHOP_5d20b7"].origin is Origin.PRODUCTION
        staged = durable.store.read(lambda reader: reader.dags(PROJECT, origin=Origin.EVALUATION, limit=100))
        assert {dag.run_id for dag in staged} == {run_id for run_id in evaluated if runs[run_id].has_stages}
        assert durable.store.read(lambda reader: reader.members(PROJECT, "topics")) == ["batteries"]


@pytest.mark.parametrize("is_postgres", [False, True], ids=["sqlite", "postgres"])
def test_a_server_that_starts_on_an_older_store_says_so_and_shows_its_jobs_and_runs(
    tmp_path: Path, *, is_postgres: bool
) -> None:
    with older_database() as url:
        home = tmp_path / "beside" if is_postgres else older_home(tmp_path)
        with running_titan(home, offers=(), store=url if is_postgres else None) as server:
            jobs = given(server.sdk_port, "/api/jobs?limit=100")["jobs"]
            runs = given(server.sdk_port, "/api/v1/runs?window=all&limit=200")["data"]
            chain = given(server.sdk_port, "/api/v1/runs/SHOP_5d20b7/chain")
            said = [line for line in server.log.splitlines() if "upgrading its schema" in line]

    assert {"long", "held", "open_gate", "hello"} <= {job["name"] for job in jobs}
    assert {"TEACHER_1", "GREETER_1", "SHOP_5d20b7"} <= {run["run_id"] for run in runs}
    assert chain["verified"]
    older = [kind for name, kind in KINDS.items() if kind.schema.version > OLDER[name]]
    assert len(said) == len(older)
    assert f"upgrading its schema from version 38 to {sqlite_store.CALLS.schema.version}" in said[-1]


# --- looking, backups ---


def test_doctor_and_backup_leave_an_older_home_as_it_is_and_say_that_the_next_start_upgrades_it(tmp_path: Path) -> None:
    home = older_home(tmp_path)
    before = contents(home)

    done = titan(home, "doctor", TITAN_MODEL="none")
    backup.back_up(home, tmp_path / "copy", now=NOON, on_progress=lambda _progress: None)

    said = " ".join(done.stdout.split())
    assert contents(home) == before
    assert f"has schema version 38: the next `titan up` upgrades it to {sqlite_store.CALLS.schema.version}" in said
    assert "titan backup" in said
    assert done.returncode == 0


def test_a_backup_of_an_older_store_is_put_back_and_upgraded_at_the_next_start(tmp_path: Path) -> None:
    home, again = older_home(tmp_path), tmp_path / "again"
    backup.back_up(home, tmp_path / "copy", now=NOON, on_progress=lambda _progress: None)

    backup.restore(tmp_path / "copy", again, now=NOON, is_forced=False, on_progress=lambda _progress: None)

    assert version_of(again / "calls.db") == 38
    with opened(again) as durable:
        assert len(runs_of(durable)) > 50


# --- upgrades that fail ---


@pytest.mark.parametrize(("name", "kind"), KINDS.items(), ids=KINDS)
def test_an_upgrade_that_fails_leaves_the_file_as_it_was_and_can_be_repeated(
    tmp_path: Path, name: str, kind: opening.Kind
) -> None:
    home = older_home(tmp_path)
    before, version = rows_of_file(home / name), kind.schema.version + 1
    steps = {**kind.schema.steps, version: "create table half (done text); select no_such_function()"}
    failing = replace(kind, schema=replace(kind.schema, steps=steps, version=version))

    with pytest.raises(apsw.SQLError, match="no_such_function"):
        opening.open_to_write(home / name, now=NOON, kind=failing)

    assert rows_of_file(home / name) == before
    with opened(home) as durable:  # the other database may be upgraded by now, or not yet
        assert len(runs_of(durable)) > 50


def test_an_upgrade_of_a_database_that_fails_leaves_both_stores_as_they_were(tmp_path: Path) -> None:
    calls = postgres_store.CALLS
    version = calls.schema.version + 1
    steps = {**calls.schema.steps, version: "create table half (done text); select no_such_function()"}
    failing = replace(calls, schema=replace(calls.schema, steps=steps, version=version))
    with older_database() as url:
        before = rows(url)

        with pytest.raises(TitanError, match="no_such_function"):
            prepare(Address(url), CONTROL, failing, now=NOON)

        assert rows(url) == before
        with opened(tmp_path, url) as durable:
            assert len(runs_of(durable)) > 50


def test_a_database_on_which_a_server_of_an_older_titan_works_is_not_upgraded(tmp_path: Path) -> None:
    with older_database() as url, psycopg.connect(url) as server:
        server.execute("select pg_advisory_lock(%s)", [CHARGE])
        before = rows(url)

        with pytest.raises(
            StoreInUse, match=f"found one of an older Titan, which has schema version {OLDER['control.db']}"
        ) as refused:
            open_durable(tmp_path, store=url, shared=None)

        assert rows(url) == before
        assert "Stop all servers of this database" in refused.value.next_step


def test_of_servers_that_start_at_once_one_upgrades_and_the_others_find_it_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kinds: tuple[Kind, ...] = (CONTROL, postgres_store.CALLS)
    with older_database() as url, ThreadPoolExecutor(4) as servers, caplog.at_level(logging.WARNING):

        def start(_number: int) -> None:
            prepare(Address(url), *kinds, now=SystemClock().now())

        assert list(servers.map(start, range(4))) == [None] * 4

    said = [record for record in caplog.records if "upgrading its schema" in record.getMessage()]
    assert len(said) == sum(bool(kind.schema.steps) for kind in kinds)
