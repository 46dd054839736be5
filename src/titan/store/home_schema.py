"""Refuses a home of another schema before anything in it is opened to write, so that it stays as it is."""

from pathlib import Path

import apsw

from titan.store import lost
from titan.store.folders import errors_translated
from titan.store.ownership import kept_free
from titan.store.runs.sqlite_store import CALLS
from titan.store.sqlite import opening
from titan.store.sqlite.session import translated


def check_home(home: Path) -> None:
    """Return when each database of a home has this Titan's schema, or is not there. No byte of a file is changed.

    Raises:
        SchemaMismatch: one has the schema of another Titan.
        StoreDamaged, StoreUnavailable: one cannot be read.
    """
    with errors_translated(f"home {home}"), kept_free(home / lost.CONTROL_FILE) as is_free:
        for name, kind in ((lost.CONTROL_FILE, opening.CONTROL), (lost.CALLS_FILE, CALLS)):
            try:
                opening.check_version(home / name, kind, is_open=not is_free)
            except apsw.Error as error:
                raise translated(error, home / name) from error
