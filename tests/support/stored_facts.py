"""Reads the databases of a home beside its running server, to check that nothing changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import apsw

#: Written by a server that many tests share whenever their time has come, whatever it is asked meanwhile.
_OF_TIME: Final = (
    "GateExpired",
    "JobBackedOff",
    "JobReady",
    "JobRequeued",
    "JobUnroutable",
    "RunFellSilent",
    "WorkerLost",
)


def stored_facts(home: Path) -> dict[str, int]:
    """Return the number of rows of every table, and of the files in the blobs folder.

    Left out are entries of the journal that time alone may bring about, and what the server notes for itself.
    """
    connection = apsw.Connection(str(home / "control.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = [str(row[0]) for row in connection.execute("select name from sqlite_schema where type = 'table'")]
        with connection:
            counts = {table: len(connection.execute(f"select 1 from {table}").fetchall()) for table in tables}
            of_time = connection.execute(
                "select 1 from journal where kind in (select value from json_each(?))", [json.dumps(_OF_TIME)]
            ).fetchall()
    finally:
        connection.close()
    del counts["meta"]
    return {**counts, "journal": counts["journal"] - len(of_time), "blobs": len(blob_files(home))}


def blob_files(home: Path) -> set[Path]:
    """Return every file in the blobs folder, whole or unfinished."""
    return {path for path in (home / "blobs").rglob("*") if path.is_file()}
