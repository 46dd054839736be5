"""Stores of recorded calls for tests: every implementation under its name, and recording as the recorder does it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import apsw
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.postgres import a_database
from tests.support.recorded import RUN, received
from tests.support.stores import PATIENCE_SECONDS
from titan.model.actions import Entry
from titan.model.runs import Action, Run
from titan.ports.runs_store import CallStore, CallTransaction, RunFilter, StoredEntry, TapeCheck
from titan.ports.runtime import Clock
from titan.recorder.recorder import record_entries
from titan.recorder.run_totals import Computed, compute
from titan.rules.runs.recording import Applied, apply_entries
from titan.store.postgres.address import Address
from titan.store.runs.postgres_store import PostgresCallStore
from titan.store.runs.sqlite_store import SqliteCallStore

T = TypeVar("T")

#: Opens one and the same store each time it is called.
OpenCallStore: TypeAlias = Callable[[Clock], CallStore]


@contextmanager
def _sqlite(home: Path) -> Iterator[OpenCallStore]:
    yield lambda clock: SqliteCallStore(home / "calls.db", clock=clock)


@contextmanager
def _postgres(_home: Path) -> Iterator[OpenCallStore]:
    with a_database() as url:
        yield lambda clock: PostgresCallStore(Address(url), clock=clock)


#: What the contract suite runs on: name → how a store, empty at first, is there for a while.
CALL_STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[OpenCallStore]]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
}


def kept(store: CallStore, decide: Callable[[CallTransaction], T]) -> T:
    """Return the result of a transaction once it is durable."""
    return store.transact(decide).result(timeout=PATIENCE_SECONDS)


def record(store: CallStore, *entries: Entry, project_id: str = PROJECT) -> Applied:
    """Record entries in one transaction, and compute the totals of what they changed."""
    applied = kept(store, lambda tx: recorded_in(tx, *entries, project_id=project_id))
    count(store)
    return applied


def record_heard(store: CallStore, entries: Iterable[Entry]) -> None:
    """Record entries in one transaction, each under the name of its run, as the recorder does."""

    def write(tx: CallTransaction) -> None:
        record_entries(tx, PROJECT, list(entries))

    kept(store, write)
    count(store)


def count(store: CallStore) -> None:
    """Compute the totals of all runs whose actions changed."""
    for project_id, run_id in store.read(lambda reader: reader.runs_to_total(limit=10_000)):
        found = store.read(partial(compute, project_id=project_id, run_id=run_id))
        if found is not None:
            kept(store, partial(_save_totals, project_id=project_id, run_id=run_id, computed=found))


def _save_totals(tx: CallTransaction, project_id: str, run_id: str, computed: Computed) -> None:
    tx.save_totals(project_id, run_id, computed.totals, computed.counts, version=computed.version)


def check(store: CallStore, run_id: str = RUN) -> TapeCheck:
    """Return what a check of a stored run says."""
    found = store.read(lambda reader: reader.check_tape(PROJECT, run_id))
    assert found is not None
    return found


def recorded_in(tx: CallTransaction, *entries: Entry, project_id: str = PROJECT) -> Applied:
    """Record entries in a transaction that goes on."""
    now = received(entries, tx.now)
    applied = apply_entries(entries, tx.known(project_id, entries), project_id=project_id, now=now)
    tx.keep(project_id, runs=applied.runs, actions=applied.actions, entries=applied.kept)
    return applied


def run_of(store: CallStore, run_id: str = RUN) -> Run | None:
    """Return a run."""
    return store.read(lambda reader: reader.run(PROJECT, run_id))


def standing_runs(store: CallStore) -> dict[str, Run]:
    """Return all runs by their ids, without what tells when their rows were written.

    That is also `troubles`: it counts how often a row came to say that its run failed, and one that failed and went on
    while no server ran never said so.
    """
    wanted = RunFilter(has_archived=True)
    runs, _ = store.read(
        lambda reader: reader.registry(PROJECT, wanted, sort="started", is_ascending=True, after=None, limit=10_000)
    )
    return {run.id: replace(run, received_at=NOON, troubles=0) for run in runs}


def actions_of(store: CallStore, run_id: str = RUN) -> list[Action]:
    """Return a run's actions."""
    return store.read(lambda reader: reader.actions_of_run(PROJECT, run_id))


def tape_of(store: CallStore, run_id: str = RUN) -> list[StoredEntry]:
    """Return all of a run's tape."""
    return store.read(lambda reader: reader.tape(PROJECT, run_id, limit=1_000_000))


def tamper(store: CallStore, sql: str, **functions: Callable[..., bytes]) -> None:
    """Change rows behind the store's back; `functions` can be called in the SQL, where the store is a file."""
    if isinstance(store, SqliteCallStore):
        with closing(apsw.Connection(str(vars(store)["_path"]))) as connection:
            connection.set_busy_timeout(round(PATIENCE_SECONDS * 1000))  # the store may be scrubbing what was deleted
            for name, function in functions.items():
                connection.create_scalar_function(name, function)
            connection.execute(sql).fetchall()
    else:
        with vars(store)["_address"].open() as connection:
            connection.execute("set search_path = calls")
            connection.execute(sql)


def everything_in(store: CallStore) -> bytes:
    """Return what stands in all files of a store, or where it is a database's schema, in all rows of its tables."""
    if isinstance(store, SqliteCallStore):
        path = Path(str(vars(store)["_path"]))
        return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))
    return every_row_in(vars(store)["_address"])


def every_row_in(address: Address) -> bytes:
    """Return all rows of all tables of recorded calls in a database, as texts."""
    find = "select table_name from information_schema.tables where table_schema = 'calls'"
    with address.open() as connection:
        tables = [str(name) for (name,) in connection.execute(find).fetchall()]
        rows = (row for name in tables for row in connection.execute(f'select t::text from calls."{name}" t'.encode()))
        return "\n".join(str(row[0]) for row in rows).encode()
