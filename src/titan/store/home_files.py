"""Check a home's two databases: neither is lost nor of another schema.

A database that was made and is gone is an error, never an empty new one. `control.db` is made first, and notes when
`calls.db` was made, too. So wherever there is a `calls.db`, there was a `control.db`; after a crash between the two
there is no `calls.db` yet.
"""

from pathlib import Path
from typing import Final

import apsw

from titan.model.errors import StoreDamaged
from titan.ports.jobs_store import Store, Transaction
from titan.store.folders import errors_translated, kept_free
from titan.store.runs.sqlite_store import CALLS
from titan.store.sqlite import opening
from titan.store.sqlite.session import translated

CONTROL_FILE: Final = "control.db"
CALLS_FILE: Final = "calls.db"
_CALLS_MADE: Final = "calls_made"  # the note in control.db
_ANEW: Final = ".new"  # behind the name of a database: a file that says that it may begin anew


def check_control(home: Path) -> None:
    """Return unless `control.db` was made in a home and is gone.

    Raises:
        StoreDamaged: it is gone.
    """
    if opening.is_made(home / CALLS_FILE):
        _check(home / CONTROL_FILE)


def check_calls(home: Path, *, were_made: bool) -> None:
    """Return unless `calls.db` was made in a home, as its `control.db` knows, and is gone.

    Raises:
        StoreDamaged: it is gone.
    """
    if were_made:
        _check(home / CALLS_FILE)


def were_calls_made(home: Path) -> bool:
    """Return what the `control.db` of a home remembers that no server has open.

    Raises:
        StoreDamaged: it cannot be read.
    """
    return opening.is_made(home / CONTROL_FILE) and opening.note(home / CONTROL_FILE, _CALLS_MADE) is not None


def are_calls_noted(store: Store) -> bool:
    """Return what an open `control.db` remembers."""
    return store.read(lambda reader: reader.note(_CALLS_MADE)) is not None


def note_both(home: Path, store: Store) -> None:
    """Have an open `control.db` remember that both are there."""

    def note(tx: Transaction) -> None:
        tx.put_note(_CALLS_MADE, tx.now.isoformat())

    if not are_calls_noted(store):
        store.transact(note).result()
    for name in (CONTROL_FILE, CALLS_FILE):
        (home / (name + _ANEW)).unlink(missing_ok=True)


def _check(path: Path) -> None:
    if opening.is_made(path) or path.with_name(path.name + _ANEW).exists():
        return
    raise StoreDamaged(
        f"store {path}",
        expected="the database that was made there",
        found="an empty file" if path.exists() else "no file",
        next_step="Restore a backup with titan restore --force, or put a copy there. "
        f"To begin anew without it: touch {path}{_ANEW}",
    )


def check_home(home: Path) -> None:
    """Return when each database of a home has this Titan's schema, or is not there. No byte of a file is changed.

    Raises:
        SchemaMismatch: one has the schema of another Titan.
        StoreDamaged, StoreUnavailable: one cannot be read.
    """
    with errors_translated(f"home {home}"), kept_free(home / CONTROL_FILE) as is_free:
        for name, kind in ((CONTROL_FILE, opening.CONTROL), (CALLS_FILE, CALLS)):
            try:
                opening.check(home / name, kind, within_seconds=0, is_open=not is_free)
            except apsw.Error as error:
                raise translated(error, home / name) from error
