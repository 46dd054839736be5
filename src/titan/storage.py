"""Opens a server's stores, blobs and logs as configured, and the clock that they use."""

import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from titan.model.errors import InvalidInput, NotSupported
from titan.ports.jobs_store import Store
from titan.ports.runs_store import CallStore
from titan.ports.runtime import Blobs, Clock, Logs
from titan.store import home_files
from titan.store.blobs import FolderBlobs
from titan.store.folders import errors_translated, lock, make_folder
from titan.store.logs import FolderLogs
from titan.store.runs.sqlite_store import SqliteCallStore
from titan.store.sqlite import SqliteStore
from titan.system import SystemClock

if TYPE_CHECKING:
    from titan.store.postgres.address import Address

MARKER: Final = "shared.id"  #: the file with the id of a shared folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """Everything that outlives the server."""

    store: Store
    blobs: Blobs
    logs: Logs
    calls: CallStore
    clock: Clock
    folder: Path  #: of blobs and logs
    shown: str  #: where the store is, for people; without a password
    close: Callable[[], None]


def open_durable(home: Path, *, store: str | None, shared: Path | None) -> Durable:
    """Open the store at the URL `store`, or without one the file in `home`; blobs and logs are in `shared` or `home`.

    Raises:
        TitanError: something of it cannot be used; nothing was left open.
    """
    if store is None:
        return _in_home(home, folder=shared or home)
    try:
        from titan.store.postgres.address import Address
    except ImportError as error:
        raise NotSupported(
            "--store postgres://…",
            expected="psycopg, which speaks to PostgreSQL",
            found=str(error),
            next_step="Install it: pip install 'titan[postgres]'",
        ) from error
    return _in_postgres(home, Address(store), folder=shared or home)


def _in_home(home: Path, *, folder: Path) -> Durable:
    clock = SystemClock()
    with ExitStack() as opened:
        home_files.check_control(home)
        home_files.check_home(home)
        store = SqliteStore(home / home_files.CONTROL_FILE, clock=clock)
        opened.callback(store.close)
        home_files.check_calls(home, were_made=home_files.are_calls_noted(store))
        calls = SqliteCallStore(home / home_files.CALLS_FILE, clock=clock)
        opened.callback(calls.close)
        home_files.note_both(home, store)
        close = opened.pop_all().close
    return Durable(
        store=store,
        calls=calls,
        blobs=FolderBlobs(folder / "blobs", clock=clock),
        logs=FolderLogs(folder / "logs"),
        clock=clock,
        folder=folder,
        shown=str(home / "control.db"),
        close=close,
    )


def _in_postgres(home: Path, address: "Address", *, folder: Path) -> Durable:
    from titan.store.postgres import PostgresStore
    from titan.store.postgres.address import CONTROL, prepare
    from titan.store.runs.postgres_store import CALLS, PostgresCallStore

    with ExitStack() as opened:
        opened.callback(os.close, lock(home / "server"))
        prepare(address, CONTROL, CALLS, now=SystemClock().now())  # both in one transaction, or neither
        store = PostgresStore(address)
        opened.callback(store.close)
        calls = PostgresCallStore(address, clock=store.clock)
        opened.callback(calls.close)
        _share(address, folder)
        return Durable(
            store=store,
            calls=calls,
            blobs=FolderBlobs(folder / "blobs", clock=store.clock, is_shared=True),
            logs=FolderLogs(folder / "logs"),
            clock=store.clock,
            folder=folder,
            shown=address.shown,
            close=opened.pop_all().close,
        )


def _share(address: "Address", folder: Path) -> None:
    """Check that all servers of a database use the same folder of blobs and logs, by an id in both.

    Raises:
        InvalidInput: the other servers use another folder.
    """
    from titan.store.postgres.address import shared_folder_of, starting_alone

    marker = folder / MARKER
    with errors_translated(f"folder {folder}"), starting_alone(address) as connection:
        make_folder(folder)
        is_new = not marker.exists()
        found = secrets.token_hex(16) if is_new else marker.read_text().strip()
        expected = shared_folder_of(connection, propose=found)
        if found != expected:
            raise InvalidInput(
                f"folder {folder}",
                expected="the folder in which the other servers of this database keep blobs and logs",
                found="another one" if not is_new else "one that none of them has used",
                next_step="Set TITAN_SHARED to one folder that all of them reach.",
            )
        if is_new:
            marker.write_text(found + "\n")
